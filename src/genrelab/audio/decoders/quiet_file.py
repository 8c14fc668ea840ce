"""A file as FFmpeg gets it: what goes wrong while it reads is a value, not an exception.

FFmpeg tries places that a damaged file names; PyAV prints an exception that FFmpeg does not ask about.
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
        What the system said when the file could not be read any further.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def read(self, size: int) -> bytes:
        """Return bytes; none at the end and where the system refuses."""
        try:
            return self._file.read(size)
        except OSError as error:
            self.error = error
            return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a place; return where that is, or a negative number where there is no such place."""
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return -errno.EINVAL

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()
