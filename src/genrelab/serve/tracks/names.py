"""Titles, artists and albums of listed tracks: the library does not store them, so tags are read and kept."""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable
from pathlib import Path

from genrelab.library.explore.playlist import TrackNames, names_of
from genrelab.serve.guard.roots import Roots

_MOST_KEPT = 50_000
_MOST_WAITING = 2_000
_CLOSE_SECONDS = 5.0


class NameCache:
    """Reads the names in the tags of files, and keeps those that were read last.

    Parameters
    ----------
    roots : Roots
        Only files under them are read.
    """

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self._kept: OrderedDict[bytes, tuple[tuple[int, int], TrackNames]] = OrderedDict()
        self._waiting: deque[bytes] = deque(maxlen=_MOST_WAITING)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False

    def find(self, paths: Iterable[bytes], *, seconds: float) -> dict[bytes, TrackNames]:
        """Return the names of files, as many as can be read in some time.

        Parameters
        ----------
        paths : iterable of bytes
        seconds : float
            The others are read in the background, for a later call.

        Returns
        -------
        dict of bytes to TrackNames
            Files whose tags were not read yet are absent; those that are gone or not under a root, too.
        """
        end = time.monotonic() + seconds
        found: dict[bytes, TrackNames] = {}
        late: list[bytes] = []
        for path in paths:
            state = self._state(path)
            if state is None:
                continue
            names = self._known(path, state)
            if names is None and time.monotonic() < end:
                names = self._read(path, state)
            if names is None:
                late.append(path)
            else:
                found[path] = names
        if late:
            self._read_later(late)
        return found

    def close(self) -> None:
        """End reading in the background; a file on a drive that does not answer is not waited for."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _state(self, path: bytes) -> tuple[int, int] | None:
        if not self._roots.holds(path):
            return None
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        return status.st_size, status.st_mtime_ns

    def _known(self, path: bytes, state: tuple[int, int]) -> TrackNames | None:
        with self._changed:
            kept = self._kept.get(path)
            if kept is None or kept[0] != state:
                return None
            self._kept.move_to_end(path)
            return kept[1]

    def _read(self, path: bytes, state: tuple[int, int]) -> TrackNames:
        names = names_of(Path(os.fsdecode(path)))
        with self._changed:
            self._kept[path] = (state, names)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return names

    def _read_later(self, paths: list[bytes]) -> None:
        with self._changed:
            self._waiting.extend(reversed(paths))  # the last list that was asked for comes first
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="names of tracks", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                path = self._waiting.pop()
            state = self._state(path)
            if state is not None and self._known(path, state) is None:
                self._read(path, state)
