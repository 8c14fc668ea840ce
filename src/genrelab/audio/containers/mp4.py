"""MP4 and other ISO base media files: boxes, also called atoms. See ISO/IEC 14496-12, section 4.2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from genrelab.audio.containers import ContainerError


class Box(NamedTuple):
    """The kind of a box, and where its content is."""

    kind: bytes
    content: range


def boxes_in(file: BinaryIO, start: int, end: int) -> Iterator[Box]:
    """Yield the boxes that begin in a range; the last one may go beyond its end.

    Raises
    ------
    ContainerError
        If a size is too small for the box's own header.
    """
    while start + 8 <= end:
        file.seek(start)
        header = file.read(16)
        size, head = int.from_bytes(header[:4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(header[8:], "big"), 16
        elif size == 0:
            size = end - start
        if size < head:
            raise ContainerError("an MP4 box smaller than its header")
        yield Box(header[4:8], range(start + head, start + size))
        start += size


def stated_end(file: BinaryIO) -> int | None:
    """Return where the last box ends; None if the file is not made of boxes to its end."""
    end, size = 0, file.seek(0, os.SEEK_END)
    try:
        for box in boxes_in(file, 0, size):
            if not box.kind.isalnum():
                return None
            end = box.content.stop
    except ContainerError:
        return None
    return end if end >= size else None
