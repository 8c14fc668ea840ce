"""Bring a stored matrix into agreement with the database."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from itertools import chain
from typing import Any

import numpy as np

from genrelab.library.store.library import Library
from genrelab.library.vectors.agreement import Change, Present
from genrelab.library.vectors.build import rows_of, sketch_rows, store
from genrelab.library.vectors.files.folder import Folder, Stored
from genrelab.library.vectors.files.manifest import Checked, DatabaseState, Ids, RowTable
from genrelab.library.vectors.files.mapped import map_rows
from genrelab.library.vectors.files.row_file import RowFile
from genrelab.library.vectors.reading import RowBlock, read_rows
from genrelab.library.vectors.sketch import WIDTH, Sketch, is_sketched

_MOST_GONE, _SHARE_GONE = 1024, 4  # compacted if more rows are gone, and more than this part
_GROWTH = 4  # new axes are chosen when there are so many times as many rows


def update(library: Library, folder: Folder, stored: Stored, change: Change, state: DatabaseState) -> Stored:
    """Write what changed: append new rows, mark those that are gone, or compact the matrix.

    Parameters
    ----------
    library : Library
    folder : Folder
        Locked.
    stored : Stored
    change : Change
        From `compare`.
    state : DatabaseState
        Of the library, from before `compare`.

    Returns
    -------
    Stored

    Raises
    ------
    OSError
        If the files cannot be written.
    LibraryError
        If the library cannot be used.
    """
    manifest, new = stored.manifest, change.new
    is_gone = not np.array_equal(change.alive, stored.rows.alive)
    if not is_gone and not len(new.ids) and len(change.others) == len(stored.rows.others):
        if stored.is_noted and state == manifest.database:
            return stored
        return _publish(folder, stored, {"database": state})
    last = int(new.ids[-1]) if len(new.ids) else manifest.last
    blocks = read_rows(library, manifest.key, after=manifest.last, until=last, length=manifest.length)
    if _is_worn(stored, change):
        rows = rows_of(stored.matrix, stored.rows.ids, change.alive)
        return store(folder, manifest.key, chain(rows, blocks), _present(stored, change), state)
    ids, files = _append(folder, stored, blocks)
    table = RowTable(
        np.concatenate([stored.rows.ids, ids]),
        np.concatenate([stored.rows.prints, new.prints[np.searchsorted(new.ids, ids)]]),
        np.concatenate([change.alive, np.ones(len(ids), np.bool_)]),
        np.concatenate([change.others, np.setdiff1d(new.ids, ids, assume_unique=True)]),
    )
    version, rows_sum = folder.write_rows(table)
    about = {"version": version, "rows_sum": rows_sum, "count": len(table.ids), "others": len(table.others)}
    return _publish(folder, stored._replace(rows=table), {**files, **about, "last": last, "database": state})


def _publish(folder: Folder, stored: Stored, changed: dict[str, Any]) -> Stored:
    """Write the manifest with some other values; return what it names."""
    manifest = stored.manifest.model_copy(update=changed)
    folder.write(manifest)
    matrix, sketch = stored.matrix, stored.sketch
    if manifest.count != stored.manifest.count:
        with folder.extend(manifest.generation, "f16") as file:
            matrix = map_rows(file, np.float16, manifest.count, manifest.length)
        if sketch is not None:
            with folder.extend(manifest.generation, "sketch") as file:
                sketch = Sketch(sketch.axes, map_rows(file, np.float32, manifest.count, WIDTH))
    return Stored(manifest, stored.rows, matrix, sketch)


def _is_worn(stored: Stored, change: Change) -> bool:
    """Whether the matrix is written again: too many rows are gone or new, or it needs a first sketch."""
    manifest = stored.manifest
    gone = len(change.alive) - int(np.count_nonzero(change.alive))
    total = len(change.alive) - gone + len(change.new.ids)
    outgrown = is_sketched(total, manifest.length) and total > _GROWTH * manifest.sketched_from
    return not manifest.count or gone > max(_MOST_GONE, len(change.alive) // _SHARE_GONE) or outgrown


def _present(stored: Stored, change: Change) -> Present:
    """Return all tracks that are in the table."""
    rows = stored.rows
    ids = np.concatenate([rows.ids[change.alive], change.others, change.new.ids])
    unknown = np.zeros(len(change.others), np.uint64)  # of the other rows no hash is kept
    prints = np.concatenate([rows.prints[change.alive], unknown, change.new.prints])
    order = np.argsort(ids)
    return Present(ids[order], prints[order])


def _append(folder: Folder, stored: Stored, blocks: Iterable[RowBlock]) -> tuple[Ids, dict[str, Checked]]:
    """Append rows to the files; return their ids, and the checksums by the names that manifests give them."""
    manifest, sketch = stored.manifest, stored.sketch
    found = [np.empty(0, np.int64)]
    with ExitStack() as opened:
        files = {}
        for name, suffix, width in (("matrix", "f16", 2 * manifest.length), ("sketch", "sketch", 4 * WIDTH)):
            checked: Checked | None = getattr(manifest, name)
            if checked is not None:
                file = opened.enter_context(folder.extend(manifest.generation, suffix))
                files[name] = RowFile(file, width, manifest.count, checked.sums)
        for block in blocks:
            found.append(block.ids)
            files["matrix"].append(block.directions)
            if sketch is not None:
                files["sketch"].append(sketch_rows(block.directions, sketch.axes))
        states = {name: Checked(state=file.finish(), sums=file.sums) for name, file in files.items()}
    return np.concatenate(found), states
