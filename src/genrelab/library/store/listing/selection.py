"""Which tracks a list has, in order of their paths."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Iterator
from itertools import chain

from genrelab.library.store.database import Database
from genrelab.library.store.file_snapshot import real_path
from genrelab.library.store.track_filter import TrackFilter

BLOCK = 500
"""Rows that are read at once."""

PATH = "coalesce(CAST(path AS BLOB), x'')"
"""SQL of a path, which may have any type in a damaged library."""


def select_tracks(
    database: Database,
    paths: Iterable[str | os.PathLike[str]] = (),
    where: TrackFilter | None = None,
    most: int = -1,
) -> array[int]:
    """Return the ids of the tracks at or below some paths, ordered by path.

    Parameters
    ----------
    database : Database
    paths : iterable of str or path-like
        Files and folders; none means all tracks.
    where : TrackFilter or None
        Only tracks that fulfil it.
    most : int
        Tracks of each path to return; all if it is negative.

    Returns
    -------
    array of int
    """
    reals = sorted({real_path(path) for path in paths})
    clause, values = ("1", ()) if where is None else (where.clause, where.values)
    if database.rows("SELECT 1 FROM tracks WHERE path < x'' OR path IS NULL LIMIT 1"):
        return _select_odd(database, reals, where)
    if not reals:
        # Without the sign, SQLite would follow the index of paths and read every row.
        path = "path" if where is None else "+path"
        return database.numbers(f"SELECT id FROM tracks WHERE ({clause}) ORDER BY {path}", values)
    sign = "+" if where is not None and len(reals) == 1 else ""
    found = array("q")
    for first, last in _ranges(reals):
        inside = "path = ?" if last is None else f"{sign}path > ? AND {sign}path < ?"
        bounds = (first,) if last is None else (first, last)
        found += database.numbers(
            f"SELECT id FROM tracks WHERE {inside} AND ({clause}) ORDER BY {sign}path LIMIT ?",
            (*bounds, *values, most),
        )
    return found


def blocks(numbers: array[int]) -> Iterator[array[int]]:
    """Yield parts of a list of ids."""
    for start in range(0, len(numbers), BLOCK):
        yield numbers[start : start + BLOCK]


def _ranges(reals: list[bytes]) -> list[tuple[bytes, bytes | None]]:
    """Return the paths and the folders as ranges of paths, in order and without overlap.

    A path has no end; a folder contains what is greater than the first and less than the second path.
    """
    separator = os.fsencode(os.sep)
    after = bytes([separator[0] + 1])
    bare = [real.rstrip(separator) for real in reals]
    folders = [(real + separator, real + after) for real in bare]
    points: list[tuple[bytes, bytes | None]] = [(real, None) for real in reals]
    found: list[tuple[bytes, bytes | None]] = []
    end = b""
    for first, last in sorted(chain(points, folders), key=lambda each: (each[0], each[1] is not None)):
        if first < end:  # inside the folder before
            continue
        found.append((first, last))
        end = last or end
    return found


def _select_odd(database: Database, reals: list[bytes], where: TrackFilter | None) -> array[int]:
    """Select from a damaged library, in which a path need not be bytes; reads all paths."""
    clause, values = ("1", ()) if where is None else (where.clause, where.values)
    if not reals:
        return database.numbers(f"SELECT id FROM tracks WHERE ({clause}) ORDER BY {PATH}, id", values)
    found: set[tuple[bytes, int]] = set()
    for real in reals:
        below = real.rstrip(os.fsencode(os.sep)) + os.fsencode(os.sep)
        found.update(
            database.rows(
                f"SELECT {PATH}, id FROM tracks WHERE (path = ? OR substr({PATH}, 1, ?) = ?) AND ({clause})",
                (real, len(below), below, *values),
            )
        )
    return array("q", (number for _, number in sorted(found)))
