"""Read the token of a server from a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from genrelab.errors import UsageError

SHORTEST = 16  # characters
_LONGEST = 1000
_MAKE = "Make one: (umask 077; openssl rand -hex 32 > {path})"


def read_token(path: Path) -> str:
    """Return the token in a file.

    Parameters
    ----------
    path : Path
        A text file with one word of 16 to 1,000 printable ASCII characters, which other users cannot read.

    Raises
    ------
    UsageError
        If it is missing, unreadable, readable by others, empty, too short, too long, or holds more.
    """
    make = _MAKE.format(path=path)
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise UsageError(f"the token file {path} is not a regular file. {make}", code="token-no-file")
            content = file.read(_LONGEST + 3)
    except FileNotFoundError as error:
        raise UsageError(
            f"the token file {path} does not exist. {make}", code="token-missing-file"
        ) from error
    except IsADirectoryError as error:
        raise UsageError(f"the token file {path} is a folder. {make}", code="token-no-file") from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the token file {path} cannot be read: {error}. Check its permissions.", code="token-unreadable"
        ) from error
    if os.name == "posix" and stat.S_IMODE(status.st_mode) & 0o027:
        raise UsageError(
            f"the token file {path} can be read or changed by others. Run: chmod 600 {path}",
            code="token-readable-by-others",
        )
    return _checked(content, path, make)


def _checked(content: bytes, path: Path, make: str) -> str:
    text = content.strip().decode("latin-1")
    if not text:
        raise UsageError(f"the token file {path} is empty. {make}", code="token-empty")
    if len(text) < SHORTEST:
        message = f"the token in {path} has {len(text)} characters; it needs {SHORTEST}. {make}"
        raise UsageError(message, code="token-short")
    if len(text) > _LONGEST or not (text.isascii() and text.isprintable()) or " " in text:
        message = f"the token in {path} is not one word of at most {_LONGEST} ASCII characters. {make}"
        raise UsageError(message, code="token-damaged")
    return text
