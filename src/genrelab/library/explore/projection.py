"""Project embeddings to a plane: principal components, refined by attraction and repulsion of neighbours.

The refinement follows UMAP (McInnes, Healy and Melville 2018, section 3.2) with the kernel 1 / (1 +
distance^2), negative sampling and edges of equal weight, since weights have almost no effect (Damrich and
Hamprecht, "On UMAP's True Loss Function", 2021). A weak force to the centre keeps groups together. Genres are
not used.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]

NEIGHBOURS = 15
"""Number of nearest tracks that attract each track."""

_COMPONENTS = 64  # number of principal components in which neighbours are searched
_ROUNDS = 120  # number of times each neighbour attracts a track
_REPULSIONS = 4  # random tracks that repel it each time
_GRAVITY = 0.02  # force to the centre per distance; without it groups drift away and shrink
_FARTHEST_STEP = 4.0  # of one repulsion, as in UMAP
_SEED = 0
_CELLS = 2**22  # entries in a block of the distance matrix: 16 MB
_SAMPLE = 1000  # tracks that measure the quality of the projection


def lay_out(directions: Points) -> Points:
    """Place tracks on a page so that tracks with similar embeddings are close.

    On one machine, the same embeddings in the same order give the same result.

    Parameters
    ----------
    directions : np.ndarray [shape=(n, d)], float32
        Embeddings of length 1.

    Returns
    -------
    np.ndarray [shape=(n, 2)], float32
        Coordinates from 0 to 1; the longer side spans the whole range. A single track is in the centre.
    """
    components = _principal_components(directions)
    start = components[:, :2]
    if len(start) > 3:
        spread = float(np.abs(start).max()) or 1.0
        neighbours = nearest(components, components, NEIGHBOURS, skip=np.arange(len(components)))
        start = _refine(start * (10.0 / spread), neighbours)
    return _to_page(start)


def kept_neighbours(directions: Points, places: Points) -> float:
    """Return the share of nearest tracks by cosine that are also nearest on the page.

    Parameters
    ----------
    directions : np.ndarray [shape=(n, d)], float32
        Embeddings of length 1.
    places : np.ndarray [shape=(n, 2)], float32

    Returns
    -------
    float in 0..1
        Mean over up to 1,000 evenly spaced tracks; 1 if there are fewer than three tracks.
    """
    n = len(directions)
    if n < 3:
        return 1.0
    chosen = np.unique(np.linspace(0, n - 1, min(n, _SAMPLE)).astype(np.intp))
    count = judged_neighbours(n)
    truly = nearest(directions[chosen], directions, count, skip=chosen)
    shown = nearest(places[chosen], places, count, skip=chosen)
    return float(np.mean([len(np.intersect1d(a, b)) for a, b in zip(truly, shown, strict=True)]) / count)


def judged_neighbours(n: int) -> int:
    """Return how many nearest tracks to compare; comparing all of them would always give 1."""
    return min(NEIGHBOURS, n // 2)


def nearest(
    queries: Points, points: Points, count: int, *, skip: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return the nearest points of each query, unordered.

    Parameters
    ----------
    queries : np.ndarray [shape=(m, d)]
    points : np.ndarray [shape=(n, d)]
    count : int > 0
        Number of points per query; at most n - 1 are returned.
    skip : np.ndarray [shape=(m,)], int
        For each query, its own index among the points.

    Returns
    -------
    np.ndarray [shape=(m, min(count, n - 1))], int
    """
    n = len(points)
    count = min(count, n - 1)
    squares = np.einsum("ij,ij->i", points, points)
    rows = max(1, _CELLS // n)
    found = np.empty((len(queries), count), dtype=np.intp)
    for start in range(0, len(queries), rows):
        block = slice(start, start + rows)
        distances = queries[block] @ points.T
        distances *= -2.0
        distances += squares  # minus the square of the query, which does not affect the order
        distances[np.arange(len(distances)), skip[block]] = np.inf
        found[block] = np.argpartition(distances, count - 1, axis=1)[:, :count]
    return found


def _principal_components(directions: Points) -> Points:
    """Return the leading principal components [shape=(n, min(d, 64), at least 2)] of the embeddings."""
    centred = directions - directions.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))  # in ascending order
    axes = axes[:, ::-1][:, :_COMPONENTS]
    strongest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    components: Points = centred @ (axes * np.where(strongest < 0, -1.0, 1.0)).astype(np.float32)
    if components.shape[1] < 2:
        components = np.pad(components, ((0, 0), (0, 2 - components.shape[1])))
    return components


def _refine(places: Points, neighbours: npt.NDArray[np.intp]) -> Points:
    """Move each track towards its neighbours in turn, and away from random tracks."""
    generator = np.random.default_rng(_SEED)
    n, count = neighbours.shape
    columns = np.ascontiguousarray(neighbours.T)
    across = np.array(places.T, dtype=np.float32)  # [2, n]: numpy is fast along the last axis
    steps = count * _ROUNDS
    for step in range(steps):
        apart = across - across.take(columns[step % count], axis=1)
        move = apart * (-2.0 / (1.0 + _square(apart))) - _GRAVITY * across
        for others in generator.integers(n, size=(_REPULSIONS, n)):
            apart = across - across.take(others, axis=1)
            square = _square(apart)
            push = apart * (2.0 / ((0.001 + square) * (1.0 + square)))
            move += np.clip(push, -_FARTHEST_STEP, _FARTHEST_STEP, out=push)
        across += np.float32(0.5 * (1.0 - step / steps)) * move
    return np.ascontiguousarray(across.T)


def _square(apart: Points) -> Points:
    square: Points = apart[0] * apart[0] + apart[1] * apart[1]
    return square


def _to_page(places: Points) -> Points:
    """Scale places so that the longer side spans 0 to 1 and the other is centred."""
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    moved: Points = ((places - (low + high) / 2.0) / side + 0.5).astype(np.float32)
    return moved
