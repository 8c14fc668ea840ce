"""The tracks of a map in columns: a million of them fit where a million objects would not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH, embedding_key
from genrelab.library.explore.embeddings import is_below
from genrelab.library.store.library import Library
from genrelab.library.store.track_filter import TrackFilter
from genrelab.library.store.track_row import DamagedRowError, check_values, present_labels
from genrelab.recognize.recognition import UNSURE

_BLOCK = 4096  # rows of the table that are read at once
_MOST_TAGS = 255  # per track
_MOST_NAMES = 2000  # different genres, and different tags: a damaged library may have any number

OTHERS = "other genres"
"""What genres are called that come after so many different ones."""

Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tracks a map shows.

    Parameters
    ----------
    model : str
        `Bundle.identity`. Tracks of other models with the same embedding are on the map, too.
    folders : tuple of bytes
        Only tracks at or below one of these absolute paths; none means all.
    where : TrackFilter or None
        Only tracks that fulfil it.
    once : bool
        One track per recording, the first in the order of paths.
    present : bool
        Only tracks whose file exists.
    tags : bool
        Whether to read tags.
    """

    model: str
    folders: tuple[bytes, ...] = ()
    where: TrackFilter | None = None
    once: bool = False
    present: bool = False
    tags: bool = False


@dataclass(frozen=True, slots=True)
class TrackColumns:
    """Tracks in the order of paths.

    Parameters
    ----------
    ids : np.ndarray [shape=(n,)], int64
        `tracks.id`.
    paths : list of bytes
        Absolute, with links resolved.
    genres : tuple of str
        In alphabetical order; `unsure`, if present, is the last.
    genre : np.ndarray [shape=(n,)], uint16
        Index in `genres`.
    confidence : np.ndarray [shape=(n,)], float32
        From 0 to 1.
    copies : np.ndarray [shape=(n,)], uint32
        Number of other files with the same recording.
    tag_names : tuple of str
        Such as `mood:calm`, by kind, most tracks first.
    tag_counts : np.ndarray [shape=(n,)], uint8
        Number of present tags of each track.
    tag_numbers : np.ndarray [shape=(sum of tag_counts,)], uint16
        Index in `tag_names` of each present tag, track by track.
    vanished : int
        Number of tracks left out because their file no longer exists.
    """

    ids: Ids
    paths: list[bytes]
    genres: tuple[str, ...]
    genre: npt.NDArray[np.uint16]
    confidence: npt.NDArray[np.float32]
    copies: npt.NDArray[np.uint32]
    tag_names: tuple[str, ...] = ()
    tag_counts: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    tag_numbers: npt.NDArray[np.uint16] = field(default_factory=lambda: np.empty(0, np.uint16))
    vanished: int = 0

    def __len__(self) -> int:
        """Return the number of tracks."""
        return len(self.paths)

    def tags_of(self, track: int) -> list[str]:
        """Return the present tags of a track."""
        if not len(self.tag_counts):
            return []
        start = int(self.tag_counts[:track].sum(dtype=np.int64))
        end = start + int(self.tag_counts[track])
        return [self.tag_names[number] for number in self.tag_numbers[start:end]]


def read_columns(library: Library, wanted: Wanted, known: Ids) -> TrackColumns:
    """Read the tracks of a map. Tracks with a damaged row are left out.

    Parameters
    ----------
    library : Library
    wanted : Wanted
    known : np.ndarray [shape=(m,)], int64
        Ids of the tracks with an embedding, ascending.

    Returns
    -------
    TrackColumns

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """
    reader = _Reader(wanted)
    for rows in _blocks(library, wanted):
        reader.add(rows, known)
    return reader.columns()


def _blocks(library: Library, wanted: Wanted) -> Iterator[list[tuple[Any, ...]]]:
    clause, values = ("1", ()) if wanted.where is None else (wanted.where.clause, wanted.where.values)
    tags = "tags" if wanted.tags else "'[]'"
    last = -(2**63)
    while rows := library.database.rows(
        f"SELECT id, path, sound, coalesce(genre, ''), coalesce(confidence, 0.0), {tags} FROM tracks "
        "WHERE id > ? AND typeof(path) = 'blob' AND substr(model, ?) = ? AND embedding IS NOT NULL "
        f"AND ({clause}) ORDER BY id LIMIT ?",
        (last, -KEY_LENGTH, embedding_key(wanted.model), *values, _BLOCK),
    ):
        last = rows[-1][0]
        yield rows


class _Reader:
    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._ids: list[int] = []
        self._paths: list[bytes] = []
        self._sounds: list[bytes] = []
        self._genre: list[int] = []
        self._confidence: list[float] = []
        self._tags: list[bytes] = []  # the numbers of two bytes each
        self._genres: dict[str, int] = {}
        self._tag_names: dict[str, int] = {}

    def add(self, rows: list[tuple[Any, ...]], known: Ids) -> None:
        ids = np.fromiter((row[0] for row in rows), np.int64, len(rows))
        places = np.minimum(np.searchsorted(known, ids), max(0, len(known) - 1))
        usable = known[places] == ids if len(known) else np.zeros(len(ids), np.bool_)
        folders = self._wanted.folders
        for row, is_usable in zip(rows, usable.tolist(), strict=True):
            number, path, sound, genre, confidence, tags = row
            if not is_usable or not _is_sound_row(path, sound, genre, confidence):
                continue
            if folders and not any(is_below(path, folder) for folder in folders):
                continue
            self._ids.append(number)
            self._paths.append(path)
            if self._wanted.once:
                self._sounds.append(sound)
            if genre not in self._genres and len(self._genres) >= _MOST_NAMES:
                genre = OTHERS
            self._genre.append(self._genres.setdefault(genre, len(self._genres)))
            self._confidence.append(confidence)
            if self._wanted.tags:
                found = [
                    self._tag_names.setdefault(each, len(self._tag_names))
                    for each in present_labels(tags)
                    if each in self._tag_names or len(self._tag_names) < _MOST_NAMES
                ]
                self._tags.append(np.array(found[:_MOST_TAGS], np.uint16).tobytes())

    def columns(self) -> TrackColumns:
        order = sorted(range(len(self._paths)), key=self._paths.__getitem__)
        vanished = 0
        if self._wanted.present:
            there = [number for number in order if os.path.isfile(self._paths[number])]
            order, vanished = there, len(order) - len(there)
        copies = np.zeros(len(order), np.uint32)
        if self._wanted.once:
            order, copies = self._once(order)
        names = sorted(self._genres, key=lambda genre: (genre == UNSURE, genre))
        place = np.zeros(max(1, len(names)), np.uint16)
        place[[self._genres[name] for name in names]] = np.arange(len(names))
        return TrackColumns(
            np.array([self._ids[number] for number in order], np.int64),
            [self._paths[number] for number in order],
            tuple(names),
            place[[self._genre[number] for number in order]] if order else np.empty(0, np.uint16),
            np.array([self._confidence[number] for number in order], np.float32),
            copies,
            *self._present_tags(order),
            vanished=vanished,
        )

    def _once(self, order: list[int]) -> tuple[list[int], npt.NDArray[np.uint32]]:
        first: dict[bytes, int] = {}
        kept: list[int] = []
        copies: Counter[int] = Counter()
        for number in order:
            place = first.setdefault(self._sounds[number], len(kept))
            if place == len(kept):
                kept.append(number)
            else:
                copies[place] += 1
        counts = np.zeros(len(kept), np.uint32)
        counts[list(copies)] = list(copies.values())
        return kept, counts

    def _present_tags(
        self, order: list[int]
    ) -> tuple[tuple[str, ...], npt.NDArray[np.uint8], npt.NDArray[np.uint16]]:
        if not self._tags:
            return (), np.empty(0, np.uint8), np.empty(0, np.uint16)
        found = [self._tags[number] for number in order]
        numbers = np.frombuffer(b"".join(found), np.uint16)
        if not len(numbers):
            return (), np.empty(0, np.uint8), np.empty(0, np.uint16)
        tracks = np.bincount(numbers, minlength=len(self._tag_names))
        present = [name for name, number in self._tag_names.items() if tracks[number]]
        names = sorted(
            present, key=lambda name: (name.partition(":")[0], -tracks[self._tag_names[name]], name)
        )
        place = np.zeros(len(self._tag_names), np.uint16)
        place[[self._tag_names[name] for name in names]] = np.arange(len(names))
        return tuple(names), np.array([len(each) // 2 for each in found], np.uint8), place[numbers]


def _is_sound_row(path: bytes, sound: bytes, genre: object, confidence: float) -> bool:
    try:
        check_values(path, sound, None, confidence)
    except DamagedRowError:
        return False
    return isinstance(genre, str)
