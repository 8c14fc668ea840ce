"""Write the matrix of a model's embeddings: from the database, or compacted from another one."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import BinaryIO, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from genrelab.library.store.library import Library
from genrelab.library.vectors.agreement import Present, read_present
from genrelab.library.vectors.files.folder import Folder, Stored, new_name
from genrelab.library.vectors.files.manifest import Checked, DatabaseState, Ids, Manifest, RowTable, sum_of
from genrelab.library.vectors.files.mapped import map_rows, release
from genrelab.library.vectors.files.row_file import RowFile
from genrelab.library.vectors.half import widen
from genrelab.library.vectors.reading import LOWEST, RowBlock, read_rows
from genrelab.library.vectors.sketch import WIDTH, Floats, Sketch, find_axes, is_sketched, project

_BLOCK = 4096

Matrix = npt.NDArray[np.float16]


class Written(NamedTuple):
    """Files that no manifest names yet.

    Attributes
    ----------
    ids : np.ndarray [shape=(n,)], int64
    matrix : np.ndarray [shape=(n, d)], float16
    sketch : Sketch or None
    checked, checked_sketch : Checked or None
        Of the files of matrix and sketch.
    """

    ids: Ids
    matrix: Matrix
    sketch: Sketch | None
    checked: Checked | None
    checked_sketch: Checked | None


def build(library: Library, key: str, folder: Folder, state: DatabaseState) -> Stored:
    """Write the matrix from the database, and its manifest.

    Memory is needed for a block of embeddings, and about 50 bytes for each track.

    Parameters
    ----------
    library : Library
    key : str
    folder : Folder
        Locked.
    state : DatabaseState
        Of the library, from before this call.

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
    present = read_present(library)
    last = int(present.ids[-1]) if len(present.ids) else LOWEST
    blocks = _reported(library, read_rows(library, key, until=last), len(present.ids))
    return store(folder, key, blocks, present, state)


def _reported(library: Library, blocks: Iterable[RowBlock], total: int) -> Iterator[RowBlock]:
    """Yield the blocks, and say how many rows were read."""
    done = 0
    for block in blocks:
        yield block
        done += len(block.ids)
        if library.report is not None and done < total:
            library.report("reading embeddings", done, total)
    if library.report is not None and done:
        library.report("reading embeddings", total, total)


def store(
    folder: Folder, key: str, blocks: Iterable[RowBlock], present: Present, state: DatabaseState
) -> Stored:
    """Write a matrix of given rows, and its manifest.

    Parameters
    ----------
    folder : Folder
        Locked.
    key : str
    blocks : iterable of RowBlock
        In the order of ids.
    present : Present
        All tracks that are considered, with those of the blocks.
    state : DatabaseState

    Returns
    -------
    Stored

    Raises
    ------
    OSError
        If the files cannot be written.
    """
    generation = new_name()
    written = write(blocks, lambda suffix: folder.create(generation, suffix))
    axes_sum = 0
    if written.sketch is not None:
        data = written.sketch.axes.tobytes()
        axes_sum = sum_of(data)
        with folder.create(generation, "axes") as file:
            file.write(data)
    ids = written.ids
    rows = RowTable(
        ids,
        present.prints[np.searchsorted(present.ids, ids)],
        np.ones(len(ids), np.bool_),
        np.setdiff1d(present.ids, ids, assume_unique=True),
    )
    version, rows_sum = folder.write_rows(rows)
    manifest = Manifest(
        key=key,
        length=written.matrix.shape[1],
        count=len(ids),
        others=len(rows.others),
        last=int(present.ids[-1]) if len(present.ids) else LOWEST,
        generation=generation,
        version=version,
        rows_sum=rows_sum,
        axes_sum=axes_sum,
        sketched_from=0 if written.sketch is None else len(ids),
        matrix=written.checked,
        sketch=written.checked_sketch,
        database=state,
    )
    folder.write(manifest)
    return Stored(manifest, rows, written.matrix, written.sketch)


def build_unnamed(library: Library, key: str) -> Written:
    """Write the matrix to files without a name, which end with the process.

    Raises
    ------
    OSError
        If there is no room for them.
    LibraryError
        If the library cannot be used.
    """
    return write(read_rows(library, key), lambda _: cast("BinaryIO", tempfile.TemporaryFile()))


def write(blocks: Iterable[RowBlock], create: Callable[[str], BinaryIO]) -> Written:
    """Write the files of matrix and sketch.

    Parameters
    ----------
    blocks : iterable of RowBlock
        In the order of ids.
    create : callable
        Creates a file; takes its suffix.

    Raises
    ------
    OSError
        If a file cannot be written.
    """
    ids: list[Ids] = []
    with ExitStack() as opened:
        file: RowFile | None = None
        length = 0
        for block in blocks:
            if not len(block.ids):
                continue
            if file is None:
                length = block.directions.shape[1]
                file = RowFile(opened.enter_context(create("f16")), 2 * length)
            file.append(block.directions)
            ids.append(block.ids)
        if file is None:
            return Written(np.empty(0, np.int64), np.empty((0, 0), np.float16), None, None, None)
        checked = Checked(state=file.finish(), sums=file.sums)
        matrix = map_rows(file.file, np.float16, file.count, length)
        if not is_sketched(*matrix.shape):
            return Written(np.concatenate(ids), matrix, None, checked, None)
        axes = find_axes(matrix)
        table = RowFile(opened.enter_context(create("sketch")), 4 * WIDTH)
        for start in range(0, len(matrix), _BLOCK):
            table.append(sketch_rows(matrix[start : start + _BLOCK], axes))
            release(matrix)
        checked_table = Checked(state=table.finish(), sums=table.sums)
        sketch = Sketch(axes, map_rows(table.file, np.float32, table.count, WIDTH))
        return Written(np.concatenate(ids), matrix, sketch, checked, checked_table)


def sketch_rows(directions: Matrix, axes: Floats) -> Floats:
    """Return the sketch of some rows."""
    return project(widen(directions), axes)


def rows_of(matrix: Matrix, ids: Ids, which: npt.NDArray[np.bool_]) -> Iterator[RowBlock]:
    """Yield some rows of a matrix."""
    chosen = np.flatnonzero(which)
    for start in range(0, len(chosen), _BLOCK):
        part = chosen[start : start + _BLOCK]
        yield RowBlock(ids[part], matrix[part])
        release(matrix)
