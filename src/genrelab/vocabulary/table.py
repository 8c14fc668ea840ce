"""The table of genres and styles, and the lists of others that refer to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from genrelab.errors import VocabularyError
from genrelab.vocabulary.caches import cached
from genrelab.vocabulary.genre import Genre, Level, spellings
from genrelab.vocabulary.keys import normalize
from genrelab.vocabulary.own.extending import extend, spellings_of
from genrelab.vocabulary.own.file import file_in_use, read_names
from genrelab.vocabulary.tables import cells, read_table

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


@cached()
def genres() -> Mapping[str, Genre]:
    """Return the table: name -> genre or style, in the order of the file, then the user's own.

    Raises
    ------
    UsageError
        If the user's file cannot be used.
    """
    found: dict[str, Genre] = {}
    for name, level, display, parents, aliases in read_table("genres", _COLUMNS):
        found[name] = Genre(name, cast(Level, level), display, cells(parents), cells(aliases))
    path = file_in_use()
    return found if path is None else extend(found, read_names(path), path)


@cached()
def entries(name: ListName) -> tuple[Listed, ...]:
    """Return the entries of a list, in its order."""
    rows = read_table(name, _COLUMNS_OF[name])
    if name == "id3":
        return tuple(Listed(text, genre, number=int(number)) for number, text, genre in rows)
    if name == "discogs":
        return tuple(Listed(text, genre, cells(parents)) for text, _, parents, genre in rows)
    return tuple(Listed(text, genre) for text, genre in rows)


@cached()
def own_spellings() -> Mapping[str, str]:
    """Return the key of every spelling in the user's file -> name in the table."""
    path = file_in_use()
    return {} if path is None else spellings_of(genres(), read_names(path))


@cached()
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
    own = own_spellings()
    found.update(own)
    for text, name in (*named, *listed):
        key = normalize(text)
        if key in own:
            continue
        if found.setdefault(key, name) != name:
            raise VocabularyError(
                f"the vocabulary is damaged: {text!r} is both {found[key]!r} and {name!r}. "
                "Install genrelab again.",
                code="vocabulary-ambiguous",
            )
    for text, name in named:  # `drumandbass` and `drum bass` are written as well
        if _CONNECTOR.search(text):
            for between in ("and", ""):
                found.setdefault(normalize(_CONNECTOR.sub(between, text)), name)
    return found


@cached()
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


@cached()
def qualifiers() -> frozenset[str]:
    """Return the keys of words that say where, when or how general a genre is."""
    return frozenset(normalize(word) for (word,) in read_table("qualifiers", ("word",)))


@cached()
def children() -> Mapping[str, tuple[str, ...]]:
    """Return name -> names of the genres and styles of which it is a parent."""
    found: dict[str, tuple[str, ...]] = {}
    for genre in genres().values():
        for parent in genre.parents:
            found[parent] = (*found.get(parent, ()), genre.name)
    return found
