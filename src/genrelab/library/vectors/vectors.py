"""The embeddings of one model as a matrix, and exact search in it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.library.vectors.half import widen

Ids = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float16]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

ROUNDING = 6e-4
"""Largest difference of a cosine with a row of the matrix from that with the stored embedding.

A number in half precision is off by at most 2^-11 of itself, and so is the length of the difference of two
vectors of length 1.
"""

_BLOCK = 512  # rows that are widened at once: they stay in the processor's cache


class Found(NamedTuple):
    """The nearest tracks of `q` queries, most similar first.

    Attributes
    ----------
    rows : np.ndarray [shape=(q, k)], int64
        Ids of tracks; -1 where there are fewer than `k`.
    cosines : np.ndarray [shape=(q, k)], float32
        From -1 to 1, exact to `ROUNDING`; -inf where there are fewer than `k`.
    """

    rows: Ids
    cosines: Floats


class Vectors:
    """The embeddings of one model in the library. Threads may share it.

    It shows the library as it was when it was opened.

    Attributes
    ----------
    identity : str
        `genrelab.bundle.bundle.embedding_key` of the model: that of all models with the same embedding.
    rows : np.ndarray [shape=(n,)], int64
        `tracks.id`, ascending.
    matrix : np.ndarray [shape=(n, d)], float16
        One direction of length 1 per row. It may be mapped from a file: read it in blocks of rows.
    alive : np.ndarray [shape=(n,)], bool
        False for rows whose track is no longer in the library. They stay until the matrix is compacted, and
        no search finds them.
    """

    def __init__(self, identity: str, rows: Ids, matrix: Matrix, alive: Mask) -> None:
        self.identity = identity
        self.rows = rows
        self.matrix = matrix
        self.alive = alive

    def __len__(self) -> int:
        """Return the number of tracks that are in the library."""
        return int(np.count_nonzero(self.alive))

    @property
    def length(self) -> int:
        """Numbers of an embedding."""
        return int(self.matrix.shape[1])

    def mask(self, ids: Ids) -> Mask:
        """Return which rows [shape=(n,)] belong to some tracks, for `allowed`; unknown ids are ignored."""
        wanted = np.zeros(len(self.rows), np.bool_)
        if len(self.rows):
            places = np.minimum(np.searchsorted(self.rows, ids), len(self.rows) - 1)
            wanted[places[self.rows[places] == ids]] = True
        return wanted

    def search(self, queries: Floats, k: int, allowed: Mask | None = None) -> Found:
        """Find the tracks with the highest cosine of their embedding with each query. The answer is exact.

        Parameters
        ----------
        queries : np.ndarray [shape=(q, d)], float32
            Not zero; they are scaled to length 1.
        k : int > 0
        allowed : np.ndarray [shape=(n,)], bool, or None
            Only these rows; None means all. See `mask`.

        Returns
        -------
        Found
            Tracks with the same cosine are in the order of their ids.
        """
        queries = queries / np.linalg.norm(queries, axis=1, keepdims=True)
        usable = np.flatnonzero(self.alive if allowed is None else self.alive & allowed)
        count = min(k, len(usable))
        rows = np.full((len(queries), k), -1, np.int64)
        cosines = np.full((len(queries), k), -np.inf, np.float32)
        found = np.empty((len(queries), len(usable)), np.float32)
        room = np.empty((_BLOCK, self.length), np.float32)
        for start in range(0, len(usable), _BLOCK):
            block = self.matrix[usable[start : start + _BLOCK]]
            found[:, start : start + len(block)] = queries @ widen(block, room).T
        for number, scores in enumerate(found):
            order = np.argsort(-scores, kind="stable")[:count]
            rows[number, :count] = self.rows[usable[order]]
            cosines[number, :count] = np.clip(scores[order], -1.0, 1.0)
        return Found(rows, cosines)
