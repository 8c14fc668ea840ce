"""How well a map keeps neighbours, measured on a sample against an exact search."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrelab.library.explore.chart.components import BLOCK, Matrix, Points, Rows, read
from genrelab.library.explore.chart.neighbours import smallest
from genrelab.library.explore.chart.placing import NEIGHBOURS

_SAMPLE = 1000  # tracks that measure the quality of a map
_WORK = 200_000_000  # pairs of tracks that are compared for it, at most

Numbers = npt.NDArray[np.intp]


def kept_neighbours(matrix: Matrix, places: Points, rows: Rows | None = None) -> float:
    """Return the share of nearest tracks by cosine that are also nearest on the map.

    Parameters
    ----------
    matrix : np.ndarray [shape=(n, d)], float16 or float32
        Directions of length 1.
    places : np.ndarray [shape=(m, 2)], float32
    rows : np.ndarray [shape=(m,)], int, or None
        Rows of the matrix, one per place; None means all.

    Returns
    -------
    float in 0..1
        Mean over evenly spaced tracks: up to 1,000, and 200 of a million; 1 if
        there are fewer than three tracks.
    """
    m = len(places)
    if m < 3:
        return 1.0
    chosen = judged_tracks(m)
    count = judged_neighbours(m)
    truly = nearest_rows(matrix, np.arange(m) if rows is None else rows, chosen, count)
    shown = nearest_places(places, chosen, count)
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(truly, shown, strict=True)]) / count)


def judged_neighbours(n: int) -> int:
    """Return how many nearest tracks to compare; comparing all of them would always give 1."""
    return min(NEIGHBOURS, n // 2)


def judged_tracks(n: int) -> Numbers:
    """Return the tracks of a map of `n` that are judged, in ascending order."""
    count = min(n, _SAMPLE, max(20, _WORK // n))
    return np.unique(np.linspace(0, n - 1, count).astype(np.intp))


def nearest_rows(matrix: Matrix, rows: Rows, chosen: Numbers, count: int) -> Numbers:
    """Return the rows with the highest cosine with some of them, an exact search.

    Parameters
    ----------
    matrix : np.ndarray [shape=(n, d)]
    rows : np.ndarray [shape=(m,)], int
        The rows to search.
    chosen : np.ndarray [shape=(q,)], int
        Indices in `rows`.
    count : int
        At most m - 1.

    Returns
    -------
    np.ndarray [shape=(q, count)], int
        Indices in `rows` without the own one, nearest first.
    """
    queries = read(matrix, rows[chosen])
    least = np.full((len(chosen), count), np.inf, np.float32)
    found = np.full((len(chosen), count), -1, np.intp)
    for start in range(0, len(rows), BLOCK):
        numbers = np.arange(start, min(start + BLOCK, len(rows)))
        apart = -(queries @ read(matrix, rows[numbers]).T)
        least, found = _merged(least, found, apart, numbers, chosen)
    return found


def nearest_places(places: Points, chosen: Numbers, count: int) -> Numbers:
    """Return the nearest places of some of them, as `nearest_rows` does."""
    least = np.full((len(chosen), count), np.inf, np.float32)
    found = np.full((len(chosen), count), -1, np.intp)
    for start in range(0, len(places), BLOCK):
        numbers = np.arange(start, min(start + BLOCK, len(places)))
        apart = np.square(places[numbers][None] - places[chosen][:, None]).sum(axis=2)
        least, found = _merged(least, found, apart, numbers, chosen)
    return found


def _merged(
    least: Points, found: Numbers, apart: Points, numbers: Numbers, own: Numbers
) -> tuple[Points, Numbers]:
    """Return the smallest distances and their numbers, of those found so far and of a further block."""
    apart = np.where(numbers == own[:, None], np.float32(np.inf), apart)
    both = np.concatenate([least, apart], axis=1)
    every = np.concatenate([found, np.broadcast_to(numbers, apart.shape)], axis=1)
    best = smallest(both, found.shape[1])
    return np.take_along_axis(both, best, axis=1), np.take_along_axis(every, best, axis=1)
