"""Read the stored embeddings in blocks, so that a large collection does not fill the memory."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH, embedding_key
from genrelab.library.store.library import Library
from genrelab.library.store.track_filter import TrackFilter
from genrelab.library.store.track_row import DamagedRowError, check_values, vector

Directions = npt.NDArray[np.float32]
"""Embeddings of length 1 [shape=(n, d)]: dot products are cosines."""

BLOCK = 4096
"""Tracks per block; 8 MB for embeddings of 512 numbers."""


class Embedded(NamedTuple):
    """A track with an embedding.

    Parameters
    ----------
    path : bytes
        Absolute, with links resolved.
    sound : bytes
        Hash of its audio: the same for copies of one recording.
    duration : float or None
        In seconds.
    genre : str
    confidence : float
    """

    path: bytes
    sound: bytes
    duration: float | None
    genre: str
    confidence: float

    def name(self) -> Path:
        """Return the path as a `Path`."""
        return Path(os.fsdecode(self.path))


def share_embedding(model: str, other: str) -> bool:
    """Whether the embeddings of two models, given by `Bundle.identity`, are the same."""
    return embedding_key(model) == embedding_key(other)


class ModelCount(NamedTuple):
    """Number of tracks recognized by a model, and how many of them have no embedding (errors, silence)."""

    model: str
    tracks: int
    without: int


def count_models(library: Library, where: TrackFilter | None = None) -> list[ModelCount]:
    """Count the tracks of each model; the model with most embeddings comes first.

    Parameters
    ----------
    library : Library
    where : TrackFilter or None
        Only tracks that fulfil it.

    Returns
    -------
    list of ModelCount
    """
    clause, values = ("1", ()) if where is None else (where.clause, where.values)
    rows = library.database.rows(
        "SELECT coalesce(CAST(model AS TEXT), '') AS m, count(*), count(*) - count(embedding) FROM tracks "
        f"WHERE {clause} GROUP BY m ORDER BY count(embedding) DESC, m",
        values,
    )
    return [ModelCount(*row) for row in rows]


def read_embeddings(
    library: Library, model: str, where: TrackFilter | None = None
) -> Iterator[tuple[list[Embedded], Directions]]:
    """Read the tracks of one model that have an embedding, ordered by path.

    Parameters
    ----------
    library : Library
    model : str
        `Bundle.identity`. Embeddings of different models cannot be compared, except those of models taught on
        one base, which are the same.
    where : TrackFilter or None
        Only tracks that fulfil it.

    Yields
    ------
    list of Embedded, np.ndarray [shape=(n, d)], float32
        A block of tracks and their embeddings, scaled to length 1. All blocks have the same dimension d.
        Tracks with a damaged row or an embedding of zeros are omitted.
    """
    last, length = b"", 0
    clause, values = ("1", ()) if where is None else (where.clause, where.values)
    while rows := library.database.rows(
        "SELECT path, sound, duration, coalesce(genre, ''), coalesce(confidence, 0.0), embedding FROM tracks "
        "WHERE path > ? AND typeof(path) = 'blob' AND substr(model, ?) = ? AND embedding IS NOT NULL "
        f"AND ({clause}) ORDER BY path LIMIT ?",
        (last, -KEY_LENGTH, embedding_key(model), *values, BLOCK),
    ):
        last = rows[-1][0]
        found = [(track, numbers) for track, numbers in map(_embedded, rows) if track is not None]
        if found and not length:  # the most common one: a damaged row must not exclude all others
            ((length, _),) = Counter(len(numbers) for _, numbers in found).most_common(1)
        found = [(track, numbers) for track, numbers in found if len(numbers) == length]
        if not found:
            continue
        vectors = np.stack([numbers for _, numbers in found])
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        usable = np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)
        tracks = [track for (track, _), is_usable in zip(found, usable, strict=True) if is_usable]
        yield tracks, (vectors[usable] / norms[usable]).astype(np.float32, copy=False)


def _embedded(row: tuple[Any, ...]) -> tuple[Embedded | None, Directions]:
    """Return a track and its embedding; None if a value is damaged."""
    track = embedded_of(row[:-1])
    try:
        return track, vector(row[-1])
    except DamagedRowError:
        return None, np.empty(0, np.float32)


def embedded_of(values: Sequence[Any]) -> Embedded | None:
    """Return a track from the values of a row, in the order of `Embedded`; None if one is damaged."""
    track = Embedded(*values)
    try:
        if not isinstance(track.genre, str):
            raise DamagedRowError("genre")
        check_values(track.path, track.sound, track.duration, track.confidence)
    except DamagedRowError:
        return None
    return track


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether a path is a folder or is inside it; both absolute, with links resolved."""
    separator = os.fsencode(os.sep)
    return path == folder or path.startswith(folder.rstrip(separator) + separator)
