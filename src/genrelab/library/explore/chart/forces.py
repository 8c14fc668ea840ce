"""Move points of a plane towards their neighbours and away from others, block by block on several threads.

The forces are those of `genrelab.library.explore.projection`. All points of a step move at once, so the
result depends neither on the blocks nor on the number of threads. Points are in random order: the strangers
of a block are another stretch of the same order, which costs no random access.
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

_BLOCK = 8192  # points whose numbers fit into the cache of a core
_MOST_THREADS = 8


def refine(
    places: Points,
    neighbours: Numbers,
    *,
    steps: int,
    rate: float,
    repulsions: int,
    progress: Callable[[float], None] = lambda _: None,
    seed: int = 0,
) -> Points:
    """Move points; each step draws each of them to one neighbour and pushes it off `repulsions` others.

    Parameters
    ----------
    places : np.ndarray [shape=(n, 2)], float32
        In random order.
    neighbours : np.ndarray [shape=(n, k)], int32
    steps : int > 0
    rate : float > 0
        Of the first step; it falls to 0 with the last.
    repulsions : int
    progress : callable
        Takes the share that is done.
    seed : int

    Returns
    -------
    np.ndarray [shape=(n, 2)], float32
    """
    generator = np.random.default_rng(seed)
    n, count = neighbours.shape
    columns = np.ascontiguousarray(neighbours.T)
    now = np.ascontiguousarray(places.T, dtype=np.float32)
    after = np.empty_like(now)
    starts = range(0, n, _BLOCK)
    with ThreadPoolExecutor(max(1, min(_MOST_THREADS, len(starts), os.cpu_count() or 1))) as threads:
        for step in range(steps):
            shifts = generator.integers(1, n, size=repulsions).tolist()
            doubled = np.concatenate([now, now], axis=1)  # a stretch may go past the end
            factor = np.float32(rate * (1.0 - step / steps))
            column = columns[step % count]

            def move(start: int, column: Numbers = column, shifts: list[int] = shifts,
                     doubled: Points = doubled, factor: np.float32 = factor) -> None:  # fmt: skip
                block = slice(start, min(start + _BLOCK, n))
                after[:, block] = _moved(doubled, block, column[block], shifts, factor)

            list(threads.map(move, starts))
            now, after = after, now
            progress((step + 1) / steps)
    return np.ascontiguousarray(now.T)


def _moved(
    doubled: Points, block: slice, towards: Numbers, shifts: list[int], factor: np.float32
) -> Points:
    x, y = doubled[0, block], doubled[1, block]
    right, up = x - doubled[0].take(towards), y - doubled[1].take(towards)
    pull = np.float32(-2.0) / (np.float32(1.0) + right * right + up * up)
    right *= pull
    up *= pull
    right -= np.float32(GRAVITY) * x
    up -= np.float32(GRAVITY) * y
    for shift in shifts:
        others = slice(block.start + shift, block.stop + shift)
        across, over = x - doubled[0, others], y - doubled[1, others]
        square = across * across
        square += over * over
        push = np.float32(2.0) / ((np.float32(0.001) + square) * (np.float32(1.0) + square))
        for force, apart in ((right, across), (up, over)):
            apart *= push
            np.clip(apart, -FARTHEST_STEP, FARTHEST_STEP, out=apart)
            force += apart
    return np.stack([x + factor * right, y + factor * up])
