"""Drafts: new files, each written beside the file that it replaces.

A draft has a short name, `.genrelab-<16 hexadecimal digits>.tmp`, however long the name of its target is. The
process that writes it holds a lock on it (`flock`), which ends with the process. A draft without a lock was
therefore left by a killed process, and the next draft in the same folder removes it. Nothing else is removed:
name, file type and lock must all match.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Self

from genrelab.system import replace_open

_NAME = re.compile(r"\.genrelab-[0-9a-f]{16}\.tmp", re.ASCII)
_swept: set[str] = set()  # folders that this process has swept


def new_name() -> str:
    """Return a unique name for a draft."""
    return f".genrelab-{secrets.token_hex(8)}.tmp"


def is_name(name: str) -> bool:
    """Whether a file name, without a folder, has the form of `new_name`."""
    return _NAME.fullmatch(name) is not None


class Draft:
    """A new, locked file, open for reading and writing; it is removed unless it replaces its target.

    Parameters
    ----------
    folder : str or path-like
        The folder of the target. Drafts left there by killed processes are removed.
    name : str or None
        From `new_name`, if the caller records it first; None means a new one.
    mode : int
        Permissions, before the umask of the process.

    Attributes
    ----------
    path : Path
    file : binary file

    Raises
    ------
    OSError
        If the file cannot be created.

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
            self.file = open(_make_locked(self.path, self._mode), "w+b")  # noqa: SIM115
        except FileExistsError:
            raise
        except BaseException:  # an interrupt may come as soon as the file exists
            self.path.unlink(missing_ok=True)
            raise
        return self

    def take_place(self, target: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Rename the draft to a target atomically.

        Parameters
        ----------
        target : str or path-like
        overwrite : bool
            Whether an existing file is replaced.

        Raises
        ------
        FileExistsError
            If the target exists and is not replaced.
        """
        self.file.flush()
        if not overwrite:
            try:
                os.link(self.path, target)  # fails if the target exists; the name of the draft is removed
                return
            except FileExistsError:
                raise
            except OSError as error:  # a disk without hard links, such as FAT
                if os.path.lexists(target):
                    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), target) from error
        if sys.platform == "win32":  # which cannot rename an open file
            self.file.close()
        replace_open(self.path, target)
        self._placed = True

    def __exit__(self, *_: object) -> None:
        try:
            if sys.platform == "win32":
                self.file.close()
            if not self._placed:  # while it is locked, so that no other process removes it
                self.path.unlink(missing_ok=True)
        finally:
            with suppress(OSError):  # such as a full disk, which the write already reported
                self.file.close()


def _make_locked(path: Path, mode: int) -> int:
    """Create and lock a file; return its descriptor."""
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    while True:
        number = os.open(path, flags, mode)
        try:
            # Without locks, no other process can lock the draft to remove it either.
            with suppress(OSError):
                _lock(number, wait=True)
            if sys.platform == "win32" or os.fstat(number).st_nlink:
                return number
        except BaseException:
            os.close(number)
            raise
        os.close(number)  # swept between the two steps: try again


def sweep(folder: str | os.PathLike[str]) -> None:
    """Remove drafts left in a folder by killed processes; once per folder and process."""
    place = os.path.realpath(folder)
    if place in _swept:
        return
    _swept.add(place)
    with suppress(OSError), os.scandir(place) as entries:
        for entry in entries:
            if is_name(entry.name):
                remove_abandoned(entry.path)


def remove_abandoned(path: str | bytes | os.PathLike[str]) -> bool:
    """Remove a draft left by a process that has ended.

    Parameters
    ----------
    path : str, bytes or path-like

    Returns
    -------
    bool
        Whether it was removed. A file stays if it does not have the name of a draft, is not regular, is a
        link, is locked by a process, or cannot be removed.
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
            os.unlink(path)  # fails while any process has the file open
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
    """Lock an open file; if another process has the lock, wait or raise `BlockingIOError`."""
    if sys.platform != "win32":
        import fcntl

        fcntl.flock(number, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
