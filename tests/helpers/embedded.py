"""Libraries of tracks that have nothing but an embedding, written at once."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from genrelab.library import Library

MODEL = f"m@{'1' * 12}"


def clustered(count: int, length: int, seed: int = 0, *, centres: int = 20) -> np.ndarray:
    """Return embeddings [shape=(count, length)] around some centres, which vary along few axes most."""
    draw = np.random.default_rng(seed)
    middle = draw.standard_normal((centres, length))
    deep = draw.standard_normal((12, length))
    found = middle[draw.integers(centres, size=count)] + 0.5 * draw.standard_normal((count, 12)) @ deep
    return (found + 0.3 * draw.standard_normal((count, length))).astype(np.float32)


def add(
    path: Path, vectors: np.ndarray, *, model: str = MODEL, folder: str = "/music", name: str = "t"
) -> None:
    """Add a track for each embedding, at once; no file is written."""
    Library(path).close()
    rows = (
        (f"{folder}/{name}{number:07}".encode(), _digest(name, number), model, vector.tobytes())
        for number, vector in enumerate(vectors.astype("<f4"))
    )
    with closing(sqlite3.connect(path, timeout=60)) as connection, connection:
        connection.executemany(
            "INSERT INTO tracks (path, size, mtime_ns, sound, model, settings, version, genre, confidence, "
            "genres, timeline, embedding) VALUES (?, 1, 1, ?, ?, '', '', 'rock', 0.5, '[]', x'', ?)",
            rows,
        )


def _digest(name: str, number: int) -> bytes:
    return hashlib.sha256(f"{name}{number}".encode()).digest()


def best(vectors: np.ndarray, query: np.ndarray, count: int = 10) -> list[int]:
    """Return the numbers of the embeddings with the highest cosine, by all of them."""
    scaled = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = scaled.astype(np.float64) @ (query / np.linalg.norm(query))
    return np.argsort(-cosines, kind="stable")[:count].tolist()
