"""Conditions on tracks and folders as SQL, and what conditions may name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from genrelab.recognize.recognition import UNSURE, Reason

_SEPARATOR = os.fsencode(os.sep)
_AFTER = bytes([_SEPARATOR[0] + 1])


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


def below(folders: Iterable[bytes], column: str = "path") -> tuple[str, list[bytes]]:
    """Return SQL for: the path lies below one of some folders; and its parameters.

    With the column `+path`, SQLite does not use the index of paths, which is slower if most tracks lie there.
    """
    stems = [folder.rstrip(_SEPARATOR) for folder in folders]
    clause = any_of([f"({column} > ? AND {column} < ?)" for _ in stems])
    return clause, [bound for stem in stems for bound in (stem + _SEPARATOR, stem + _AFTER)]


def at_or_below(folders: Iterable[bytes]) -> tuple[str, list[bytes]]:
    """Return SQL for: the path is one of some paths, or lies below one; and its parameters."""
    listed = list(folders)
    clause, bounds = below(listed)
    return f"(path IN ({', '.join('?' * len(listed))}) OR {clause})", [*listed, *bounds]


def any_of(clauses: Sequence[str]) -> str:
    """Return SQL for: one of some conditions, nested no deeper than SQLite allows, however many they are."""
    if len(clauses) < 2:
        return clauses[0] if clauses else "0"
    middle = len(clauses) // 2
    return f"({any_of(clauses[:middle])} OR {any_of(clauses[middle:])})"
