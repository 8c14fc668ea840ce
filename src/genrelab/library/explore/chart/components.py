"""Principal components of the embeddings in a matrix that may be larger than memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.library.vectors.half import widen

Points = npt.NDArray[np.float32]
Matrix = npt.NDArray[np.float16] | Points
Rows = npt.NDArray[np.intp]

COMPONENTS = 64
"""Number of principal components in which neighbours are searched."""

BLOCK = 2048
"""Rows that are read at once."""

_DRAWN = 40_000  # rows from which axes are computed


def principal_components(matrix: Matrix, rows: Rows) -> Points:
    """Return the leading principal components of some rows.

    Parameters
    ----------
    matrix : np.ndarray [shape=(n, d)], float16 or float32
        Directions of length 1; it may be mapped from a file.
    rows : np.ndarray [shape=(m,)], int
        At least one.

    Returns
    -------
    np.ndarray [shape=(m, min(d, 64), at least 2)], float32
        The strongest first. Axes come from up to 40,000 evenly spaced rows.
    """
    drawn = rows[np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _DRAWN)).astype(np.intp))]
    mean, axes = _axes(matrix, drawn)
    components = np.zeros((len(rows), max(2, axes.shape[1])), np.float32)
    for start in range(0, len(rows), BLOCK):
        block = _centred(matrix, rows[start : start + BLOCK], mean)
        components[start : start + BLOCK, : axes.shape[1]] = block @ axes
    return components


def read(matrix: Matrix, rows: Rows) -> Points:
    """Return some rows as float32 [shape=(m, d)]."""
    found: npt.NDArray[Any] = matrix[rows]
    return widen(found) if found.dtype == np.float16 else found.astype(np.float32)


def _axes(matrix: Matrix, rows: Rows) -> tuple[Points, Points]:
    """Return the mean [shape=(d,)] and the leading axes [shape=(d, at most 64)] of some rows."""
    length = matrix.shape[1]
    blocks = [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]
    total = sum((read(matrix, block).sum(axis=0, dtype=np.float64) for block in blocks), np.zeros(length))
    mean = (total / len(rows)).astype(np.float32)
    spread = np.zeros((length, length))
    for block in blocks:
        centred = _centred(matrix, block, mean)
        spread += centred.T @ centred
    _, axes = np.linalg.eigh(spread)  # in ascending order
    axes = axes[:, ::-1][:, :COMPONENTS]
    strongest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return mean, np.ascontiguousarray(axes * np.where(strongest < 0, -1.0, 1.0), dtype=np.float32)


def _centred(matrix: Matrix, rows: Rows, mean: Points) -> Points:
    block = read(matrix, rows)
    block -= mean
    return block
