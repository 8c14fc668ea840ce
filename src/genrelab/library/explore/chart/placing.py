"""Place any number of tracks on a plane: a sample is laid out well, the others settle around it.

Up to `WHOLE` tracks are laid out together. Of more, a random sample of so many is laid out. In a sample ten
times as large, the others start at the mean place of their neighbours that have one already, and so on up to
all tracks. Each time, the map is enlarged, so that the tracks of a large map lie as far apart as those of a
small one, and all move once more, pushed off by tracks near them only: each region settles as a small map
does. The cost of every part but the search for neighbours is linear in the number of tracks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genrelab.library.explore.chart.forces import Numbers, Points, refine, refine_nearby
from genrelab.library.explore.chart.neighbours import neighbour_graph, smallest

NEIGHBOURS = 15
"""Number of nearest tracks that attract each track."""

WHOLE = 10_000
"""Tracks that are laid out together."""

_ROUNDS = 120  # number of times each neighbour attracts a track of the sample
_NEARBY = 2500  # tracks of a region: smaller maps are not enlarged
_LATER_ROUNDS = 60  # number of times each neighbour attracts a track there
_FACTOR = 10  # from one sample to the next larger one
_SPREAD = 10.0  # farthest place from the centre at the start
_NEAR = 0.01  # from the mean of their neighbours, where tracks start
_BLOCK = 1024  # of tracks that are compared with the whole sample
_SEED = 0

Progress = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Placed:
    """Tracks on a plane.

    Parameters
    ----------
    places : np.ndarray [shape=(n, 2)], float32
        From 0 to 1; the longer side spans the whole range.
    neighbours : np.ndarray [shape=(n, k)], int32
        Of each track, nearest first; k is at most `NEIGHBOURS`.
    """

    places: Points
    neighbours: Numbers


def place(components: Points, *, progress: Progress = lambda _: None) -> Placed:
    """Place tracks so that neighbours lie close together. The same components give the same places.

    Parameters
    ----------
    components : np.ndarray [shape=(n, c)], float32
        Principal components of the embeddings, the strongest first; at least two.
    progress : callable
        Takes the share that is done, from 0 to 1.

    Returns
    -------
    Placed
    """
    n = len(components)
    if n <= 3:
        others = np.array([[other for other in range(n) if other != own] for own in range(n)], np.int32)
        return Placed(to_page(components[:, :2]), others.reshape(n, max(0, n - 1)))
    order = np.random.default_rng(_SEED).permutation(n).astype(np.int32)  # `refine` needs a random one
    mixed = components[order]
    graph = neighbour_graph(mixed, NEIGHBOURS, progress=_part(progress, 0.0, 0.4))
    now = _lay_out(mixed[:WHOLE], graph if n <= WHOLE else None, _part(progress, 0.4, 0.5))
    sizes = [*_between(n), n] if n > _NEARBY else []
    for number, size in enumerate(sizes):
        near = graph if size == n else neighbour_graph(mixed[:size], NEIGHBOURS)
        spread = np.float32(np.sqrt(size / (_NEARBY if number == 0 else len(now))))
        start = (_around(mixed[:size], now, near) if size > len(now) else now) * spread
        share = 0.5 + 0.5 * np.array([number, number + 1]) / len(sizes)
        later = _part(progress, *share.tolist())
        now = refine_nearby(start, near, rounds=_LATER_ROUNDS, window=_NEARBY, progress=later)
    places, neighbours = np.empty_like(now), np.empty_like(graph)
    places[order], neighbours[order] = now, order[graph]
    return Placed(to_page(places), neighbours)


def to_page(places: Points) -> Points:
    """Scale places so that the longer side spans 0 to 1 and the other is centred."""
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    moved: Points = ((places - (low + high) / 2.0) / side + 0.5).astype(np.float32)
    return moved


def _lay_out(components: Points, graph: Numbers | None, progress: Progress) -> Points:
    start = components[:, :2]
    start = start * np.float32(_SPREAD / (float(np.abs(start).max()) or 1.0))
    neighbours = neighbour_graph(components, NEIGHBOURS) if graph is None else graph
    return refine(start, neighbours, rounds=_ROUNDS, progress=progress)


def _between(n: int) -> list[int]:
    """Return the sizes of the samples between the first one and all tracks."""
    sizes: list[int] = []
    while (size := WHOLE * _FACTOR ** (len(sizes) + 1)) < n:
        sizes.append(size)
    return sizes


def _around(components: Points, sample: Points, graph: Numbers) -> Points:
    """Return places to start from: those of the sample, and means of neighbours for all others."""
    n, m = len(components), len(sample)
    places = np.zeros((n, 2), np.float32)
    places[:m] = sample
    known = np.zeros(n, np.bool_)
    known[:m] = True
    jitter = np.random.default_rng(_SEED).normal(0.0, _NEAR, (n, 2)).astype(np.float32)
    while True:
        missing = np.flatnonzero(~known)
        beside = known[graph[missing]]
        count = beside.sum(axis=1)
        reached = missing[count > 0]
        if len(reached) < 0.01 * len(missing) or not len(missing):
            break
        near, weights = graph[reached], beside[count > 0].astype(np.float32)
        for axis in range(2):
            along = (places[:, axis][near] * weights).sum(axis=1)
            places[reached, axis] = along / weights.sum(axis=1) + jitter[reached, axis]
        known[reached] = True
    across = np.ascontiguousarray(components[:m].T)  # what no chain of neighbours reaches
    squares = np.einsum("ij,ij->j", across, across)
    for first in range(0, len(missing), _BLOCK):
        some = missing[first : first + _BLOCK]
        nearest = smallest(squares - 2.0 * (components[some] @ across), 1)[:, 0]
        places[some] = sample[nearest] + jitter[some]
    return places


def _part(progress: Progress, low: float, high: float) -> Progress:
    return lambda share: progress(low + share * (high - low))
