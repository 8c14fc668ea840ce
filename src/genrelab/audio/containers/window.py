"""The bytes of an open file, of which a window is in memory."""

from __future__ import annotations

import re
from typing import BinaryIO

WINDOW = 2**18
"""Bytes that are in memory at once."""


class FileWindow:
    """The bytes of an open file.

    Unlike a memory map it survives that the file is cut while it is read: then pieces are short, where the
    map would end the process.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Attributes
    ----------
    size : int
        Bytes of the file when it was opened.
    data : bytes
        The window.
    base : int
        Where in the file the window begins.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size = file.seek(0, 2)
        self.base = 0
        self.data = b""

    def show(self, position: int, count: int) -> bool:
        """Move the window so that it holds `count` bytes from there on; False if the file ends before."""
        if not self.base <= position <= self.base + len(self.data) - count:
            self._file.seek(position)
            self.data = self._file.read(max(WINDOW, count))
            self.base = position
        return len(self.data) >= position - self.base + count

    def peek(self, position: int, count: int) -> bytes:
        """Return the bytes at a position; fewer where the file ends."""
        self.show(position, count)
        begin = position - self.base
        return self.data[begin : begin + count]

    def search(self, pattern: re.Pattern[bytes], position: int, longest: int) -> int:
        """Return where a pattern is found first from a position on; -1 if nowhere.

        Parameters
        ----------
        pattern : re.Pattern
        position : int
        longest : int > 0
            Bytes that the longest match has.
        """
        while position < self.size:
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
