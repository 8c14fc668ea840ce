"""Doubtful tracks of a model in the library: tags that are probably wrong, and unsure answers."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrelab.library.store.track_row import genre_names, ranked_genres
from genrelab.library.tagging.consistency import Meanings, disagreement
from genrelab.library.tagging.genre_map import GenreMap
from genrelab.recognize.recognition import UNSURE
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue

Kind = Literal["wrong", "unsure"]
_SECONDS = 2.0  # that a request reads tags; the next one goes on
_MOST_KEPT = 200_000  # files whose comparison is remembered


_Key = tuple[bytes, str, str]  # path, model, predicted genre
_Stamp = tuple[int, int, int] | None  # size and times of a file; None if it cannot be looked at


@dataclass(frozen=True, slots=True)
class Doubt:
    """A doubtful track.

    Attributes
    ----------
    path : bytes
    labels : tuple of str
        The genres in its tags or examples; empty for one that is unsure.
    predicted : str
    probability : float
    """

    path: bytes
    labels: tuple[str, ...]
    predicted: str
    probability: float


class Doubts:
    """Finds doubtful tracks of a server's library, a part of the tags per request.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._compared: OrderedDict[_Key, tuple[_Stamp, Doubt | None]] = OrderedDict()
        self._lock = threading.Lock()

    def unsure(self, model: str) -> list[Doubt]:
        """Return the tracks of which a model is unsure, the least probable first."""
        rows = self._server.library.database.rows(
            "SELECT path, genres FROM tracks WHERE model = ? AND reason = 'low confidence' AND error IS NULL "
            "AND typeof(path) = 'blob' ORDER BY confidence, path",
            (model,),
        )
        found = []
        for path, genres in rows:
            if genre_names(genres):
                best = ranked_genres(genres)[0]
                found.append(Doubt(path, (), best.genre, best.probability))
        return found

    def wrong(self, model: str) -> tuple[list[Doubt], int]:
        """Return tracks whose tags differ from a confident answer, and how many are still to be compared.

        The most confident answers come first. Tags are read for a limited time; what was compared is kept
        until the file or its answer changes. Half of the time is for looking whether files have changed.

        Parameters
        ----------
        model : str
            `Bundle.identity`.
        """
        rows = self._server.library.database.rows(
            "SELECT path, genre FROM tracks WHERE model = ? AND error IS NULL "
            "AND typeof(path) = 'blob' AND genre != ? ORDER BY confidence DESC, path",
            (model, UNSURE),
        )
        holds = self._server.part(Catalogue).listing.holds
        start, found, left, meanings = time.monotonic(), list[Doubt](), 0, None
        for path, genre in rows if self._server.roots.folders else ():
            if not holds(path):
                continue
            key = (path, model, genre)
            with self._lock:
                known = self._compared.get(key)
            spent = time.monotonic() - start
            if known is not None and (spent > _SECONDS / 2 or known[0] == _stamp(path)):
                doubt = known[1]
            elif spent > _SECONDS:
                left += 1
                continue
            else:
                meanings = meanings or self._meanings(model)
                doubt = self._compare(key, meanings)
            if doubt is not None:
                found.append(doubt)
        return found, left

    def _meanings(self, model: str) -> Meanings:
        rows = self._server.library.database.rows(
            "SELECT genres FROM tracks WHERE model = ? AND genres != '[]' LIMIT 1", (model,)
        )
        return Meanings.of_model([genre for row in rows for genre in genre_names(row[0])], GenreMap())

    def _compare(self, key: _Key, meanings: Meanings) -> Doubt | None:
        stamp = _stamp(key[0])  # before the tags are read: what changes meanwhile is compared again
        path = Path(os.fsdecode(key[0]))
        inside = self._server.roots.holds(key[0])  # it may be a link now
        found = disagreement(self._server.library, path, meanings) if inside else None
        doubt = None if found is None else Doubt(key[0], found.tags, found.genre, found.confidence)
        with self._lock:
            self._compared[key] = stamp, doubt
            while len(self._compared) > _MOST_KEPT:
                self._compared.popitem(last=False)
        return doubt


def _stamp(path: bytes) -> _Stamp:
    """Return what changes when a file is written, even if its modification time is kept."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
