"""Extend the table by a user's own names."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from genrelab.errors import UsageError
from genrelab.printing import shorten
from genrelab.vocabulary.genre import Genre, spellings
from genrelab.vocabulary.keys import normalize
from genrelab.vocabulary.own.file import OwnName


def extend(table: Mapping[str, Genre], own: Iterable[OwnName], path: Path) -> dict[str, Genre]:
    """Return the table with a user's own names.

    A name that the table has in any spelling changes that genre, another one is new. An own alias takes the
    place of the same alias of another genre, but cannot be another's name.

    Parameters
    ----------
    table : mapping of str to Genre
    own : iterable of OwnName
    path : Path
        The user's file, for messages.

    Raises
    ------
    UsageError
        If a parent is unknown, a genre belongs to itself, or a spelling has two owners.
    """
    own = tuple(own)
    known = _owners(table, own)
    found = dict(table)
    for each in own:
        name = known[normalize(each.name)]
        before = found.get(name, Genre(name, "style", _shown(each.name), (), ()))
        parents = before.parents if each.parents is None else _parents(each, known, path)
        display = each.display or before.display
        aliases = dict.fromkeys((before.display, *before.aliases, *each.spellings()[1:]))
        aliases.pop(display, None)
        level = each.level or before.level
        found[name] = replace(before, display=display, level=level, parents=parents, aliases=tuple(aliases))
    _check_owners(found, spellings_of(found, own, known), own, known, path)
    for each in own:
        if _is_circular(name := known[normalize(each.name)], found):
            message = f"in the vocabulary {path}, {each.name!r} belongs to itself. Change its parents."
            raise UsageError(message, code="own-vocabulary-circle")
    return found


def spellings_of(
    table: Mapping[str, Genre], own: Iterable[OwnName], known: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the key of every spelling in a user's file -> name in the extended table."""
    own = tuple(own)
    known = _owners(table, own) if known is None else known
    found = {}
    for each in own:
        for text in each.spellings():
            found[normalize(text)] = known[normalize(each.name)]
    return found


def _owners(table: Mapping[str, Genre], own: Iterable[OwnName]) -> dict[str, str]:
    """Return the key of every spelling of the table, and of every own name, -> name in the table."""
    known = {normalize(text): genre.name for genre in table.values() for text in spellings(genre)}
    known |= {normalize(genre.name): genre.name for genre in table.values()}
    for each in own:
        known.setdefault(normalize(each.name), each.name.lower())
    return known


def _parents(own: OwnName, known: Mapping[str, str], path: Path) -> tuple[str, ...]:
    for text in own.parents or ():
        if normalize(text) not in known:
            near = difflib.get_close_matches(normalize(text), known, n=1)
            hint = f" The nearest one is {known[near[0]]!r}." if near else ""
            raise UsageError(
                f"in the vocabulary {path}, the parent {shorten(text)!r} of {own.name!r} is no genre.{hint} "
                "Correct it, or add it to the file.",
                code="own-vocabulary-parent",
            )
    return tuple(dict.fromkeys(known[normalize(text)] for text in own.parents or ()))


def _check_owners(
    table: Mapping[str, Genre],
    keys: Mapping[str, str],
    own: Iterable[OwnName],
    known: Mapping[str, str],
    path: Path,
) -> None:
    """Raise if a spelling in the user's file is the name of another genre, or stands there twice."""
    named: dict[str, set[str]] = {}
    for genre in table.values():
        for text in (genre.name, genre.display):
            named.setdefault(normalize(text), set()).add(genre.name)
    for each in own:
        name = known[normalize(each.name)]
        for text in each.spellings():
            key = normalize(text)
            other = next(iter({*named.get(key, ()), keys[key]} - {name}), None)
            if other is not None or not key:
                raise UsageError(
                    f"in the vocabulary {path}, the spelling {shorten(text)!r} of {each.name!r} "
                    f"{f'belongs to {other!r}' if key else 'has no letters or digits'}. Remove it.",
                    code="own-vocabulary-spelling",
                )


def _is_circular(name: str, table: Mapping[str, Genre]) -> bool:
    waiting, seen = list(table[name].parents), set[str]()
    while waiting:
        parent = waiting.pop()
        if parent == name:
            return True
        if parent not in seen:
            seen.add(parent)
            waiting += table[parent].parents
    return False


def _shown(name: str) -> str:
    """Return how a new name is shown: as the user writes it, or with capital letters."""
    return name if name != name.lower() else " ".join(word[:1].upper() + word[1:] for word in name.split())
