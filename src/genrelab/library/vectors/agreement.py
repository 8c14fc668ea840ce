"""Whether a stored matrix has the embeddings that are in the database.

Ids of tracks only grow: a row that is stored has a higher id than all rows before it, and the embedding of an
id never changes. So the ids tell what changed: new rows have higher ones, and if the table has fewer of the
old ones than before, some are gone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH
from genrelab.library.store.library import Library
from genrelab.library.store.track_row import DamagedRowError, vector
from genrelab.library.vectors.files.folder import Stored
from genrelab.library.vectors.files.manifest import DatabaseState, Ids, RowTable
from genrelab.library.vectors.reading import LOWEST
from genrelab.library.vectors.sketch import project

_BLOCK = 65_536
_SAMPLES = 24  # rows whose embedding is compared with the matrix
_ROUNDING = 1e-3  # of a number of a direction

Prints = npt.NDArray[np.uint64]


class Present(NamedTuple):
    """Tracks in the table: ids in ascending order, and the first eight bytes of the hash of their audio."""

    ids: Ids
    prints: Prints


class Change(NamedTuple):
    """What happened to the table since a matrix was stored.

    Attributes
    ----------
    alive : np.ndarray [shape=(n,)], bool
        Which rows of the matrix are in the table.
    others : np.ndarray [shape=(m,)], int64
        Ids of the other rows up to the last that was considered.
    new : Present
        Later rows.
    """

    alive: npt.NDArray[np.bool_]
    others: Ids
    new: Present


def read_present(library: Library, after: int = LOWEST) -> Present:
    """Read the ids and hashes of all tracks, or of those with ids above `after`."""
    ids: list[Ids] = []
    prints: list[Prints] = []
    sound, number = b"", LOWEST
    while True:
        if after == LOWEST:  # from the index alone, which is a hundredth of the table
            rows = library.database.rows(
                "SELECT id, sound FROM tracks WHERE (sound, id) > (?, ?) ORDER BY sound, id LIMIT ?",
                (sound, number, _BLOCK),
            )
        else:
            rows = library.database.rows(
                "SELECT id, sound FROM tracks WHERE id > ? ORDER BY id LIMIT ?",
                (max(after, number), _BLOCK),
            )
        if not rows:
            break
        number, sound = rows[-1]
        ids.append(np.fromiter((row[0] for row in rows), np.int64, len(rows)))
        prints.append(np.fromiter((_print(row[1]) for row in rows), np.uint64, len(rows)))
    if not ids:
        return Present(np.empty(0, np.int64), np.empty(0, np.uint64))
    found, hashes = np.concatenate(ids), np.concatenate(prints)
    order = np.argsort(found)
    return Present(found[order], hashes[order])


def _print(sound: bytes) -> int:
    return int.from_bytes(sound[:8].ljust(8, b"\0"), "little")


def compare(library: Library, stored: Stored, state: DatabaseState) -> Change | None:
    """Compare a stored matrix with the table.

    Parameters
    ----------
    library : Library
    stored : Stored
    state : DatabaseState
        Of the library, from before this call.

    Returns
    -------
    Change or None
        None if the matrix is that of another table.

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """
    rows, last = stored.rows, stored.manifest.last
    agreeing = _samples(library, stored)
    if agreeing is None:
        return None
    new = read_present(library, last)
    (total,) = library.database.rows("SELECT count(*) FROM tracks")[0]
    known = int(np.count_nonzero(rows.alive)) + len(rows.others)
    before = stored.manifest.database.main
    same_file = before is not None and state.main is not None and before.inode == state.main.inode
    if same_file and agreeing and total == known + len(new.ids):
        return Change(rows.alive, rows.others, new)
    return _compare_all(read_present(library), rows, last, new)


def _compare_all(present: Present, rows: RowTable, last: int, new: Present) -> Change | None:
    """Compare all ids and hashes up to the last that was considered."""
    count = int(np.searchsorted(present.ids, last, side="right"))
    ids, prints = present.ids[:count], present.prints[:count]
    places = np.searchsorted(ids, rows.ids)
    alive = np.zeros(len(rows.ids), np.bool_)
    inside = places < count
    alive[inside] = ids[places[inside]] == rows.ids[inside]
    if (prints[places[alive]] != rows.prints[alive]).any():
        return None
    others = np.setdiff1d(ids, rows.ids, assume_unique=True)
    if len(np.setdiff1d(others, rows.others, assume_unique=True)):
        return None  # rows that were not there, with ids that cannot be new
    return Change(alive, others, new)


def _samples(library: Library, stored: Stored) -> bool | None:
    """Return whether the tracks of some rows are all there; None if a row is not that of its track."""
    rows, key = stored.rows, stored.manifest.key
    living = np.flatnonzero(rows.alive)
    spread = np.unique(np.linspace(0, len(living) - 1, _SAMPLES).astype(np.intp))
    chosen = living[spread] if len(living) else living
    places = {int(rows.ids[place]): place for place in chosen}
    marks = ", ".join("?" * len(places))
    found = library.database.rows(
        f"SELECT id, sound, substr(model, ?), embedding FROM tracks WHERE id IN ({marks})",
        (-KEY_LENGTH, *places),
    )
    for number, sound, model, data in found:
        place = places[number]
        if (model, _print(sound)) != (key, int(rows.prints[place])):
            return None
        try:
            numbers = vector(data)
        except DamagedRowError:
            return None
        norm = float(np.linalg.norm(numbers))
        row = stored.matrix[place].astype(np.float32)
        if len(numbers) != len(row) or not norm > 0 or not np.abs(numbers / norm - row).max() <= _ROUNDING:
            return None
        if stored.sketch is not None:
            own = project(row[None], stored.sketch.axes)[0]
            if not np.abs(own - stored.sketch.table[place]).max() <= _ROUNDING:
                return None
    return len(found) == len(places)
