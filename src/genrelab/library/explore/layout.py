"""Lay out all tracks of a library, a hundred thousand too, in bounded time and memory.

The map of a sample is made by `genrelab.library.explore.projection`. Every other track is put beside the
nearest tracks of the sample and then moved as there, while the sample stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.library.explore.embeddings import Directions, Embedded, is_below, read_embeddings
from genrelab.library.explore.projection import Points, lay_out, nearest
from genrelab.library.store.library import Library

SAMPLE = 8_000
"""Tracks whose distances are all compared; larger libraries are laid out around such a sample."""

MOST_NUMBERS = 4096
"""Longest embedding: the work grows with the third power."""

_COMPONENTS = 48  # principal components in which neighbours are searched
_NEIGHBOURS = 5  # tracks of the sample that attract another track
_ROUNDS = 12  # number of times each of them does
_REPULSION = 0.5  # of one random track of the sample, relative to the map's own
_NEAR = 0.004  # distance from the nearest track at the start, on a map of side 1
_SIDE = 30.0  # of the map while tracks move: near the distances at which the forces act
_BLOCK = 512  # tracks whose neighbours are searched at once
_SEED = 0


@dataclass(frozen=True, slots=True)
class Layout:
    """The tracks of a map and their places.

    Parameters
    ----------
    tracks : tuple of Embedded
        In the order of paths; copies of a recording are beside each other on the map.
    places : np.ndarray [shape=(n, 2)], float32
        From 0 to 1; the longer side spans nearly the whole range.
    sampled : bool
        Whether the map is that of a sample, with the others put around it.
    """

    tracks: tuple[Embedded, ...]
    places: Points
    sampled: bool


class LayoutStopped(Exception):
    """The layout is no longer wanted."""


def lay_out_library(
    library: Library,
    model: str,
    *,
    folders: tuple[bytes, ...] = (),
    sample: int = SAMPLE,
    progress: Callable[[float], bool] = lambda _: True,
) -> Layout:
    """Lay out the tracks of one model.

    Parameters
    ----------
    library : Library
    model : str
        `Bundle.identity`.
    folders : tuple of bytes
        Only tracks at or below one of these absolute paths; none means all.
    sample : int > 0
        Number of tracks up to which all are compared.
    progress : callable
        Takes the share that is done, from 0 to 1. If it returns False, the work is given up.

    Returns
    -------
    Layout
        Without tracks if there is none with an embedding.

    Raises
    ------
    UsageError
        If the embeddings have more than 4,096 numbers.
    LibraryError
        If the library cannot be used.
    LayoutStopped
        If `progress` returned False.
    """

    def blocks() -> Iterator[tuple[list[Embedded], Directions]]:
        for tracks, directions in read_embeddings(library, model):
            if directions.shape[1] > MOST_NUMBERS:
                message = (
                    f"the embeddings of {model} have {directions.shape[1]:,} numbers; a map can use up to "
                    f"{MOST_NUMBERS:,}. Recognize the music with another model."
                )
                raise UsageError(message, code="layout-embedding-too-long")
            kept = [
                index
                for index, track in enumerate(tracks)
                if not folders or any(is_below(track.path, folder) for folder in folders)
            ]
            yield [tracks[index] for index in kept], directions[kept]

    def note(share: float) -> None:
        if not progress(share):
            raise LayoutStopped

    note(0.0)
    (rows,) = library.database.rows("SELECT count(embedding IS NOT NULL) FROM tracks")[0]
    step = max(1, -(-rows // sample))
    chosen: list[Directions] = []
    total = 0
    for _, directions in blocks():
        chosen.append(directions[-total % step :: step].copy())  # a view would keep all
        total += len(directions)
        note(0.1 * min(1.0, total / max(rows, 1)))
    if not total:
        return Layout((), np.empty((0, 2), np.float32), sampled=False)
    drawn = np.concatenate(chosen)
    axes = _axes(drawn)
    places = lay_out(drawn)
    note(0.3)
    if step == 1:
        tracks = tuple(track for block, _ in blocks() for track in block)
        if len(tracks) == len(places):
            return Layout(tracks, places, sampled=False)
    return _around(blocks(), drawn @ axes, places, axes, lambda part: note(0.3 + 0.7 * part / max(total, 1)))


def _axes(directions: Directions) -> npt.NDArray[np.float32]:
    """Return the leading principal axes [shape=(d, at most 48)]."""
    centred = directions - directions.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, axes = np.linalg.eigh((centred.T @ centred).astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1][:, :_COMPONENTS], dtype=np.float32)


def _around(
    blocks: Iterator[tuple[list[Embedded], Directions]],
    anchors: Points,
    places: Points,
    axes: npt.NDArray[np.float32],
    note: Callable[[int], None],
) -> Layout:
    """Put all tracks around those of the sample.

    Parameters
    ----------
    blocks : iterator
        Of all tracks, those of the sample too.
    anchors : np.ndarray [shape=(m, components)]
        The sample.
    places : np.ndarray [shape=(m, 2)]
        Of the sample.
    axes : np.ndarray [shape=(d, components)]
    note : callable
        Takes the number of tracks that are done.
    """
    found: list[Embedded] = []
    put: list[Points] = []
    generator = np.random.default_rng(_SEED)
    for tracks, directions in blocks:
        for start in range(0, len(tracks), _BLOCK):
            part = directions[start : start + _BLOCK] @ axes
            nobody = np.full(len(part), len(anchors), np.intp)
            count = min(_NEIGHBOURS, len(anchors))
            put.append(_settle(part, anchors, places, _nearest(part, anchors, count, nobody), generator))
            note(len(found) + start + len(part))
        found += tracks
    moved = np.concatenate(put) if put else np.empty((0, 2), np.float32)
    return Layout(tuple(found), np.clip(moved, 0.0, 1.0), sampled=True)


def _nearest(
    queries: Points, anchors: Points, count: int, nobody: npt.NDArray[np.intp]
) -> npt.NDArray[np.intp]:
    """Return the nearest anchors of each query, the nearest one first."""
    beyond = np.full((1, anchors.shape[1]), 1e6, np.float32)  # which `nearest` leaves out
    found = nearest(queries, np.concatenate([anchors, beyond]), count, skip=nobody)
    apart = np.square(anchors[found] - queries[:, None]).sum(axis=2)
    ordered: npt.NDArray[np.intp] = np.take_along_axis(found, apart.argsort(axis=1), axis=1)
    return ordered


def _settle(
    queries: Points,
    anchors: Points,
    places: Points,
    neighbours: npt.NDArray[np.intp],
    generator: np.random.Generator,
) -> Points:
    """Start beside the nearest anchor; move towards the nearest ones, and away from random ones."""
    first = neighbours[:, 0]
    same = np.square(anchors[first] - queries).sum(axis=1) < 1e-9  # the anchor itself, or its copy
    angle = generator.random(len(queries)) * (2 * np.pi)
    shift = np.stack([np.cos(angle), np.sin(angle)], axis=1) * _NEAR
    now: Points = ((places[first] + shift) * _SIDE).astype(np.float32)
    fixed = places * np.float32(_SIDE)
    steps = _ROUNDS * neighbours.shape[1]
    for step in range(steps):
        apart = now - fixed[neighbours[:, step % neighbours.shape[1]]]
        move = apart * (-2.0 / (1.0 + np.square(apart).sum(axis=1, keepdims=True)))
        apart = now - fixed[generator.integers(len(fixed), size=len(now))]
        square = np.square(apart).sum(axis=1, keepdims=True)
        push = apart * (2.0 / ((0.001 + square) * (1.0 + square)))
        move += _REPULSION * np.clip(push, -4.0, 4.0)
        now += np.float32(0.25 * (1.0 - step / steps)) * move
    moved: Points = (now / np.float32(_SIDE)).astype(np.float32)
    moved[same] = places[first[same]]
    return moved
