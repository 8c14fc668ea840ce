"""FLAC: metadata blocks in front of the frames. See RFC 9639, section 8."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from genrelab.audio.containers import ContainerError

STREAMINFO, PADDING, VORBIS_COMMENT = 0, 1, 4

LARGEST_BLOCK = (1 << 24) - 1
"""Bytes that a block can hold."""


class Block(NamedTuple):
    """The kind of a metadata block, and where its content is."""

    kind: int
    content: range


def metadata_blocks(file: BinaryIO, start: int) -> Iterator[Block]:
    """Yield the metadata blocks.

    Parameters
    ----------
    file : binary file
    start : int
        Offset of the marker `fLaC`.

    Raises
    ------
    ContainerError
        If the file ends before the last block.
    """
    at, last = start + 4, False
    while not last:
        file.seek(at)
        header = file.read(4)
        if len(header) < 4:
            raise ContainerError("a FLAC file that ends within its metadata")
        last, end = bool(header[0] & 0x80), at + 4 + int.from_bytes(header[1:], "big")
        yield Block(header[0] & 0x7F, range(at + 4, end))
        at = end
