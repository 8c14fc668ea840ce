"""A condition on tracks as SQL, and what conditions may name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from genrelab.recognize.recognition import UNSURE, Reason


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """A condition on rows of the table of tracks, from `genrelab.library.explore.where.parse_where`.

    Parameters
    ----------
    clause : str
        SQL, made of fixed pieces; nothing that a user wrote is in it.
    values : tuple
        Its parameters.
    text : str
        What the user wrote.
    """

    clause: str
    values: tuple[Any, ...]
    text: str


@dataclass(frozen=True, slots=True)
class KnownTags:
    """What conditions may name.

    Parameters
    ----------
    genres : frozenset of str
        The genres of all models with results in the library.
    tags : mapping of str to frozenset of str
        Kind -> names of the tags of these models.
    """

    genres: frozenset[str]
    tags: Mapping[str, frozenset[str]]

    @property
    def names(self) -> dict[str, list[str]]:
        """Kind -> names, with `genre` and `reason`, in alphabetical order."""
        found = {kind: set(names) for kind, names in self.tags.items()}
        found.setdefault("genre", set()).update(self.genres, [UNSURE])
        found["reason"] = set(get_args(Reason))
        return {kind: sorted(names) for kind, names in sorted(found.items())}
