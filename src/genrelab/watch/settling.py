"""Decide when a file that grows is complete."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

UNFINISHED_SUFFIXES = (
    ".part", ".tmp", ".crdownload", ".download", ".partial", ".filepart", ".!qB", ".!ut", ".aria2",
    ".opdownload",
)  # fmt: skip
"""What downloaders append to the name of a file until it is complete."""

_STALE_SECONDS = 3600.0  # then what looks unfinished is taken as it is: its program has given up


class Stamp(NamedTuple):
    """What shows that a file changed: size in bytes, time of the last change in ns, and inode."""

    size: int
    mtime_ns: int
    inode: int


def stamp_of(path: str | os.PathLike[str]) -> Stamp | None:
    """Return the stamp of a regular file; None if there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ino) if stat.S_ISREG(status.st_mode) else None


@dataclass(slots=True)
class _Growing:
    stamp: Stamp
    first: float  # when it was noticed
    since: float  # when it changed last
    check: float  # when to look again


class Settling:
    """Files that may still grow.

    A file is complete when its size and time have not changed for some seconds, no unfinished name such as
    `song.mp3.part` stands beside it, and no program has it open for writing. What has not changed for an hour
    counts as complete whatever stands beside it.

    Parameters
    ----------
    seconds : float >= 0
    together : bool
        Whether the files of a folder are complete only when all of them are.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(
        self, seconds: float, *, together: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._together = together
        self._clock = clock
        self._files: dict[Path, _Growing] = {}

    def __len__(self) -> int:
        """Return how many files wait."""
        return len(self._files)

    def __contains__(self, path: Path) -> bool:
        """Whether a file waits."""
        return path in self._files

    def add(self, path: Path, stamp: Stamp, *, after: float = 0.0) -> None:
        """Wait for a file, at least `after` seconds; one that has changed while it waits starts again."""
        now = self._clock()
        known = self._files.get(path)
        if known is not None and known.stamp == stamp:
            return
        first = now if known is None else known.first
        self._files[path] = _Growing(stamp, first, now, now + max(self._seconds, after))

    def noticed(self) -> list[float]:
        """Return when each file that waits was noticed, by the clock."""
        return [growing.first for growing in self._files.values()]

    def complete(self) -> dict[Path, float]:
        """Return the files that are complete now, and stop waiting for them.

        Returns
        -------
        dict of Path to float
            In the order of the paths; when each was noticed.
        """
        now = self._clock()
        done = [path for path, growing in [*self._files.items()] if self._is_complete(path, growing, now)]
        if self._together:
            complete, waiting = (Counter(path.parent for path in each) for each in (done, self._files))
            done = [path for path in done if complete[path.parent] == waiting[path.parent]]
        return {path: self._files.pop(path).first for path in sorted(done)}

    def _is_complete(self, path: Path, growing: _Growing, now: float) -> bool:
        if now < growing.check:
            return False
        stamp = stamp_of(path)
        if stamp is None:
            del self._files[path]
            return False
        if stamp != growing.stamp:
            growing.stamp, growing.since, growing.check = stamp, now, now + self._seconds
            return False
        if now - growing.since < _STALE_SECONDS and (is_unfinished(path) or is_written(path)):
            growing.check = now + self._seconds
            return False
        return True


def is_unfinished(path: Path) -> bool:
    """Whether a name beside a file shows that a program is still writing it, such as `song.mp3.part`."""
    for suffix in UNFINISHED_SUFFIXES:
        with contextlib.suppress(OSError, ValueError):
            beside = path.with_name(path.name + suffix).stat()
            if time.time() - beside.st_mtime < _STALE_SECONDS:
                return True
    return False


def is_written(path: Path) -> bool:
    """Whether a program has a file open for writing; False where the system does not say so.

    Linux grants a read lease only on a file that nobody has open for writing, and only to its owner.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    try:
        # Whoever opens the file while it is leased breaks the lease, which sends this signal; it is ignored.
        fcntl.fcntl(number, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(number)
    return False
