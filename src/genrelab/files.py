"""Files that are written whole or not at all, and work that only one process may do at a time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from genrelab.drafts import Draft


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file so that a reader, or a kill at any moment, finds the old one or the new one.

    Parameters
    ----------
    path : Path
        The file; its folder must exist.
    write : callable
        Gets the path of a draft in the same folder and writes it; if it raises, `path` is untouched.

    Raises
    ------
    OSError
        If the folder is missing or cannot be written to; it names `path`.
    """
    with naming(path), Draft(path.parent) as draft:
        write(draft.path)
        draft.take_place(path)


def replace_text(path: Path, text: str) -> None:
    """Write `text_bytes(text)` to a file, whole or not at all."""
    content = text_bytes(text)
    replace_file(path, lambda draft: draft.write_bytes(content))


def text_bytes(text: str) -> bytes:
    r"""Return text as a file has it: UTF-8, line ends as they are.

    A byte of a file name that is no UTF-8, which is a lone surrogate in Python, becomes an escape, `\udcff`.
    """
    return text.encode("utf-8", errors="backslashreplace")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the disk that names no file, or a draft, name the one that was to be written.

    A full disk is told without a name by most libraries: it is met in a write, not when a file is opened.
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
    """Hold the lock that a file stands for; it is given back when the process ends, however it ends.

    Parameters
    ----------
    path : Path
        The lock file; made if it is not there, and left.

    Raises
    ------
    BlockingIOError
        If another process holds it.
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
