"""RIFF (WAV, AVI) and IFF (AIFF): chunks with a name, a size in 4 bytes, and content padded to an even size.

See Microsoft's Multimedia Programming Interface 1.0, EA IFF 85, and the Core Audio Format Specification.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

FIRST = 12
"""Offset of the first chunk."""

Order = Literal["little", "big"]
"""Byte order of sizes: little in RIFF, big in IFF."""


class Chunk(NamedTuple):
    """Where a chunk is."""

    at: int
    name: bytes
    size: int

    @property
    def content(self) -> range:
        """Where its content is."""
        return range(self.at + 8, self.at + 8 + self.size)

    @property
    def end(self) -> int:
        """Where the next chunk begins."""
        return self.content.stop + self.size % 2


def stated_end(file: BinaryIO, order: Order) -> int:
    """Return where the last chunk ends according to the file's header."""
    file.seek(4)
    return 8 + int.from_bytes(file.read(4), order)


def chunks_in(file: BinaryIO, end: int, order: Order) -> Iterator[Chunk]:
    """Yield the chunks that begin before `end`; the last one may go beyond it."""
    at = FIRST
    while at + 8 <= end:
        file.seek(at)
        head = file.read(8)
        chunk = Chunk(at, head[:4], int.from_bytes(head[4:], order))
        yield chunk
        at = chunk.end


def caf_end(file: BinaryIO) -> int | None:
    """Return where the last chunk of a Core Audio file ends; None if it does not state its size."""
    at, size = 8, file.seek(0, os.SEEK_END)
    while at < size:
        file.seek(at)
        header = file.read(12)
        length = int.from_bytes(header[4:12], "big", signed=True)
        if len(header) < 12 or length < 0:
            return None
        at += 12 + length
    return at
