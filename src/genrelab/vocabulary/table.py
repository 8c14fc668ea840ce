"""The table of genres and styles, and the lists of others that refer to it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal, cast

from genrelab.errors import VocabularyError
from genrelab.vocabulary.keys import normalize
from genrelab.vocabulary.tables import cells, read_table

Level = Literal["genre", "style"]
ListName = Literal["id3", "discogs", "musicbrainz"]
LISTS: tuple[ListName, ...] = ("id3", "discogs", "musicbrainz")

_COLUMNS = ("name", "level", "display", "parents", "aliases")
_COLUMNS_OF: dict[ListName, tuple[str, ...]] = {
    "id3": ("number", "name", "genre"),
    "discogs": ("name", "kind", "parents", "genre"),
    "musicbrainz": ("name", "genre"),
}
_CONNECTOR = re.compile(r"\s*(?:&|\+|\band\b|\bn\b)\s*", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class Listed:
    """A name in a list of others.

    Parameters
    ----------
    name : str
        As the list spells it.
    genre : str
        Name in the table that means the same; empty if there is none.
    parents : tuple of str
        Names in the list that it belongs to.
    number : int or None
        Of a genre of ID3v1.
    """

    name: str
    genre: str
    parents: tuple[str, ...] = ()
    number: int | None = None


@cache
def genres() -> Mapping[str, Genre]:
    """Return the table: name -> genre or style, in the order of the file."""
    found: dict[str, Genre] = {}
    for name, level, display, parents, aliases in read_table("genres", _COLUMNS):
        found[name] = Genre(name, cast(Level, level), display, cells(parents), cells(aliases))
    return found


@cache
def entries(name: ListName) -> tuple[Listed, ...]:
    """Return the entries of a list, in its order."""
    rows = read_table(name, _COLUMNS_OF[name])
    if name == "id3":
        return tuple(Listed(text, genre, number=int(number)) for number, text, genre in rows)
    if name == "discogs":
        return tuple(Listed(text, genre, cells(parents)) for text, _, parents, genre in rows)
    return tuple(Listed(text, genre or text) for text, genre in rows)


def spellings(genre: Genre) -> Iterator[str]:
    """Yield all ways to write a genre that its row of the table names."""
    yield from (genre.name, genre.display, *genre.aliases)


@cache
def index() -> Mapping[str, str]:
    """Return the key of every known spelling -> name in the table.

    Raises
    ------
    VocabularyError
        If a spelling belongs to two genres.
    """
    found: dict[str, str] = {}
    named = [(text, genre.name) for genre in genres().values() for text in spellings(genre)]
    listed = [(each.name, each.genre) for name in LISTS for each in entries(name) if each.genre]
    for text, name in (*named, *listed):
        if found.setdefault(normalize(text), name) != name:
            raise VocabularyError(
                f"the vocabulary is damaged: {text!r} is both {found[normalize(text)]!r} and {name!r}. "
                "Install genrelab again.",
                code="vocabulary-ambiguous",
            )
    for text, name in named:  # `drumandbass` and `drum bass` are written as well
        for between in ("and", ""):
            found.setdefault(normalize(_CONNECTOR.sub(between, text)), name)
    return found


@cache
def spelled(name: ListName) -> Mapping[str, str]:
    """Return name in the table -> how a list spells it.

    Of several names that mean the same, the one with the table's own name counts, else one that begins with
    it (`World Music`, not `Ethnic`), else the first.
    """
    found: dict[str, str] = {}
    for each in entries(name):
        if each.genre and (
            each.genre not in found or _rank(each) < _rank(Listed(found[each.genre], each.genre))
        ):
            found[each.genre] = each.name
    return found


def _rank(listed: Listed) -> int:
    """Return how far a name is from the table's own: 0 for the same."""
    key, own = normalize(listed.name), normalize(listed.genre)
    return 0 if key == own else 1 if key.startswith(own) else 2


@cache
def qualifiers() -> frozenset[str]:
    """Return the keys of words that say where, when or how general a genre is."""
    return frozenset(normalize(word) for (word,) in read_table("qualifiers", ("word",)))


@cache
def children() -> Mapping[str, tuple[str, ...]]:
    """Return name -> names of the genres and styles of which it is a parent."""
    found: dict[str, tuple[str, ...]] = {}
    for genre in genres().values():
        for parent in genre.parents:
            found[parent] = (*found.get(parent, ()), genre.name)
    return found
