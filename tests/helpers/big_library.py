"""A library of up to millions of generated tracks, written fast, with rows as recognitions make them."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import numpy.typing as npt

import genrelab
from genrelab.bundle.bundle import read_facts
from genrelab.bundle.find import PACKAGED_MODEL
from genrelab.library import Library
from genrelab.library.store.track_row import COLUMNS

TAGS = ("calm", "dark", "energetic", "happy", "sad", "tense")
THRESHOLD = 0.58
"""Below this confidence, the genre is unsure."""

TRACKS, ALBUMS = 12, 4
"""Tracks per album, and albums per artist."""

FAILED_EVERY, COPIED_EVERY = 499, 197
"""Every so many tracks, one has an error, and one is a copy of the track before it."""

_NUMBERS = 688  # of an embedding of the packaged model
_CENTRES = 300
_DEPTH = 48  # dimensions in which the tracks of a centre differ most
_BLOCK = 2000  # rows drawn at once


def make_library(
    path: Path, rows: int, seed: int = 0, *, folder: str = "/music", files: bool = False
) -> Path:
    """Write a library.

    Embeddings lie around a few hundred centres, each of which has a genre; the tracks of an artist are closer
    to each other. One path in a thousand is not UTF-8.

    Parameters
    ----------
    path : Path
        Of the library; it must not exist.
    rows : int
        Number of tracks: `TRACKS` per album, `ALBUMS` albums per artist.
    seed : int
        The same seed gives the same library.
    folder : str
        The folder of the tracks, absolute and without links.
    files : bool
        Whether to write each track as an empty file, of the size and time in the library.

    Returns
    -------
    Path
    """
    Library(path).close()
    places = ", ".join("?" * len(COLUMNS.split(", ")))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -65536")
        for start in range(0, rows, 25 * _BLOCK):  # in parts, so that the log stays small
            connection.execute("BEGIN")
            connection.executemany(
                f"INSERT INTO tracks ({COLUMNS}) VALUES ({places})",
                _rows(start, min(rows, start + 25 * _BLOCK), seed, folder, files),
            )
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def track_path(number: int, folder: str = "/music") -> bytes:
    """Return the path of a track."""
    album, track = divmod(number, TRACKS)
    odd = b"\xff" if number % 1000 == 7 else b""  # a name that is not UTF-8
    name = f"{folder}/Artist {album // ALBUMS:06}/Album {album:06} Ümlaut/{track:02} Track {number:07}"
    return name.encode() + odd + b".mp3"


def _rows(start: int, end: int, seed: int, folder: str, files: bool) -> Iterator[tuple[object, ...]]:
    facts, model = read_facts(PACKAGED_MODEL)
    genres = facts.genres
    fixed = np.random.default_rng(seed)
    of_genre = fixed.normal(size=(len(genres), _NUMBERS)).astype(np.float32)
    centres = of_genre[np.arange(_CENTRES) % len(genres)] * 0.35
    centres += fixed.normal(size=(_CENTRES, _NUMBERS)).astype(np.float32) * 0.4
    deep = fixed.normal(size=(_DEPTH, _NUMBERS)).astype(np.float32) / np.float32(_DEPTH**0.5)
    names = {order: json.dumps(genre) for order, genre in enumerate(genres)}
    for first in range(start, end, _BLOCK):
        numbers = np.arange(first, min(end, first + _BLOCK))
        draw = np.random.default_rng([seed, first])
        artists = numbers // (TRACKS * ALBUMS)
        centre = (artists * 7919) % _CENTRES
        embeddings = _embeddings(draw, centres, deep, artists, centre)
        copies = np.flatnonzero(numbers[1:] % COPIED_EVERY == COPIED_EVERY - 1) + 1
        embeddings[copies] = embeddings[copies - 1]
        shape = np.where(np.arange(len(genres)) == (centre % len(genres))[:, None], 12.0, 0.7)
        weights = draw.standard_gamma(shape)
        probabilities = (weights / weights.sum(axis=1, keepdims=True)).round(6)
        orders = np.argsort(-probabilities, axis=1, kind="stable").tolist()
        tags = draw.random((len(numbers), len(TAGS))).round(4).tolist()
        seconds = draw.uniform(90, 420, len(numbers)).round(2).tolist()
        for number, embedding, p, order, moods, length in zip(
            numbers.tolist(), embeddings, probabilities.tolist(), orders, tags, seconds, strict=True
        ):
            ranked = [(names[index], p[index]) for index in order]
            place = track_path(number, folder)
            size, mtime_ns = 4_000_000 + number, 10**18 + number
            if files:
                size, mtime_ns = _write_empty(place, mtime_ns)
            copied = number % COPIED_EVERY == COPIED_EVERY - 1
            sound = hashlib.sha256(b"%d %d" % (seed, number - copied)).digest()
            identity = (place, size, mtime_ns, sound, model, "", genrelab.__version__)
            if number % FAILED_EVERY == FAILED_EVERY - 1:
                yield (*identity, None, None, None, None, "[]", _EMPTY, None, *_FAILED)
                continue
            (best, confidence), sure = ranked[0], ranked[0][1] >= THRESHOLD
            answer = (
                (genres[order[0]], confidence, None) if sure else ("unsure", confidence, "low confidence")
            )
            yield (
                *identity,
                length,
                *answer,
                "[" + ", ".join(f"[{name}, {probability}]" for name, probability in ranked) + "]",
                _timeline(length, best, confidence),
                embedding.tobytes(),
                *(None, 0, None, "[]", _tags(moods)),
            )


_EMPTY = zlib.compress(b"[]")
_FAILED = (" is cut off: it has no audio.", 1, None, "[]", "[]")


def _embeddings(
    draw: np.random.Generator,
    centres: npt.NDArray[np.float32],
    deep: npt.NDArray[np.float32],
    artists: npt.NDArray[np.int64],
    centre: npt.NDArray[np.int64],
) -> npt.NDArray[np.float32]:
    """Return the embeddings [shape=(n, d)] of a block."""
    count = len(artists)
    own = draw.normal(size=(count, len(deep))).astype(np.float32)
    _, inverse = np.unique(artists, return_inverse=True)
    own += draw.normal(size=(int(inverse.max()) + 1, len(deep))).astype(np.float32)[inverse]
    noise = draw.standard_normal((count, centres.shape[1]), dtype=np.float32)
    return (centres[centre] + 0.3 * own @ deep + 0.2 * noise).astype("<f4", copy=False)


def _timeline(seconds: float, genre: str, confidence: float) -> bytes:
    """Return eight segments that are spread over a file, as `recognize` without `--full` stores them."""
    step = (seconds - 5.11) / 7
    rows = [f"[{n * step:.2f},{n * step + 5.11:.2f},{genre},{confidence}]" for n in range(8)]
    return zlib.compress(f"[{','.join(rows)}]".encode(), 1)


def _tags(moods: list[float]) -> str:
    ranked = sorted(zip(moods, TAGS, strict=True), reverse=True)
    rows = (f'["mood", "{name}", {p}, {"true" if p > 0.7 else "false"}]' for p, name in ranked)
    return f"[{', '.join(rows)}]"


def _write_empty(path: bytes, mtime_ns: int) -> tuple[int, int]:
    """Write an empty file; return its size and time."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    os.utime(path, ns=(mtime_ns, mtime_ns))
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns
