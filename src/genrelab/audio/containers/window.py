"""Files that decoders read, and a window of the bytes of an open file in memory."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

WINDOW = 2**18
"""Bytes in memory."""


class ReadableFile(Protocol):
    """What decoders need of a file: a `Path`, or an object in an object store, whose text is its address."""

    @property
    def suffix(self) -> str:
        """The end of its name, such as `.mp3`."""
        ...

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Open it for reading."""
        ...

    def stat(self) -> os.stat_result:
        """Return its size and type."""
        ...


class RangedFile:
    """Base of files of which each read costs a request, so that decoders avoid reading all of one.

    Attributes
    ----------
    approximate : bool
        Whether to seek by a table that gives positions only approximately.
    walk : bool
        Whether to read all of it where a position cannot be computed.
    expected : int
        About how many bytes the next piece of sound takes; 0 if that is unknown.
    """

    approximate = False
    walk = False
    expected = 0


def open_binary(path: ReadableFile) -> BinaryIO:
    """Open a file for reading.

    Raises
    ------
    OSError
        If it cannot be opened.
    """
    if not isinstance(path, Path):
        return path.open("rb")
    return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), "rb")


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
        self._step = int(getattr(file, "window", WINDOW))  # smaller where each byte costs
        self.size = file.seek(0, 2)
        self.base = 0
        self.data = b""

    def show(self, position: int, count: int) -> bool:
        """Move the window over `count` bytes at a position; False if the file ends earlier."""
        if not self.base <= position <= self.base + len(self.data) - count:
            self._file.seek(position)
            self.data = self._file.read(max(self._step, count))
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
