"""Known files that no longer exist: they were moved, or deleted, or their drive is not there."""

from __future__ import annotations

import os
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genrelab.library.store.file_snapshot import real_path
from genrelab.library.store.tracks import Tracks
from genrelab.watch.event import Event
from genrelab.watch.folders import looks_unmounted

_MOVE_SECONDS = 2.0  # in which the notice of a new name follows that of the old one
_SINGLY = 8  # more paths are looked up together


class _Missing(NamedTuple):
    path: Path
    since: float
    quiet: bool


class MissingFiles:
    """Known files that no longer exist.

    A file that another program moves is missing until it is found under its new name, so a missing file is
    reported only when no file waits that appeared about the same time.

    Parameters
    ----------
    tracks : Tracks
    folders : sequence of Path
        All watched folders.
    forget : bool
        Whether to remove the results of deleted files.
    wait_seconds : float >= 0
        How long a file may take until it is complete.
    """

    def __init__(self, tracks: Tracks, folders: Sequence[Path], *, forget: bool, wait_seconds: float) -> None:
        self._tracks = tracks
        self._folders = folders
        self._forget = forget
        self._wait = wait_seconds + _MOVE_SECONDS
        self._found: dict[int, _Missing] = {}
        self._told: set[int] = set()

    def __len__(self) -> int:
        """Return how many files are missing, and not certainly so."""
        return len(self._found)

    def look(self, paths: Sequence[Path], *, since: float | None = None, quiet: bool = False) -> None:
        """Look for known files at or below some paths that do not exist.

        Parameters
        ----------
        paths : sequence of Path
        since : float or None
            When the search for new files began, by `time.monotonic`; None means now.
        quiet : bool
            Whether to report them only if they are forgotten: they were missing before the watcher started.
        """
        since = time.monotonic() if since is None else since
        for number, path in self._tracks.missing(paths if len(paths) <= _SINGLY else self._folders):
            self._found.setdefault(number, _Missing(path, since, quiet))

    def by_id(self) -> dict[int, Path]:
        """Return the missing files by the id of their track."""
        return {number: missing.path for number, missing in self._found.items()}

    def certain(self, waiting: Sequence[float], there: Sequence[Path]) -> list[Event]:
        """Return what is certain by now, and forget what is to be forgotten.

        Parameters
        ----------
        waiting : sequence of float
            When the files that are not processed yet were noticed, by `time.monotonic`.
        there : sequence of Path
            The watched folders that exist.

        Returns
        -------
        list of Event
            Of the kinds `gone` and `forgotten`.
        """
        now, times = time.monotonic(), sorted(waiting)
        folders = [Path(os.path.realpath(folder)) for folder in there] if self._found else []
        events = []
        for number, (path, since, quiet) in [*self._found.items()]:
            if now - since < self._wait or self._may_be_moved(since, times):
                continue
            del self._found[number]
            entry = self._tracks.entry(real_path(path))
            if entry is None or entry[0] != number or os.path.lexists(path):  # moved, or there again
                self._told.discard(number)
            elif not any(folder in path.parents for folder in folders):
                continue  # its folder is not there; it is looked for when that is back
            elif self._forget and not looks_unmounted(path):
                events.append(Event("forgotten", path))
            elif not quiet and number not in self._told:
                self._told.add(number)
                events.append(Event("gone", path))
        forgotten = [event.path for event in events if event.kind == "forgotten" and event.path is not None]
        if forgotten:
            self._tracks.forget(forgotten, missing=True)
        return events

    def _may_be_moved(self, since: float, times: Sequence[float]) -> bool:
        """Whether a file that appeared about that time waits: it may be the missing one."""
        place = bisect_left(times, since - _MOVE_SECONDS)
        return place < len(times) and times[place] <= since + self._wait
