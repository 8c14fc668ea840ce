"""Files of rows of equal size, to which rows are appended, with a checksum for each block of rows."""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

CHECKED_ROWS = 4096
"""Rows per checksum."""

_PART = 1 << 20  # bytes that are read at once


class FileState(NamedTuple):
    """What changes if a program writes a file: a file in this state has the content that it had before."""

    size: int
    inode: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, file: BinaryIO | str | os.PathLike[str]) -> FileState:
        """Return the state of an open file, or of one that is named."""
        status = os.stat(file if isinstance(file, str | os.PathLike) else file.fileno())
        return cls(status.st_size, status.st_ino, status.st_mtime_ns, status.st_ctime_ns)


class RowFile:
    """Appends rows to a file.

    Parameters
    ----------
    file : binary file
        Open for writing, without a buffer that others would not see; what is behind the rows is cut off.
    width : int
        Bytes per row.
    count : int
        Rows that it has.
    sums : sequence of int
        Their checksums.

    Attributes
    ----------
    file : binary file
    count : int
    sums : list of int
        CRC-32 of each block of `CHECKED_ROWS` rows; the last one may be incomplete.
    """

    def __init__(self, file: BinaryIO, width: int, count: int = 0, sums: Sequence[int] = ()) -> None:
        self.file = file
        self.count = count
        self.sums = list(sums)
        self._width = width
        if file.seek(0, os.SEEK_END) != count * width:
            file.truncate(count * width)
        file.seek(count * width)

    def append(self, rows: npt.NDArray[Any]) -> None:
        """Append rows [shape=(n, ...)].

        Raises
        ------
        OSError
            If the file cannot be written.
        """
        data = np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data
        self.file.write(data)
        while len(data):
            inside = self.count % CHECKED_ROWS
            part = data[: (CHECKED_ROWS - inside) * self._width]
            if inside:
                self.sums[-1] = zlib.crc32(part, self.sums[-1])
            else:
                self.sums.append(zlib.crc32(part))
            self.count += len(part) // self._width
            data = data[len(part) :]

    def finish(self) -> FileState:
        """Wait until the rows are on the disk; return the state of the file."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return FileState.of(self.file)


def has_sums(file: BinaryIO, width: int, count: int, sums: Sequence[int]) -> bool:
    """Whether the first rows of a file have their checksums; reads them all."""
    if len(sums) != -(-count // CHECKED_ROWS):
        return False
    file.seek(0)
    for number, wanted in enumerate(sums):
        left = min(CHECKED_ROWS, count - number * CHECKED_ROWS) * width
        found = 0
        while left and (part := file.read(min(left, _PART))):
            found, left = zlib.crc32(part, found), left - len(part)
        if left or found != wanted:
            return False
    return True
