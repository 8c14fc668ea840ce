"""Read the embeddings of a model from the database, in blocks of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH
from genrelab.library.store.library import Library
from genrelab.library.store.track_row import DamagedRowError, vector

BLOCK = 4096
"""Rows that are read at once; 11 MB for embeddings of 688 numbers."""


LOWEST, HIGHEST = -(2**63), 2**63 - 1
"""Bounds of ids."""


class RowBlock(NamedTuple):
    """Some rows of the table of tracks.

    Attributes
    ----------
    ids : np.ndarray [shape=(n,)], int64
        Ascending.
    directions : np.ndarray [shape=(n, d)], float16
        Of length 1.
    """

    ids: npt.NDArray[np.int64]
    directions: npt.NDArray[np.float16]


def read_rows(
    library: Library, key: str, *, after: int = LOWEST, until: int = HIGHEST, length: int = 0
) -> Iterator[RowBlock]:
    """Read the rows of one model that have a usable embedding, in the order of their ids.

    Parameters
    ----------
    library : Library
    key : str
        `genrelab.bundle.bundle.embedding_key`.
    after, until : int
        Only rows with a higher id than `after`, up to `until`.
    length : int
        Only embeddings of so many numbers; 0 means those of the most common length in the first block, so
        that one damaged row does not exclude all others.

    Yields
    ------
    RowBlock
        Damaged embeddings and those of zeros are omitted.
    """
    while rows := library.database.rows(
        "SELECT id, embedding FROM tracks WHERE id > ? AND id <= ? AND substr(model, ?) = ? "
        "AND embedding IS NOT NULL ORDER BY id LIMIT ?",
        (after, until, -KEY_LENGTH, key, BLOCK),
    ):
        after = rows[-1][0]
        found = [(number, numbers) for number, data in rows if (numbers := _numbers(data)) is not None]
        if found and not length:
            ((length, _),) = Counter(len(numbers) for _, numbers in found).most_common(1)
        found = [(number, numbers) for number, numbers in found if len(numbers) == length]
        if found:
            yield _block(found)


def _block(found: list[tuple[int, npt.NDArray[np.float32]]]) -> RowBlock:
    numbers = np.stack([numbers for _, numbers in found])
    norms = np.linalg.norm(numbers, axis=1, keepdims=True)
    usable = np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)
    ids = np.array([number for number, _ in found], np.int64)
    return RowBlock(ids[usable], (numbers[usable] / norms[usable]).astype(np.float16))


def _numbers(data: object) -> npt.NDArray[np.float32] | None:
    try:
        return vector(data)
    except DamagedRowError:
        return None
