"""The embeddings of one model as a matrix, and exact search in it.

Small matrices are multiplied by a query block by block. For large ones, bounds of all cosines are computed
from a sketch; the rows with the highest bounds are compared in full, and then all others whose bound is above
the lowest cosine that is found. The answer is the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.library.vectors.files.mapped import release
from genrelab.library.vectors.half import widen
from genrelab.library.vectors.sketch import SLACK, Sketch

Ids = npt.NDArray[np.int64]
Matrix = npt.NDArray[np.float16]
Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

ROUNDING = 6e-4
"""Largest difference of a cosine with a row of the matrix from that with the stored embedding.

A number in half precision is off by at most 2^-11 of itself, and so is the length of the difference of two
vectors of length 1.
"""

_BLOCK = 512  # rows that are widened at once: they stay in the processor's cache
_RELEASED = 32 * _BLOCK  # rows of which the file is in memory at once
_SCATTERED = 64  # rows from anywhere: for each, the system maps many pages of the file
_MOST_SCORES = 1 << 23  # computed at once; 32 MB
_FIRST = 256  # rows with the highest bounds that are compared first
_FEW = 8  # without bounds, if only this part of the rows is allowed, or more than this part is wanted


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
    others : np.ndarray [shape=(m,)], int64, or None
        Ids of the tracks in the library that have no such embedding, ascending; None if that is not known.
    """

    def __init__(
        self,
        identity: str,
        rows: Ids,
        matrix: Matrix,
        alive: Mask | None = None,
        *,
        sketch: Sketch | None = None,
        others: Ids | None = None,
    ) -> None:
        self.identity = identity
        self.rows = rows
        self.matrix = matrix
        self.alive = np.ones(len(rows), np.bool_) if alive is None else alive
        self.others = others
        self._sketch = sketch

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
        queries = (queries / np.linalg.norm(queries, axis=1, keepdims=True)).astype(np.float32)
        usable = self.alive if allowed is None else self.alive & allowed
        places = np.flatnonzero(usable)
        count, size = min(k, len(places)), len(self.rows)
        shape = (len(queries), k)
        found = Found(np.full(shape, -1, np.int64), np.full(shape, -np.inf, np.float32))
        if not count:
            return found
        together = max(1, _MOST_SCORES // size)
        for start in range(0, len(queries), together):
            some = queries[start : start + together]
            if self._sketch is None or len(places) * _FEW < size or count * _FEW > size:
                nearest = self._compare_all(some, places, count)
            else:
                nearest = self._compare_bounded(self._sketch, some, usable, count)
            for number, (rows, cosines) in enumerate(nearest, start):
                found.rows[number, :count] = self.rows[rows]
                found.cosines[number, :count] = np.clip(cosines, -1.0, 1.0)
        return found

    def _compare_all(self, queries: Floats, places: Places, count: int) -> Iterator[tuple[Places, Floats]]:
        """Yield the nearest of some rows, and their cosines, for each query."""
        scores = np.empty((len(queries), len(places)), np.float32)
        room = np.empty((_BLOCK, self.length), np.float32)
        whole = len(places) == len(self.rows)
        step = _BLOCK if whole else _SCATTERED
        for start in range(0, len(places), step):
            chosen = slice(start, start + step) if whole else places[start : start + step]
            block = self.matrix[chosen]
            scores[:, start : start + len(block)] = queries @ widen(block, room).T
            if not whole or start % _RELEASED == 0:
                release(self.matrix)
        for each in scores:
            best = _highest(each, count)
            yield places[best], each[best]

    def _compare_bounded(
        self, sketch: Sketch, queries: Floats, usable: Mask, count: int
    ) -> Iterator[tuple[Places, Floats]]:
        """Yield the nearest usable rows, and their cosines, for each query."""
        bounds = sketch.bounds(queries)
        bounds[:, ~usable] = -np.inf
        most = min(max(_FIRST, 4 * count), int(np.count_nonzero(usable)))
        for query, upper in zip(queries, bounds, strict=True):
            first = np.sort(np.argpartition(-upper, most - 1)[:most])
            rows, cosines = first, self._cosines(first, query)
            floor = np.partition(cosines, -count)[-count]
            upper[first] = -np.inf
            rest = np.flatnonzero(upper >= floor - SLACK)
            rest = rest[np.argsort(-upper[rest], kind="stable")]
            while len(rest) and upper[rest[0]] >= floor - SLACK:
                part, rest = np.sort(rest[:_BLOCK]), rest[_BLOCK:]
                rows, cosines = np.append(rows, part), np.append(cosines, self._cosines(part, query))
                best = _highest(cosines, count)
                rows, cosines = rows[best], cosines[best]
                floor = cosines[-1]
            order = np.lexsort((rows, -cosines))[:count]
            yield rows[order], cosines[order]

    def _cosines(self, rows: Places, query: Floats) -> Floats:
        """Return the cosines of some rows, in ascending order, with a query of length 1."""
        found = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _SCATTERED):
            part = rows[start : start + _SCATTERED]
            found[start : start + len(part)] = widen(self.matrix[part]) @ query
            release(self.matrix)
        return found


def _highest(scores: Floats, count: int) -> Places:
    """Return where the highest numbers are, the highest first; equal ones in their order."""
    floor = np.partition(scores, -count)[-count]
    some = np.flatnonzero(scores >= floor)
    return some[np.argsort(-scores[some], kind="stable")][:count]
