"""A library of many generated tracks, with rows as real recognitions make them but no files."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np

import genrelab
from genrelab.library import Library
from genrelab.library.store.track_row import COLUMNS

GENRES = (
    *("blues", "classical", "country", "disco", "electronic", "hiphop", "jazz", "metal", "pop"),
    *("reggae", "rock"),
)
TAGS = ("calm", "dark", "energetic", "happy", "sad", "tense")
MODEL = f"generated@{'5' * 12}"
THRESHOLD = 0.58
"""Below this confidence, the genre is unsure."""


def fill(path: Path, count: int, *, numbers: int = 64, folder: str = "/music") -> Path:
    """Write a library.

    Parameters
    ----------
    path : Path
        Of the library; it must not exist.
    count : int
        Number of tracks: ten per album, ten albums per artist. Every 500th has an error.
    numbers : int
        Of each embedding. Those of a genre and of an artist lie near each
        other.
    folder : str
        The folder of the tracks.

    Returns
    -------
    Path
    """
    Library(path).close()
    places = ", ".join("?" * len(COLUMNS.split(", ")))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            f"INSERT INTO tracks ({COLUMNS}) VALUES ({places})", _rows(count, numbers, folder)
        )
    return path


def track_path(number: int, folder: str = "/music") -> bytes:
    """Return the path of a track."""
    artist, album = number // 100, number // 10
    name = f"{folder}/Artist {artist:04}/Album {album:05} Ümlaut/{number % 10:02} Track {number:06}.mp3"
    return name.encode()


def _rows(count: int, numbers: int, folder: str) -> Iterator[tuple[object, ...]]:
    draw = np.random.default_rng(7)
    centres = draw.normal(size=(len(GENRES), numbers))
    artist = np.zeros(numbers)
    for number in range(count):
        path = track_path(number, folder)
        digest = hashlib.sha256(path).digest()
        if number % 100 == 0:
            artist = draw.normal(size=numbers)
        first = number % len(GENRES)
        probabilities = draw.dirichlet(np.where(np.arange(len(GENRES)) == first, 12.0, 0.7))
        order = np.argsort(-probabilities)
        ranked = [[GENRES[index], round(float(probabilities[index]), 6)] for index in order]
        confidence = ranked[0][1]
        seconds = 120.0 + number % 241
        starts = np.arange(0, seconds - 5, 10).round(2).tolist()
        timeline = [[start, start + 5, ranked[0][0], round(confidence, 3)] for start in starts]
        tags = [[kind, name, p, p > 0.5] for kind, name, p in _tags(draw)]
        vector = centres[order[0]] + artist + 0.5 * draw.normal(size=numbers)
        embedding = vector.astype("<f4").tobytes()
        failed = number % 500 == 499
        yield (
            *(path, 4_000_000 + number, 10**18 + number, digest, MODEL, "", genrelab.__version__),
            None if failed else seconds,
            None if failed else ranked[0][0] if confidence >= THRESHOLD else "unsure",
            None if failed else confidence,
            None if failed or confidence >= THRESHOLD else "low confidence",
            "[]" if failed else json.dumps(ranked),
            zlib.compress(json.dumps([] if failed else timeline).encode(), 1),
            None if failed else embedding,
            " is cut off: no sound" if failed else None,
            *(1 if failed else 0, None, "[]", "[]" if failed else json.dumps(tags)),
        )


def _tags(draw: np.random.Generator) -> Iterator[tuple[str, str, float]]:
    for name, probability in zip(TAGS, draw.random(len(TAGS)).tolist(), strict=True):
        yield "mood", name, round(probability, 4)
