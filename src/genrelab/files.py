"""Atomic writing of files, bounded reading, and locks between processes."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from genrelab.drafts import Draft


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file atomically: readers always see the old or the new file, even after a kill.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    write : callable
        Called with the path of a draft in the same folder to write; if it raises, `path` is unchanged.

    Raises
    ------
    OSError
        If the folder is missing or not writable; its message names `path`.
    """
    with naming(path), Draft(path.parent) as draft:
        write(draft.path)
        draft.take_place(path)


def replace_text(path: Path, text: str) -> None:
    """Write `text_bytes(text)` to a file atomically."""
    content = text_bytes(text)
    replace_file(path, lambda draft: draft.write_bytes(content))


def expand_home(text: str | os.PathLike[str]) -> Path:
    """Return a path with a leading `~` expanded, if the home folder that it means is known.

    `Path.expanduser` raises a `RuntimeError` for a user who does not exist.
    """
    return Path(os.path.expanduser(text))


def read_regular(path: Path, most: int) -> bytes:
    """Return the content of a file that somebody else wrote.

    Parameters
    ----------
    path : Path
        A link counts as the file that it leads to.
    most : int
        Bytes.

    Raises
    ------
    OSError
        If it cannot be read, has more than `most` bytes, or is no regular file: a pipe or a device may
        never end.
    """
    number = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than {most:,} bytes", str(path))
    return content


def text_bytes(text: str) -> bytes:
    r"""Encode text as UTF-8 with unchanged line ends.

    A byte of a file name that is not UTF-8, a lone surrogate in Python, becomes an escape such as `\udcff`.
    """
    return text.encode("utf-8", errors="backslashreplace")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the path of the target to an `OSError` that names no file, or only a draft.

    Most libraries report a full disk without a name because it occurs in a write, not when a file is opened.
    """
    try:
        yield
    except OSError as error:
        names = (error.filename, error.filename2)
        nameless = names == (None, None) or any(
            isinstance(name, str | os.PathLike) and Path(name).name.startswith(".") for name in names
        )
        if error.errno is None or not nameless:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock file; the lock is released when the block or the process ends.

    Parameters
    ----------
    path : Path
        The lock file; created if missing, and kept.

    Raises
    ------
    BlockingIOError
        If another process holds the lock.
    """
    with path.open("a+b") as file:
        _lock(file)
        yield


def _lock(file: IO[bytes]) -> None:
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(*error.args) from error
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
