"""An open file with a window of its bytes in memory."""

from __future__ import annotations

import re
from typing import BinaryIO

WINDOW = 2**18
"""Bytes in memory."""


class FileWindow:
    """The bytes of an open file.

    If the file is truncated while it is read, pieces are short; a memory map would end the process.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Attributes
    ----------
    size : int
        Size in bytes when the file was opened.
    data : bytes
        The window.
    base : int
        Offset of the window in the file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        self.base = 0
        self.data = b""

    def show(self, position: int, count: int) -> bool:
        """Move the window over `count` bytes at a position; False if the file ends earlier."""
        if not self.base <= position <= self.base + len(self.data) - count:
            self._file.seek(position)
            self.data = self._file.read(max(WINDOW, count))
            self.base = position
        return len(self.data) >= position - self.base + count

    def peek(self, position: int, count: int) -> bytes:
        """Return the bytes at a position; fewer at the end of the file."""
        self.show(position, count)
        begin = position - self.base
        return self.data[begin : begin + count]

    def search(self, pattern: re.Pattern[bytes], position: int, longest: int, most: int | None = None) -> int:
        """Return the first match of a pattern at or after a position; -1 if there is none.

        Parameters
        ----------
        pattern : re.Pattern
        position : int
        longest : int > 0
            Bytes of the longest match.
        most : int or None
            Bytes to search at least; None searches to the end.
        """
        last = self.size if most is None else min(self.size, position + most)
        while position < last:
            self.show(position, longest)
            found = pattern.search(self.data, position - self.base)
            if found is not None:
                return self.base + found.start()
            end = self.base + len(self.data)
            if end >= self.size or end <= position:
                return -1
            position = max(position + 1, end - longest + 1)
            self.data = b""
        return -1
