"""The embeddings of a library in memory, to find similar tracks at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH, embedding_key
from genrelab.library.explore.embeddings import is_below
from genrelab.library.store.library import Library
from genrelab.library.store.track_row import DamagedRowError, is_digest, is_path, vector

MOST_BYTES = 1 << 28
"""Largest index: half a million embeddings of 256 numbers."""

_BLOCK = 4096  # tracks
_AT_ONCE = 500  # parameters of a statement
_CANDIDATES = 256  # tracks whose exact similarity is computed at once
_MOST_CANDIDATES = 4096  # looked at for one answer
_DIGITS = 6  # of a similarity
_BYTES = 2  # of a number

_Ids = npt.NDArray[np.int64]


class NearTrack(NamedTuple):
    """A track that sounds similar: the cosine of the angle between the embeddings, to six decimals."""

    path: bytes
    sound: bytes
    similarity: float


class _Block(NamedTuple):
    ids: _Ids
    directions: npt.NDArray[np.float16]  # of length 1 [shape=(n, d)]


class SoundIndex:
    """Keeps the embeddings of one model in half precision, and follows the library. Threads may share it.

    Parameters
    ----------
    library : Library
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._lock = threading.Lock()
        self._kind: tuple[str, int] = ("", 0)  # of the embeddings: key of the model, numbers
        self._seen: _Ids = np.empty(0, np.int64)  # all rows, in order
        self._blocks: list[_Block] = []

    def nearest(
        self,
        model: str,
        embedding: npt.NDArray[np.float32],
        *,
        count: int,
        folders: tuple[bytes, ...] = (),
        omit: bytes = b"",
    ) -> list[NearTrack] | None:
        """Find the tracks with the highest cosine similarity whose files are there, one per recording.

        Parameters
        ----------
        model : str
            `Bundle.identity`; only tracks of models with the same embedding are compared.
        embedding : np.ndarray [shape=(d,)], float32
            Not all zeros.
        count : int > 0
        folders : tuple of bytes
            Only tracks at or below one of these absolute paths; none means all.
        omit : bytes
            The hash of a recording to leave out.

        Returns
        -------
        list of NearTrack or None
            Most similar first; ties are ordered by path. None if the embeddings need more memory than
            `MOST_BYTES`.

        Raises
        ------
        LibraryError
            If the library cannot be used.
        """
        wanted = (embedding / np.linalg.norm(embedding)).astype(np.float32)
        with self._lock:
            if not self._follow(embedding_key(model), len(wanted)):
                return None
            ids, rough = self._compare(wanted)
        found: list[NearTrack] = []
        seen = {omit}
        order = np.argsort(-rough, kind="stable")[:_MOST_CANDIDATES]
        for start in range(0, len(order), _CANDIDATES):
            for track in self._exact(ids[order[start : start + _CANDIDATES]], wanted):
                if folders and not any(is_below(track.path, folder) for folder in folders):
                    continue
                if track.sound in seen or not os.path.isfile(track.path):
                    continue
                seen.add(track.sound)
                found.append(track)
            if len(found) >= count:  # those that rounding put behind this block are hardly more similar
                break
        return sorted(found, key=lambda track: (-track.similarity, track.path))[:count]

    def _follow(self, key: str, length: int) -> bool:
        """Read the embeddings of tracks that are new, and drop those that are gone."""
        rows = self._library.database.rows("SELECT id FROM tracks")
        present = np.sort(np.fromiter((number for (number,) in rows), np.int64, len(rows)))
        if len(present) * length * _BYTES > MOST_BYTES:
            self._seen, self._blocks = np.empty(0, np.int64), []
            return False
        if self._kind != (key, length):
            self._kind, self._seen, self._blocks = (key, length), np.empty(0, np.int64), []
        if len(np.setdiff1d(self._seen, present, assume_unique=True)):
            kept = [(block, np.isin(block.ids, present)) for block in self._blocks]
            self._blocks = [_Block(block.ids[mask], block.directions[mask]) for block, mask in kept]
        new = np.setdiff1d(present, self._seen, assume_unique=True)
        for start in range(0, len(new), _BLOCK):
            self._add(self._read(new[start : start + _BLOCK], key, length))
        self._seen = present
        return True

    def _read(self, ids: _Ids, key: str, length: int) -> _Block:
        numbers: list[int] = []
        vectors: list[npt.NDArray[np.float32]] = []
        for number, _, _, embedding in self._rows(ids, key):
            if len(embedding) == length and (norm := float(np.linalg.norm(embedding))) > 0:
                numbers.append(number)
                vectors.append(embedding / norm)
        directions = np.array(vectors, np.float16).reshape(len(numbers), length)
        return _Block(np.array(numbers, np.int64), directions)

    def _add(self, block: _Block) -> None:
        if self._blocks and len(self._blocks[-1].ids) + len(block.ids) <= _BLOCK:
            last = self._blocks.pop()
            block = _Block(
                np.concatenate([last.ids, block.ids]), np.concatenate([last.directions, block.directions])
            )
        if len(block.ids):
            self._blocks.append(block)

    def _compare(self, wanted: npt.NDArray[np.float32]) -> tuple[_Ids, npt.NDArray[np.float32]]:
        """Return the rows in the index and their similarities, to about three decimals."""
        if not self._blocks:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        ids = np.concatenate([block.ids for block in self._blocks])
        found = [block.directions.astype(np.float32) @ wanted for block in self._blocks]
        return ids, np.concatenate(found)

    def _exact(self, ids: _Ids, wanted: npt.NDArray[np.float32]) -> list[NearTrack]:
        """Return the tracks of some rows as they are now, most similar first."""
        tracks = []
        for _, path, sound, embedding in self._rows(ids, self._kind[0]):
            norm = float(np.linalg.norm(embedding))
            if len(embedding) == len(wanted) and norm > 0:
                cosine = float(np.clip(embedding @ wanted / norm, -1.0, 1.0))
                tracks.append(NearTrack(path, sound, round(cosine, _DIGITS)))
        return sorted(tracks, key=lambda track: (-track.similarity, track.path))

    def _rows(self, ids: _Ids, key: str) -> Iterator[tuple[int, bytes, bytes, Any]]:
        """Yield number, path, hash of the sound and embedding of the undamaged rows with an embedding."""
        for start in range(0, len(ids), _AT_ONCE):
            some = ids[start : start + _AT_ONCE].tolist()
            marks = ", ".join("?" * len(some))
            for number, path, sound, embedding in self._library.database.rows(
                f"SELECT id, path, sound, embedding FROM tracks WHERE id IN ({marks}) "
                "AND embedding IS NOT NULL AND substr(model, ?) = ?",
                (*some, -KEY_LENGTH, key),
            ):
                try:
                    numbers = vector(embedding)
                except DamagedRowError:
                    continue
                if is_path(path) and is_digest(sound):
                    yield number, path, sound, numbers
