"""A file for FFmpeg whose errors are values, not exceptions.

FFmpeg seeks to invalid positions that a damaged file states, and PyAV prints exceptions that FFmpeg ignores.
"""

from __future__ import annotations

import errno
from typing import BinaryIO


class QuietFile:
    """An open file.

    Parameters
    ----------
    file : binary file

    Attributes
    ----------
    error : OSError or None
        The error that ended reading.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def read(self, size: int) -> bytes:
        """Return bytes; none at the end or after an error."""
        try:
            return self._file.read(size)
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position and return it; a negative number if it is invalid."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -errno.EINVAL

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell()
