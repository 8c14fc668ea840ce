"""The nearest neighbours of all points among themselves, in time that grows little faster than their number.

Small sets are compared pair by pair. Larger ones are divided into cells by k-means (Lloyd 1982), and each
point is compared with the points of its own cell and of the nearest cells, as an inverted file does (Jégou,
Douze and Schmid, "Product quantization for nearest neighbor search", 2011, section 4). Cells are bounded: a
crowd of equal points is cut into pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

EXACT = 12_000
"""Points up to which all pairs are compared."""

_CELL = 400  # points per cell on average
_LARGEST = 3  # times this size; larger cells are cut
_PROBES = 12  # nearest cells that are searched, the own one among them
_ROUNDS = 5  # of k-means
_DRAWN = 20  # points per cell that k-means sees
_GROUP = 16  # entries of which first the smallest is looked at
_ENTRIES = 2**20  # distances in memory together, per block


def neighbour_graph(
    points: Points, count: int, *, seed: int = 0, progress: Callable[[float], None] = lambda _: None
) -> Numbers:
    """Return the nearest other points of each point by Euclidean distance.

    Parameters
    ----------
    points : np.ndarray [shape=(n, d)], float32
        At least two.
    count : int > 0
    seed : int
    progress : callable
        Takes the share that is done, from 0 to 1.

    Returns
    -------
    np.ndarray [shape=(n, min(count, n - 1))], int32
        Nearest first. Exact for up to `EXACT` points. Beyond, most of the true neighbours are found; points
        that are none of them are still near.
    """
    n = len(points)
    count = min(count, n - 1)
    squares = np.einsum("ij,ij->i", points, points)
    found = np.empty((n, count), np.int32)
    done = 0
    for own, candidates in _whole(n) if n <= EXACT else _cells(points, squares, seed):
        rows = max(1, _ENTRIES // len(candidates))
        near, near_squares = points[candidates].T, squares[candidates]
        for start in range(0, len(own), rows):
            block = own[start : start + rows]
            apart = points[block] @ near
            apart *= -2.0
            apart += near_squares  # minus the square of the query, which does not affect the order
            nearest = candidates[smallest(apart, min(count + 1, len(candidates)))]
            found[block] = _others(nearest, block, count)
        done += len(own)
        progress(done / n)
    return found


def smallest(values: Points, count: int) -> npt.NDArray[np.intp]:
    """Return the columns of the smallest entries of each row, in ascending order of the entries.

    The entries are divided into groups. The `count` smallest entries lie in the `count` groups with the
    smallest minima, so only those are sorted: ten times faster than `np.argpartition` of all.

    Parameters
    ----------
    values : np.ndarray [shape=(m, n)], float32
    count : int
        From 1 to n.

    Returns
    -------
    np.ndarray [shape=(m, count)], int
    """
    rows, columns = values.shape
    groups = columns // _GROUP
    if groups <= 2 * count:
        chosen = np.argpartition(values, count - 1, axis=1)[:, :count]
    else:
        inside = values[:, : groups * _GROUP].reshape(rows, _GROUP, groups)  # a group is a column of it
        best = np.argpartition(inside.min(axis=1), count - 1, axis=1)[:, :count]
        places = (best[:, None, :] + np.arange(_GROUP)[:, None] * groups).reshape(rows, -1)
        rest = np.arange(groups * _GROUP, columns)
        places = np.concatenate([places, np.broadcast_to(rest, (rows, len(rest)))], axis=1)
        some = np.take_along_axis(values, places, axis=1)
        within = np.argpartition(some, count - 1, axis=1)[:, :count]
        chosen = np.take_along_axis(places, within, axis=1)
    order = np.take_along_axis(values, chosen, axis=1).argsort(axis=1, kind="stable")
    ordered: npt.NDArray[np.intp] = np.take_along_axis(chosen, order, axis=1)
    return ordered


def _others(nearest: Numbers, own: Numbers, count: int) -> Numbers:
    """Return `count` of the nearest points of each row without the point itself."""
    is_own = nearest == own[:, None]
    is_own[~is_own.any(axis=1), -1] = True  # among copies, the point itself may have been left out
    others: Numbers = nearest[~is_own].reshape(len(own), count)
    return others


def _whole(n: int) -> Iterator[tuple[Numbers, Numbers]]:
    every = np.arange(n, dtype=np.int32)
    yield every, every


def _cells(points: Points, squares: Points, seed: int) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield the points of each cell, and those of the cells around it with them."""
    centres = _centres(points, seed)
    owner = _assign(points, centres)
    members = list(_bounded(points, owner, len(centres)))
    middles = np.stack([points[some].mean(axis=0) for some in members])
    apart = np.einsum("ij,ij->i", middles, middles) - 2.0 * (middles @ middles.T)
    around = smallest(apart, min(_PROBES, len(members)))
    for cell, own in enumerate(members):
        yield own, np.concatenate([own, *(members[other] for other in around[cell] if other != cell)])


def _centres(points: Points, seed: int) -> Points:
    generator = np.random.default_rng(seed)
    cells = len(points) // _CELL
    drawn = points[np.sort(generator.choice(len(points), min(len(points), cells * _DRAWN), replace=False))]
    centres = drawn[np.sort(generator.choice(len(drawn), cells, replace=False))]
    for _ in range(_ROUNDS):
        owner = _assign(drawn, centres)
        counts = np.bincount(owner, minlength=cells)
        order = np.argsort(owner, kind="stable")
        filled = np.flatnonzero(counts)
        starts = np.cumsum(counts)[filled] - counts[filled]
        centres[filled] = np.add.reduceat(drawn[order], starts) / counts[filled, None]
    return centres


def _assign(points: Points, centres: Points) -> Numbers:
    """Return the number of the nearest centre of each point."""
    half = 0.5 * np.einsum("ij,ij->i", centres, centres)
    across = np.ascontiguousarray(centres.T)
    owner = np.empty(len(points), np.int32)
    rows = max(1, _ENTRIES // len(centres))
    for start in range(0, len(points), rows):
        likeness = points[start : start + rows] @ across
        likeness -= half
        owner[start : start + rows] = likeness.argmax(axis=1)
    return owner


def _bounded(points: Points, owner: Numbers, cells: int) -> Iterator[Numbers]:
    """Yield the points of each cell that has any; cells that are too large in several pieces."""
    order = np.argsort(owner, kind="stable").astype(np.int32)
    ends = np.cumsum(np.bincount(owner, minlength=cells))
    for some in np.split(order, ends[:-1]):
        if len(some) <= _LARGEST * _CELL:
            if len(some):
                yield some
            continue
        own = points[some]
        axis = own[0] - own.mean(axis=0)  # any direction in which they differ
        along = some[np.argsort(own @ axis, kind="stable")]
        yield from np.array_split(along, -(-len(some) // _CELL))
