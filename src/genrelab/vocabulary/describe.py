"""What the vocabulary says about a genre, a list or a text: records for people and programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from genrelab.errors import UsageError
from genrelab.printing import shorten
from genrelab.vocabulary.model_genres import ModelGenres
from genrelab.vocabulary.names import SPELLINGS, ancestors, broader, canonical, display
from genrelab.vocabulary.splitting import split_values
from genrelab.vocabulary.suggest import nearest
from genrelab.vocabulary.table import LISTS, children, entries, genres
from genrelab.vocabulary.tables import read_notes

OWN, TREE = "genrelab", "tree"
NAMES = (OWN, *LISTS, TREE)
"""The vocabularies that can be shown; `tree` is `genrelab` as a tree."""

Tree = list[str | dict[str, "Tree"]]


@dataclass(frozen=True, slots=True)
class Match:
    """What one value of a text means.

    Parameters
    ----------
    text : str
        The whole text.
    value : str
        The value; empty if the text has none.
    kind : {"same", "narrower", "unknown"}
        Whether the value is a spelling of the genre, or narrows it, such as `Swedish Death Metal`.
    name : str or None
        In the table.
    genres : tuple of str
        Genres of a model that the value names.
    nearest : tuple of str
        Names that are written alike, if it is unknown.
    """

    text: str
    value: str
    kind: Literal["same", "narrower", "unknown"]
    name: str | None
    genres: tuple[str, ...]
    nearest: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return {
            "text": self.text,
            "value": self.value,
            "match": self.kind,
            "name": self.name,
            "display": None if self.name is None else display(self.name),
            "level": None if self.name is None else genres()[self.name].level,
            "ancestors": [] if self.name is None else list(ancestors(self.name)),
            "model_genres": list(self.genres),
            "nearest": list(self.nearest),
        }


def match(text: str, model: Iterable[str] = ()) -> list[Match]:
    """Return what each genre in a text means.

    Parameters
    ----------
    text : str
        Of a tag.
    model : iterable of str
        The genres of a model.

    Returns
    -------
    list of Match
        At least one.
    """
    found, of_model = [], ModelGenres(model)
    for value in split_values(text) or (text.strip(),):
        same = canonical(value)
        name = same or broader(value)
        kind: Literal["same", "narrower", "unknown"] = "same" if same else "narrower" if name else "unknown"
        like = () if name else nearest(value)
        found.append(Match(text, value, kind, name, of_model.of_value(value), like))
    return found


def describe(text: str) -> dict[str, Any]:
    """Return all that the vocabulary says about a genre, as a JSON object.

    Raises
    ------
    UsageError
        If the table does not have it, or the text names several.
    """
    name, values = canonical(text), split_values(text)
    if name is None and len(values) > 1 and all(map(canonical, values)):
        message = f"{shorten(text)!r} names several genres: {', '.join(values)}. Name one of them."
        raise UsageError(message, code="vocabulary-several")
    if name is None:
        raise UsageError(
            f"the vocabulary has no {shorten(text)!r}; {_nearest_or_none(text)}. `genrelab vocabulary show "
            f"{OWN}` lists its genres, `genrelab vocabulary list` the vocabularies.",
            code="vocabulary-name-unknown",
        )
    genre = genres()[name]
    return {
        "name": name,
        "level": genre.level,
        "spellings": {spelling: display(name, spelling) for spelling in SPELLINGS},
        "lists": {each: [listed.name for listed in entries(each) if listed.genre == name] for each in LISTS},
        "id3_numbers": [listed.number for listed in entries("id3") if listed.genre == name],
        "parents": list(genre.parents),
        "ancestors": list(ancestors(name)),
        "children": list(children().get(name, ())),
        "aliases": list(genre.aliases),
    }


def _nearest_or_none(text: str) -> str:
    found = nearest(text)
    return f"the nearest names are {', '.join(map(repr, found))}" if found else "no name is near"


def vocabularies() -> list[dict[str, Any]]:
    """Return name, number of entries, coverage, source and licence of each vocabulary, as JSON objects."""
    found = [{"name": OWN, "entries": len(genres()), "about": read_notes("genres")}]
    found += [{"name": each, "entries": len(entries(each)), "about": read_notes(each)} for each in LISTS]
    about = f"The entries of `{OWN}` as a tree, each below its first parent, as beets reads genre trees."
    return [*found, {"name": TREE, "entries": len(genres()), "about": about}]


def rows(vocabulary: str) -> list[dict[str, Any]]:
    """Return the entries of a vocabulary other than `tree`, as JSON objects with the same keys."""
    for each in LISTS:
        if each == vocabulary:
            found = [
                {"number": one.number, "name": one.name, "parents": list(one.parents), "genre": one.genre}
                for one in entries(each)
            ]
            return [{key: row[key] for key in row if key != "number" or each == "id3"} for row in found]
    return [
        {"name": each.name, "level": each.level, "display": each.display, "parents": list(each.parents)}
        for each in genres().values()
    ]


def tree() -> Tree:
    """Return the table as nested lists; a genre with others below it is a mapping with one key."""
    below: dict[str, list[str]] = {}
    for genre in genres().values():
        below.setdefault(genre.parents[0] if genre.parents else "", []).append(genre.name)

    def branch(name: str) -> str | dict[str, Tree]:
        return {name: [branch(each) for each in below[name]]} if name in below else name

    return [branch(name) for name in below[""]]
