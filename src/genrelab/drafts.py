"""Drafts: new files in the making, each beside the file whose place it takes.

A draft has a short name of genrelab's own, `.genrelab-<16 hexadecimal digits>.tmp`, however long the name of
its target is. The process that writes it holds a lock on it (`flock`), which ends with the process. So a
draft that nobody holds was left by a process that was killed, and the next draft in the same folder removes
it. What is not a draft by its name, its kind and its lock is never removed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

_NAME = re.compile(r"\.genrelab-[0-9a-f]{16}\.tmp", re.ASCII)
_swept: set[str] = set()  # folders that this process has looked through


def new_name() -> str:
    """Return a name for a draft that no other has."""
    return f".genrelab-{secrets.token_hex(8)}.tmp"


def is_name(name: str) -> bool:
    """Whether a file name, without a folder, is one that `new_name` makes."""
    return _NAME.fullmatch(name) is not None


class Draft:
    """A new file, open for reading and writing and held, that disappears unless it takes a file's place.

    Parameters
    ----------
    folder : str or path-like
        The folder of the file whose place it shall take. Drafts that killed processes left there are removed.
    name : str or None
        As `new_name` makes it, for those who write it down before; None means a new one.
    mode : int
        Permissions, less the process's umask.

    Attributes
    ----------
    path : Path
    file : binary file

    Raises
    ------
    OSError
        If the file cannot be made.

    Examples
    --------
    >>> with Draft("music") as draft:  # doctest: +SKIP
    ...     draft.file.write(b"new")
    ...     draft.take_place("music/list.json")
    """

    file: BinaryIO

    def __init__(self, folder: str | os.PathLike[str], *, name: str | None = None, mode: int = 0o666) -> None:
        self.path = Path(folder, name or new_name())
        self._mode = mode
        self._placed = False

    def __enter__(self) -> Self:
        sweep(self.path.parent)
        try:
            self.file = open(_make_held(self.path, self._mode), "w+b")  # noqa: SIM115
        except FileExistsError:
            raise
        except BaseException:  # an interrupt may come as soon as the file is there
            self.path.unlink(missing_ok=True)
            raise
        return self

    def take_place(self, target: str | os.PathLike[str]) -> None:
        """Give the draft the name of a file, in place of the one that is there, in one step."""
        self.file.flush()
        if sys.platform == "win32":  # where no open file can be renamed
            self.file.close()
        os.replace(self.path, target)
        self._placed = True

    def __exit__(self, *_: object) -> None:
        try:
            if sys.platform == "win32":
                self.file.close()
            if not self._placed:  # while it is held, so that nobody else removes it
                self.path.unlink(missing_ok=True)
        finally:
            with suppress(OSError):  # the disk is full, say, which was told when it was written
                self.file.close()


def _make_held(path: Path, mode: int) -> int:
    """Make a file and lock it; return its descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        number = os.open(path, flags, mode)
        try:
            # Where there are no locks, nobody can take one either to remove the draft.
            with suppress(OSError):
                _lock(number, wait=True)
            if os.name == "nt" or os.fstat(number).st_nlink:
                return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)  # swept between the two steps: once more


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove the drafts in a folder that killed processes left; once for each folder and process."""
    place = os.path.realpath(folder)
    if place in _swept:
        return
    _swept.add(place)
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if is_name(entry.name):
                remove_abandoned(entry.path)


def remove_abandoned(path: str | bytes | os.PathLike[str]) -> bool:
    """Remove a draft that was left by a process that is gone.

    Parameters
    ----------
    path : str, bytes or path-like

    Returns
    -------
    bool
        Whether it was removed. What has not the name of a draft, is not a regular file, is a link, is held by
        a process, or cannot be removed, stays.
    """
    path = os.fsdecode(path)
    if not is_name(os.path.basename(path)):
        return False
    flags = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            return False
        if sys.platform == "win32":
            os.unlink(path)  # fails while the file is open anywhere
            return True
        number = os.open(path, flags)
        try:
            _lock(number, wait=False)
            opened, now = os.fstat(number), os.lstat(path)
            same = (opened.st_dev, opened.st_ino) == (now.st_dev, now.st_ino)
            if not same or not stat.S_ISREG(opened.st_mode):
                return False
            os.unlink(path)
            return True
        finally:
            os.close(number)
    except OSError:
        return False


def _lock(number: int, *, wait: bool) -> None:
    """Take the lock of an open file; where that is another process's, wait or raise `BlockingIOError`."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
