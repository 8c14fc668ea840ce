"""A genre or style of the table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Level = Literal["genre", "style"]


@dataclass(frozen=True, slots=True)
class Genre:
    """A genre or style of the table.

    Parameters
    ----------
    name : str
        Lower case, as MusicBrainz writes names: `hip hop`.
    level : {"genre", "style"}
        `genre` for what a small collection is sorted by, `style` for what is finer.
    display : str
        As players show it: `Hip-Hop`.
    parents : tuple of str
        Names of the genres and styles that it belongs to, the first one first.
    aliases : tuple of str
        Other ways to write it.
    """

    name: str
    level: Level
    display: str
    parents: tuple[str, ...]
    aliases: tuple[str, ...]


def spellings(genre: Genre) -> Iterator[str]:
    """Yield all ways to write a genre that its row of the table names."""
    yield from (genre.name, genre.display, *genre.aliases)
