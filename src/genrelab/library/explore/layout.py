"""Lay out the tracks of a library, a million of them too, in bounded time and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from genrelab.errors import UsageError
from genrelab.library.explore.chart.columns import TrackColumns, Wanted, read_columns
from genrelab.library.explore.chart.components import principal_components
from genrelab.library.explore.chart.placing import WHOLE, place
from genrelab.library.explore.chart.quality import kept_neighbours
from genrelab.library.store.library import Library
from genrelab.library.vectors import Vectors, open_vectors

MOST_NUMBERS = 4096
"""Longest embedding: the work grows with the third power."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The tracks of a map and their places.

    Parameters
    ----------
    tracks : TrackColumns
    places : np.ndarray [shape=(n, 2)], float32
        From 0 to 1; the longer side spans the whole range.
    neighbours : np.ndarray [shape=(n, k)], int32
        The tracks whose embeddings are nearest, nearest first; k is at most 15.
    rows : np.ndarray [shape=(n,)], int
        The row of each track in `vectors.matrix`.
    vectors : Vectors or None
        None if there is no track.
    kept : float in 0..1
        Share of nearest tracks that are nearest on the map, too; see `chart.quality.kept_neighbours`.
    sampled : bool
        Whether a sample was laid out first, with the others around it.
    """

    tracks: TrackColumns
    places: np.ndarray[tuple[int, int], np.dtype[np.float32]]
    neighbours: np.ndarray[tuple[int, int], np.dtype[np.int32]]
    rows: np.ndarray[tuple[int], np.dtype[np.intp]]
    vectors: Vectors | None
    kept: float
    sampled: bool


class LayoutStopped(Exception):
    """The layout is no longer wanted."""


def lay_out_library(
    library: Library,
    wanted: Wanted,
    *,
    progress: Callable[[float], bool] = lambda _: True,
) -> Layout:
    """Lay out the tracks of one model. On one machine, the same library gives the same places.

    Parameters
    ----------
    library : Library
    wanted : Wanted
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

    def note(share: float) -> None:
        if not progress(share):
            raise LayoutStopped

    note(0.0)
    vectors = open_vectors(library, wanted.model) if wanted.model else None
    if vectors is None:
        return _empty(0)
    if vectors.length > MOST_NUMBERS:
        message = (
            f"the embeddings of {wanted.model} have {vectors.length:,} numbers; a map can use up to "
            f"{MOST_NUMBERS:,}. Recognize the music with another model."
        )
        raise UsageError(message, code="layout-embedding-too-long")
    note(0.05)
    tracks = read_columns(library, wanted, vectors.rows[vectors.alive])
    if not len(tracks):
        return _empty(tracks.vanished)
    rows = np.searchsorted(vectors.rows, tracks.ids)
    note(0.1)
    components = principal_components(vectors.matrix, rows)
    note(0.15)
    placed = place(components, progress=lambda share: note(0.15 + 0.8 * share))
    kept = kept_neighbours(vectors.matrix, placed.places, rows)
    note(1.0)
    return Layout(tracks, placed.places, placed.neighbours, rows, vectors, kept, len(tracks) > WHOLE)


def _empty(vanished: int) -> Layout:
    tracks = TrackColumns(
        np.empty(0, np.int64), [], (), np.empty(0, np.uint16), np.empty(0, np.float32),
        np.empty(0, np.uint32), vanished=vanished,
    )  # fmt: skip
    places = np.empty((0, 2), np.float32)
    return Layout(tracks, places, np.empty((0, 0), np.int32), np.empty(0, np.intp), None, 1.0, False)
