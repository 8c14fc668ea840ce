"""From embeddings to places on a page: principal components, then each track moves among its neighbours.

The second step is the attraction and repulsion of UMAP (McInnes, Healy and Melville 2018, section 3.2)
with the kernel 1 / (1 + distance^2), negative sampling, and edges of equal weight: weights change next to
nothing there (Damrich and Hamprecht, "On UMAP's True Loss Function", 2021). A weak pull to the middle keeps
groups together. Genres play no part in it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]

NEIGHBOURS = 15
"""How many nearest tracks each track is drawn to."""

_COMPONENTS = 64  # of the principal components, in which neighbours are looked for
_ROUNDS = 120  # how often a track meets each neighbour
_REPULSIONS = 4  # strangers that push it away at each meeting
_GRAVITY = 0.02  # pull to the middle, times the distance: else groups drift away and shrink
_FARTHEST_STEP = 4.0  # of one push, as in UMAP
_SEED = 0
_CELLS = 2**24  # of a block of the matrix of all pairs: 64 MB
_SAMPLE = 1000  # tracks by which the picture is judged


def lay_out(directions: Points) -> Points:
    """Place tracks on a page such that tracks with similar embeddings lie together.

    The same embeddings in the same order give the same picture, on one machine.

    Parameters
    ----------
    directions : np.ndarray [shape=(n, d)], float32
        Embeddings of length 1.

    Returns
    -------
    np.ndarray [shape=(n, 2)], float32
        Within 0 to 1 in both directions, and touching 0 and 1 in one of them; one track alone lies in the
        middle.
    """
    components = _principal_components(directions)
    start = components[:, :2]
    if len(start) > 3:
        spread = float(np.abs(start).max()) or 1.0
        neighbours = nearest(components, components, NEIGHBOURS, skip=np.arange(len(components)))
        start = _refine(start * (10.0 / spread), neighbours)
    return _to_page(start)


def kept_neighbours(directions: Points, places: Points) -> float:
    """Return which share of a track's nearest by cosine are also among its nearest on the page.

    Parameters
    ----------
    directions : np.ndarray [shape=(n, d)], float32
        Embeddings of length 1.
    places : np.ndarray [shape=(n, 2)], float32

    Returns
    -------
    float in 0..1
        Over up to 1,000 tracks spread evenly; 1 if there are fewer than three tracks.
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
    """Return how many nearest tracks of each are compared: of all of them, any picture would keep all."""
    return min(NEIGHBOURS, n // 2)


def nearest(
    queries: Points, points: Points, count: int, *, skip: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return the nearest points of each query, in no order.

    Parameters
    ----------
    queries : np.ndarray [shape=(m, d)]
    points : np.ndarray [shape=(n, d)]
    count : int > 0
        How many; at most n - 1 are returned.
    skip : np.ndarray [shape=(m,)], int
        For each query the point that it is itself.

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
        distances += squares  # each row less its own square
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
    """Let each track move towards its neighbours in turn, and away from tracks drawn at random."""
    generator = np.random.default_rng(_SEED)
    n, count = neighbours.shape
    columns = np.ascontiguousarray(neighbours.T)
    across = np.array(places.T, dtype=np.float32)  # [2, n]: numpy is fast along the last axis
    steps = count * _ROUNDS
    for step in range(steps):
        apart = across - across.take(columns[step % count], axis=1)
        move = apart * (-2.0 / (1.0 + _square(apart))) - _GRAVITY * across
        for strangers in generator.integers(n, size=(_REPULSIONS, n)):
            apart = across - across.take(strangers, axis=1)
            square = _square(apart)
            push = apart * (2.0 / ((0.001 + square) * (1.0 + square)))
            move += np.clip(push, -_FARTHEST_STEP, _FARTHEST_STEP, out=push)
        across += np.float32(0.5 * (1.0 - step / steps)) * move
    return np.ascontiguousarray(across.T)


def _square(apart: Points) -> Points:
    square: Points = apart[0] * apart[0] + apart[1] * apart[1]
    return square


def _to_page(places: Points) -> Points:
    """Return places with the longer side of the picture from 0 to 1, the other one centred."""
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    side = float((high - low).max()) or 1.0
    moved: Points = ((places - (low + high) / 2.0) / side + 0.5).astype(np.float32)
    return moved
