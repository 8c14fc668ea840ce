"""A few numbers per row that bound its cosine with any query, so that few rows must be compared in full.

A direction x is split into its projection P x on some orthonormal axes and the rest, of which only the length
r(x) is kept. The rest adds at most r(q) r(x) to a product (Cauchy and Schwarz), so

    cosine(q, x) <= P q . P x + r(q) r(x).

The bound holds for any axes, also for rows that are appended later; good axes make it narrow. They are the
leading eigenvectors of the second moments of a sample.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.library.vectors.files.mapped import release
from genrelab.library.vectors.half import widen

Floats = npt.NDArray[np.float32]

WIDTH = 64
"""Numbers per row: 63 along the axes, and the length of the rest."""

SKETCHED_FROM = 16_384
"""Rows from which a sketch saves time. For 16,000 embeddings of 688 numbers, comparing all takes 20 ms."""

SHORTEST, LONGEST = 4 * WIDTH, 2_048
"""Embeddings that are sketched: for shorter ones, it saves little; for longer ones, axes take minutes."""

SLACK = 2e-5
"""Rounding errors of a bound: sums of 64 and of `LONGEST` products in single precision."""

_SAMPLE = 16_384
_BLOCK = 512
_TABLE_BLOCK = 65_536


class Sketch(NamedTuple):
    """The sketch of a matrix.

    Attributes
    ----------
    axes : np.ndarray [shape=(d, 63)], float32
        Orthonormal columns.
    table : np.ndarray [shape=(n, 64)], float32
        The projections, and the length of the rest.
    """

    axes: Floats
    table: Floats

    def bounds(self, queries: Floats) -> Floats:
        """Return what the cosines [shape=(q, n)] with queries [shape=(q, d)] of length 1 do not exceed."""
        wanted = project(queries, self.axes)
        found = np.empty((len(queries), len(self.table)), np.float32)
        for start in range(0, len(self.table), _TABLE_BLOCK):
            part = self.table[start : start + _TABLE_BLOCK]
            np.matmul(wanted, part.T, out=found[:, start : start + len(part)])
            release(self.table)
        return found


def is_sketched(count: int, length: int) -> bool:
    """Whether a matrix of this shape has a sketch."""
    return count >= SKETCHED_FROM and SHORTEST <= length <= LONGEST


def find_axes(matrix: npt.NDArray[np.float16]) -> Floats:
    """Return axes [shape=(d, 63)] along which the rows differ most.

    Parameters
    ----------
    matrix : np.ndarray [shape=(n, d)], float16
        A sample of its rows is read.
    """
    step = max(1, len(matrix) // _SAMPLE)
    moments = np.zeros((matrix.shape[1],) * 2, np.float64)
    for start in range(0, len(matrix), step * _BLOCK):
        block = widen(np.ascontiguousarray(matrix[start : start + step * _BLOCK : step]))
        moments += block.T @ block
        release(matrix)
    _, axes = np.linalg.eigh(moments)
    return np.ascontiguousarray(axes[:, :-WIDTH:-1], dtype=np.float32)


def project(directions: Floats, axes: Floats) -> Floats:
    """Return the sketch [shape=(n, 64)] of some directions [shape=(n, d)] of length 1."""
    sketch = np.empty((len(directions), WIDTH), np.float32)
    np.matmul(directions, axes, out=sketch[:, :-1])
    whole = np.square(directions).sum(axis=1)
    rest = whole - np.square(sketch[:, :-1]).sum(axis=1)
    np.sqrt(np.maximum(rest, 0.0), out=sketch[:, -1])
    return sketch
