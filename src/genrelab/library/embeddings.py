"""The embeddings that the library keeps, read block by block: a large collection does not fill the memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.library.database import Database
from genrelab.library.library import Library

Directions = npt.NDArray[np.float32]
"""Embeddings of length 1 [shape=(n, d)]: their products are cosines."""

BLOCK = 4096
"""How many tracks are read at once; of 512 numbers each, that is 8 MB."""


class Embedded(NamedTuple):
    """A track that has an embedding.

    Parameters
    ----------
    path : bytes
        Absolute, without links.
    sound : bytes
        Hash of its sound: the same for copies of one recording.
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
        """Return the path for people and for opening."""
        return Path(os.fsdecode(self.path))


class ModelCount(NamedTuple):
    """How many tracks a model has answered, and how many of them have no embedding (errors, silence)."""

    model: str
    tracks: int
    without: int


def count_models(library: Library) -> list[ModelCount]:
    """Return which models have answered, the one with most embeddings first.

    Parameters
    ----------
    library : Library

    Returns
    -------
    list of ModelCount
    """
    with Database(library.path) as database:
        rows = database.rows(
            "SELECT model, count(*), count(*) - count(embedding) FROM tracks "
            "GROUP BY model ORDER BY count(embedding) DESC, model"
        )
    return [ModelCount(*row) for row in rows]


def read_embeddings(library: Library, model: str) -> Iterator[tuple[list[Embedded], Directions]]:
    """Read the tracks of one model that have an embedding, in the order of paths.

    Parameters
    ----------
    library : Library
    model : str
        `Bundle.identity`; embeddings of different models cannot be compared.

    Yields
    ------
    list of Embedded, np.ndarray [shape=(n, d)], float32
        A block of tracks, and their embeddings at length 1. A track whose embedding is damaged, or zero
        throughout, is not there.
    """
    last = b""
    with Database(library.path) as database:
        while rows := database.rows(
            "SELECT path, sound, duration, coalesce(genre, ''), coalesce(confidence, 0.0), embedding "
            "FROM tracks WHERE path > ? AND model = ? AND embedding IS NOT NULL ORDER BY path LIMIT ?",
            (last, model, BLOCK),
        ):
            last = rows[-1][0]
            length = max(len(row[-1]) for row in rows) // 4 * 4
            rows = [row for row in rows if length and len(row[-1]) == length]
            vectors = np.frombuffer(b"".join(row[-1] for row in rows), "<f4").reshape(len(rows), -1)
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            usable = np.isfinite(norms[:, 0]) & (norms[:, 0] > 0)
            tracks = [Embedded(*row[:-1]) for row, is_usable in zip(rows, usable, strict=True) if is_usable]
            yield tracks, (vectors[usable] / norms[usable]).astype(np.float32, copy=False)


def is_below(path: bytes, folder: bytes) -> bool:
    """Whether a path is a folder or leads to something in it; both absolute, without links."""
    separator = os.fsencode(os.sep)
    return path == folder or path.startswith(folder.rstrip(separator) + separator)
