"""What a playlist may not contain: too many tracks by one artist, copies, files that are gone."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from genrelab.bundle.bundle import embedding_key
from genrelab.library.album_tags import read_album_tags
from genrelab.library.explore.embeddings import Directions, Embedded
from genrelab.library.store.library import Library
from genrelab.library.store.track_row import DamagedRowError, vector
from genrelab.recognize.albums.names import artist_key, is_various

MOST_TRACKS = 10_000
"""Longest playlist."""

MOST_EXAMINED = 20_000
"""Tracks whose files are looked at for one playlist; artists are read from their tags."""

SAME_SOUND = 0.97
"""Cosine of two embeddings from which tracks of the same duration are copies.

With the model that comes with genrelab, MP3 copies of 40 clips have cosines from 0.936 to 0.999 with the
original, 0.988 in the mean. Different clips reach 0.81.
"""

SAME_SECONDS = 1.0
"""Largest difference of two durations that are the same."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a playlist may contain.

    Parameters
    ----------
    length : int > 0
        Most tracks.
    max_per_artist : int > 0 or None
        Most tracks by one artist, as the tags state it. Tracks without an artist, or by various artists, are
        not limited.
    no_copies : bool
        Omit further tracks with the same audio, or with nearly the same embedding and the same duration, such
        as one recording in two formats.
    shuffle : int or None
        Seed of a random order; None keeps the order of the kind of playlist.
    """

    length: int = 50
    max_per_artist: int | None = None
    no_copies: bool = True
    shuffle: int | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A track of a playlist.

    Parameters
    ----------
    path : Path
        Absolute.
    genre : str
    confidence : float
    duration : float or None
        In seconds.
    similarity : float in -1..1 or None
        Cosine of the embedding with that of the seeds or, on a path, of the track before.
    to_start : float in -1..1 or None
        On a path, the cosine with the first track.
    """

    path: Path
    genre: str
    confidence: float
    duration: float | None
    similarity: float | None = None
    to_start: float | None = None

    COLUMNS: ClassVar = ("path", "genre", "confidence", "duration", "similarity")

    @classmethod
    def of(cls, track: Embedded, similarity: float | None = None, to_start: float | None = None) -> Item:
        """Return the item of a track."""
        return cls(track.name(), track.genre, track.confidence, track.duration, similarity, to_start)

    def to_dict(self) -> dict[str, Any]:
        """Return the item as a JSON object."""
        return {
            "path": os.fspath(self.path),
            "genre": self.genre,
            "confidence": round(self.confidence, 6),
            "duration": None if self.duration is None else round(self.duration, 3),
            "similarity": None if self.similarity is None else round(self.similarity, 6),
        }


@dataclass(frozen=True, slots=True)
class Omitted:
    """Number of tracks that were left out.

    Parameters
    ----------
    vanished : int
        Files that no longer exist.
    copies : int
    crowded : int
        Tracks whose artist has enough others.
    unexamined : int
        Tracks after `MOST_EXAMINED` others.
    """

    vanished: int = 0
    copies: int = 0
    crowded: int = 0
    unexamined: int = 0


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist.

    Parameters
    ----------
    items : tuple of Item
        In playing order.
    omitted : Omitted
    """

    items: tuple[Item, ...]
    omitted: Omitted = field(default_factory=Omitted)


def artist_of(path: Path) -> str:
    """Return what files by one artist have in common; empty if the tags name none, or various artists."""
    key = artist_key(read_album_tags(path).artist)
    return "" if is_various(key) else key


class Copies:
    """The tracks that are in a playlist already, to notice copies of them.

    Parameters
    ----------
    library : Library
        Has the embeddings; each is read only for tracks of the same duration.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._sounds: set[bytes] = set()
        self._by_second: defaultdict[int, list[Embedded]] = defaultdict(list)
        self._vectors: dict[bytes, tuple[str, Directions] | None] = {}

    def has(self, track: Embedded) -> bool:
        """Whether the track is a copy of one that was added."""
        if track.sound in self._sounds:
            return True
        if track.duration is None:
            return False
        second = int(track.duration)
        near = [each for at in (second - 1, second, second + 1) for each in self._by_second.get(at, ())]
        return any(self._is_copy(track, each) for each in near)

    def add(self, track: Embedded) -> None:
        """Add a track."""
        self._sounds.add(track.sound)
        if track.duration is not None:
            self._by_second[int(track.duration)].append(track)

    def _is_copy(self, one: Embedded, other: Embedded) -> bool:
        if abs((one.duration or 0.0) - (other.duration or 0.0)) > SAME_SECONDS:
            return False
        first, second = self._vector(one.path), self._vector(other.path)
        if first is None or second is None or first[0] != second[0] or len(first[1]) != len(second[1]):
            return False
        return bool(first[1] @ second[1] >= SAME_SOUND)

    def _vector(self, path: bytes) -> tuple[str, Directions] | None:
        """Return the key of the model and the embedding of length 1 of a track."""
        if path not in self._vectors:
            self._vectors[path] = direction_of(self._library, path)
        return self._vectors[path]


def direction_of(library: Library, path: bytes) -> tuple[str, Directions] | None:
    """Return the embedding of a track.

    Parameters
    ----------
    library : Library
    path : bytes
        Absolute, with links resolved.

    Returns
    -------
    (str, np.ndarray [shape=(d,)], float32) or None
        `genrelab.bundle.bundle.embedding_key` of the model, and the embedding of length 1. None for an
        unknown, silent or damaged track.
    """
    rows = library.database.rows(
        "SELECT model, embedding FROM tracks WHERE path = ? AND embedding IS NOT NULL", (path,)
    )
    with suppress(DamagedRowError):
        for model, embedding in rows:
            numbers = vector(embedding)
            norm = float(np.linalg.norm(numbers))
            if np.isfinite(norm) and norm > 0 and isinstance(model, str):
                return embedding_key(model), (numbers / norm).astype(np.float32)
    return None


def pick(
    library: Library,
    tracks: Iterable[Embedded],
    rules: Rules,
    *,
    similarities: dict[bytes, float] | None = None,
    taken: Iterable[Embedded] = (),
) -> Playlist:
    """Take tracks in their order until the playlist has its length.

    Parameters
    ----------
    library : Library
    tracks : iterable of Embedded
        The best first.
    rules : Rules
        Its `shuffle` is not used here.
    similarities : dict of bytes to float or None
        Similarity of each path.
    taken : iterable of Embedded
        Tracks of which no copy may be in the playlist.

    Returns
    -------
    Playlist
    """
    copies, artists = Copies(library), Counter[str]()
    for track in taken:
        copies.add(track)
    items: list[Item] = []
    counts: Counter[str] = Counter()
    ordered = iter(tracks)
    for number, track in enumerate(ordered):
        if len(items) == min(rules.length, MOST_TRACKS):
            break
        if number >= MOST_EXAMINED:
            counts["unexamined"] += 1 + sum(1 for _ in ordered)
            break
        path = track.name()
        if not path.is_file():
            counts["vanished"] += 1
            continue
        if rules.no_copies and copies.has(track):
            counts["copies"] += 1
            continue
        if rules.max_per_artist is not None and (artist := artist_of(path)):
            if artists[artist] >= rules.max_per_artist:
                counts["crowded"] += 1
                continue
            artists[artist] += 1
        copies.add(track)
        items.append(Item.of(track, None if similarities is None else similarities.get(track.path)))
    return Playlist(tuple(items), Omitted(**counts))
