"""Check whether the file of a library can be created, read and written."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from genrelab.errors import LibraryError

_NAME_BEHIND = len("-journal")  # SQLite adds suffixes to the name of the library
CANNOT_OPEN = (
    "cannot be opened. Check the permissions of the file and its folder, or name another --library FILE."
)
WRITE_PROTECTED = (
    "is write-protected. Change the permissions of the file and its folder, or name another --library FILE."
)

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def obstacle_to_writing(path: Path) -> str | None:
    """Return why a library is read-only; create the folder of a new one.

    Parameters
    ----------
    path : Path

    Returns
    -------
    str or None
        The predicate of a message about the library; None if it is writable.

    Raises
    ------
    LibraryError
        If the path is a folder, a pipe or a device, is unreadable, or cannot be created.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        _make_folder(path)
        return None
    except (OSError, ValueError) as error:
        raise _impossible(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        raise LibraryError(f"the library {path} is a folder. Name a file in it.", code="library-is-folder")
    if not stat.S_ISREG(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a regular file")
        message = f"the library {path} is {kind}. Name a file with --library FILE."
        raise LibraryError(message, code="library-no-file")
    if not os.access(path, os.R_OK):
        raise LibraryError(f"the library {path} {CANNOT_OPEN}", code="library-unreadable")
    folder = os.path.dirname(os.path.realpath(path))
    if os.access(path, os.W_OK) and os.access(folder, os.W_OK | os.X_OK):
        return None
    if _is_read_only(path):
        return "is on a read-only disk. Copy it to another and name the copy with --library FILE."
    return WRITE_PROTECTED


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        longest = os.pathconf(path.parent, "PC_NAME_MAX") if hasattr(os, "pathconf") else 255
    except (OSError, ValueError) as error:
        raise _impossible(path, error) from error
    if len(os.fsencode(path.name)) > longest - _NAME_BEHIND:
        message = f"the name of the library {path} is too long. Name another --library FILE."
        raise LibraryError(message, code="library-name-too-long")


def _impossible(path: Path, error: OSError | ValueError) -> LibraryError:
    what = getattr(error, "strerror", None) or error
    message = f"the library {path} cannot be created: {what}. Name another --library FILE."
    return LibraryError(message, code="library-place")


def _is_read_only(path: Path) -> bool:
    if sys.platform == "win32":
        return False
    try:
        return bool(os.statvfs(path).f_flag & os.ST_RDONLY)
    except OSError:
        return False
