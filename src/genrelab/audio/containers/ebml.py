"""EBML (Matroska, WebM): elements with an id, a size and content. See RFC 8794."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from genrelab.audio.containers import ContainerError

EBML, SEGMENT, VOID, CRC = 0x1A45DFA3, 0x18538067, 0xEC, 0xBF
SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES = 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1F43B675, 0x1C53BB6B
ATTACHMENTS, CHAPTERS, TAGS = 0x1941A469, 0x1043A770, 0x1254C367

SEGMENT_PARTS = frozenset((SEEK_HEAD, INFO, TRACKS, CLUSTER, CUES, ATTACHMENTS, CHAPTERS, TAGS, VOID, CRC))
"""Elements that a segment may contain."""

MOST_PARTS = 200_000
"""Limit of parts per segment; a day of sound has about 20,000."""

_MOST_HEAD = 12
_BEYOND_ANY_FILE = 1 << 63


@dataclass(frozen=True, slots=True)
class Element:
    """Where an element is.

    Attributes
    ----------
    id : int
    at : int
        Offset of its header.
    start, end : int
        Its content.
    known : bool
        Whether it states its size; else it extends to the end of its parent.
    """

    id: int
    at: int
    start: int
    end: int
    known: bool = True


def elements_of(data: bytes, start: int = 0, end: int | None = None) -> Iterator[Element]:
    """Yield the adjacent elements in some bytes.

    Raises
    ------
    ContainerError
        If they do not fill the range, or one does not state its size.
    """
    end = len(data) if end is None else end
    while start < end:
        element = _element(data[start : min(start + _MOST_HEAD, end)], start, end)
        if not element.known:
            raise ContainerError("an element of unknown size")
        yield element
        start = element.end


def elements_in(file: BinaryIO, start: int, end: int) -> Iterator[Element]:
    """Yield the adjacent elements in a range of a file.

    Raises
    ------
    ContainerError
        If they do not fill the range, or there are too many.
    """
    for _ in range(MOST_PARTS):
        if start >= end:
            return
        file.seek(start)
        element = _element(file.read(min(_MOST_HEAD, end - start)), start, end)
        yield element
        start = element.end
    raise ContainerError(f"more than {MOST_PARTS} parts")


def find_segment(file: BinaryIO, end: int | None = None) -> Element:
    """Return the first segment of a Matroska file.

    Parameters
    ----------
    file : binary file
    end : int or None
        Where the file ends, or ended before it was cut off; None means its current end.

    Raises
    ------
    ContainerError
        If there is none.
    """
    size = file.seek(0, 2)
    for element in elements_in(file, 0, size if end is None else end):
        if element.id == SEGMENT:
            return element
        if element.id not in (EBML, VOID, CRC):
            break
    raise ContainerError("no segment")


def stated_end(file: BinaryIO) -> int | None:
    """Return where the first segment ends by its own size; None if it states none."""
    try:
        segment = find_segment(file, _BEYOND_ANY_FILE)
    except ContainerError:
        return None
    return segment.end if segment.known else None


def _element(head: bytes, at: int, end: int) -> Element:
    """Return the element with a header at an offset of a range that ends at `end`."""
    id_length = _length(head, 0, 4)
    size_length = _length(head, id_length, 8)
    start = at + id_length + size_length
    mask = (1 << 7 * size_length) - 1
    size = int.from_bytes(head[id_length : id_length + size_length], "big") & mask
    known = size != mask
    if known and start + size > end:
        raise ContainerError("an element is cut off")
    return Element(
        int.from_bytes(head[:id_length], "big"), at, start, start + size if known else end, known=known
    )


def _length(head: bytes, at: int, most: int) -> int:
    """Return the length of a variable-length number, which its leading zero bits state."""
    length = 9 - head[at].bit_length() if at < len(head) else 9
    if length > most or at + length > len(head):
        raise ContainerError("not EBML, or cut off")
    return length


def size_bytes(size: int, length: int | None = None) -> bytes:
    """Encode a size in `length` bytes; None means as few as possible.

    Raises
    ------
    ContainerError
        If it does not fit.
    """
    least = next(count for count in range(1, 10) if size < (1 << 7 * count) - 1)
    length = least if length is None else length
    if least > min(length, 8):
        raise ContainerError("a size does not fit")
    return (size | 1 << 7 * length).to_bytes(length, "big")


def element(id: int, content: bytes, size_length: int | None = None) -> bytes:
    """Return an element's bytes."""
    return id.to_bytes((id.bit_length() + 7) // 8, "big") + size_bytes(len(content), size_length) + content


def master(id: int, parts: Sequence[bytes], *, crc: bool, size_length: int | None = None) -> bytes:
    """Return the bytes of an element with child elements, with or without their checksum."""
    content = b"".join(parts)
    check = element(CRC, zlib.crc32(content).to_bytes(4, "little")) if crc else b""
    return element(id, check + content, size_length)


def split_crc(content: bytes) -> tuple[bool, bytes]:
    """Return whether an element's content begins with a checksum, and the rest of the content.

    Raises
    ------
    ContainerError
        If the checksum is wrong.
    """
    if content[:2] != b"\xbf\x84":
        return False, content
    if zlib.crc32(content[6:]) != int.from_bytes(content[2:6], "little"):
        raise ContainerError("a checksum is wrong")
    return True, content[6:]


def void(size: int) -> bytes:
    """Return an empty element of `size` bytes, at least 2."""
    length = 1 if size < 2 + 127 else 8
    return element(VOID, bytes(size - 1 - length), length)
