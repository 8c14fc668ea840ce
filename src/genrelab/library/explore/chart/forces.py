"""Move points of a plane towards their neighbours and away from others, block by block on several threads.

The refinement follows UMAP (McInnes, Healy and Melville 2018, section 3.2) with the kernel 1 / (1 +
distance^2), negative sampling and edges of equal weight, since weights have almost no effect (Damrich and
Hamprecht, "On UMAP's True Loss Function", 2021). A weak force to the centre keeps groups together.

All points of a step move at once, so the result depends neither on the blocks nor on the number of threads.
The strangers that push a block away are another stretch of the same order, which costs no random access: in a
random order they are random points, in an order along a curve that fills the plane they are points nearby.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int32]

GRAVITY = 0.02
"""Force to the centre per distance; without it groups drift away and shrink."""

FARTHEST_STEP = 4.0
"""Of one repulsion, as in UMAP."""

REPULSIONS = 4
"""Strangers that push a point away each time a neighbour attracts it."""

_RATE = 0.5  # share of a force that a point moves by, at the start
_BLOCK = 8192  # points whose numbers fit into the cache of a core
_MOST_THREADS = 8
_BITS = 16  # of a coordinate along the curve
_ROUNDS_PER_ORDER = 4  # after which points near each other are looked for again
_SEED = 0

Progress = Callable[[float], None]


def refine(
    places: Points, neighbours: Numbers, *, rounds: int, progress: Progress = lambda _: None
) -> Points:
    """Move points; each step draws them to one neighbour and pushes them off random others.

    Parameters
    ----------
    places : np.ndarray [shape=(n, 2)], float32
        In random order.
    neighbours : np.ndarray [shape=(n, k)], int32
    rounds : int > 0
        Number of times that each neighbour attracts.
    progress : callable
        Takes the share that is done.

    Returns
    -------
    np.ndarray [shape=(n, 2)], float32
    """
    generator = np.random.default_rng(_SEED)
    steps = rounds * neighbours.shape[1]
    rates = _RATE * (1.0 - np.arange(steps) / steps)
    shifts = generator.integers(len(places), size=(steps, REPULSIONS))
    return _move(places, neighbours, rates, shifts, GRAVITY, progress)


def refine_nearby(
    places: Points, neighbours: Numbers, *, rounds: int, window: int, progress: Progress = lambda _: None
) -> Points:
    """Move points as `refine` does, but push each off points near it only: groups stay where they are.

    Parameters
    ----------
    places : np.ndarray [shape=(n, 2)], float32
    neighbours : np.ndarray [shape=(n, k)], int32
    rounds : int > 0
    window : int
        Number of points nearby from which those are drawn that push.
    progress : callable

    Returns
    -------
    np.ndarray [shape=(n, 2)], float32
    """
    generator = np.random.default_rng(_SEED)
    n, count = neighbours.shape
    now = places
    for start in range(0, rounds, _ROUNDS_PER_ORDER):
        some = min(_ROUNDS_PER_ORDER, rounds - start)
        order = _along_curve(now, generator)
        place = np.empty(n, np.int32)
        place[order] = np.arange(n, dtype=np.int32)
        steps = some * count
        rates = _RATE * (1.0 - (start * count + np.arange(steps)) / (rounds * count))
        shifts = generator.integers(-window // 2, window // 2, size=(steps, REPULSIONS)) % n
        moved = _move(now[order], place[neighbours[order]], rates, shifts, 0.0, lambda _: None)
        now = np.empty_like(moved)
        now[order] = moved
        progress((start + some) / rounds)
    return now


def _along_curve(places: Points, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return an order in which points near each other are near: a Morton curve on a turned and moved grid."""
    angle = generator.uniform(0.0, 2.0 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    turned = places @ turn
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = float((high - low).max()) or 1.0
    share = (turned - low) / np.float32(1.5 * side) + generator.uniform(0.0, 0.3, 2).astype(np.float32)
    code = np.zeros(len(places), np.int64)
    for axis in range(2):
        cells = (share[:, axis] * np.float32(2**_BITS - 1)).astype(np.int64)
        for wide, mask in ((16, 0x0000FFFF0000FFFF), (8, 0x00FF00FF00FF00FF), (4, 0x0F0F0F0F0F0F0F0F),
                           (2, 0x3333333333333333), (1, 0x5555555555555555)):  # fmt: skip
            cells = (cells | cells << wide) & mask
        code |= cells << axis
    return np.argsort(code, kind="stable")


def _move(
    places: Points,
    neighbours: Numbers,
    rates: npt.NDArray[np.float64],
    shifts: npt.NDArray[np.int64],
    gravity: float,
    progress: Progress,
) -> Points:
    n, count = neighbours.shape
    columns = np.ascontiguousarray(neighbours.T)
    now = np.ascontiguousarray(places.T, dtype=np.float32)
    after = np.empty_like(now)
    starts = range(0, n, _BLOCK)
    with ThreadPoolExecutor(max(1, min(_MOST_THREADS, len(starts), os.cpu_count() or 1))) as threads:
        for step, rate in enumerate(rates.tolist()):
            doubled = np.concatenate([now, now], axis=1)  # a stretch may go past the end
            parts = [
                threads.submit(
                    _step, doubled, after, slice(start, min(start + _BLOCK, n)),
                    columns[step % count], (rate, gravity, shifts[step].tolist()),
                )
                for start in starts
            ]  # fmt: skip
            for part in parts:
                part.result()
            now, after = after, now
            progress((step + 1) / len(rates))
    return np.ascontiguousarray(now.T)


def _step(
    doubled: Points,
    after: Points,
    block: slice,
    column: Numbers,
    forces: tuple[float, float, list[int]],
) -> None:
    """Write where the points of a block are after a step into `after`."""
    rate, gravity, shifts = forces
    force = _force(doubled, block, column[block], shifts, gravity)
    after[:, block] = doubled[:, block] + np.float32(rate) * force


def _force(doubled: Points, block: slice, towards: Numbers, shifts: list[int], gravity: float) -> Points:
    """Return the force on the points of a block [shape=(2, n)]."""
    places = doubled[:, block]
    force = places - doubled.take(towards, axis=1)
    force *= np.float32(-2.0) / (np.float32(1.0) + _square(force))
    if gravity:
        force -= np.float32(gravity) * places
    for shift in shifts:
        apart = places - doubled[:, block.start + shift : block.stop + shift]
        square = _square(apart)
        apart *= np.float32(2.0) / ((np.float32(0.001) + square) * (np.float32(1.0) + square))
        np.clip(apart, -FARTHEST_STEP, FARTHEST_STEP, out=apart)
        force += apart
    return force


def _square(apart: Points) -> Points:
    square: Points = apart[0] * apart[0] + apart[1] * apart[1]
    return square
