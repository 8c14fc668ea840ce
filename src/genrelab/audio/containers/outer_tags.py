"""Tags around the sound: ID3v2 in front; ID3v1, APEv2 and Lyrics3 behind it, in any order. How long each is.

See id3.org/id3v2.4.0-structure, section 3.1; id3.org/ID3v1; id3.org/Lyrics3v2;
wiki.hydrogenaud.io/index.php?title=APEv2_specification.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import BinaryIO

from genrelab.audio.containers.window import FileWindow

ID3V1_SIZE = 128
APE_MARK = b"APETAGEX"

APE_END_SIZE = 32
"""Bytes of an APEv2 tag's header, and of its footer."""

_ID3_HEADER = 10
_LONGEST_LYRICS = 1_000_100  # bytes, from the six digits of the size in Lyrics3v2
_LYRICS_END = re.compile(rb"LYRICS(?:200|END)")


def from_synchsafe(digits: bytes) -> int:
    """Return the number that bytes encode in their lower 7 bits."""
    number = 0
    for digit in digits:
        number = number << 7 | digit & 0x7F
    return number


def id3_length(header: bytes, *, strict: bool = True) -> int:
    """Return the bytes of an ID3v2 tag, header and footer included, by its first 10 bytes; 0 for no tag.

    Parameters
    ----------
    header : bytes
    strict : bool
        Whether a size with a highest bit set, which the standard forbids, is no tag.
    """
    if len(header) < _ID3_HEADER or header[:3] != b"ID3":
        return 0
    if strict and any(byte & 0x80 for byte in header[6:10]):
        return 0
    return _ID3_HEADER + from_synchsafe(header[6:10]) + (_ID3_HEADER if header[5] & 0x10 else 0)


def id3_size(file: BinaryIO, at: int = 0) -> int:
    """Return the bytes of the ID3v2 tag at an offset; 0 if there is none."""
    file.seek(at)
    return id3_length(file.read(_ID3_HEADER))


def skip_id3(file: BinaryIO) -> int:
    """Return the offset behind the ID3v2 tags at a file's beginning."""
    at = 0
    while size := id3_size(file, at):
        at += size
    return at


def tag_length(window: FileWindow, position: int) -> int:
    """Return the bytes of the tag that begins at a position; 0 if there is none.

    MPEG files that were joined have tags in their middle. The sizes in them are read as players read them.
    """
    head = window.peek(position, APE_END_SIZE)
    if size := id3_length(head[:_ID3_HEADER], strict=False):
        return size
    if head.startswith(APE_MARK) and len(head) == APE_END_SIZE:
        is_header = head[23] & 0x20
        return APE_END_SIZE + (int.from_bytes(head[12:16], "little") if is_header else 0)
    if head.startswith(b"LYRICSBEGIN"):
        end = window.search(_LYRICS_END, position, 9, _LONGEST_LYRICS)
        return end + 9 - position if end >= 0 else 0
    return ID3V1_SIZE if head.startswith(b"TAG") else 0


def tail_start(file: BinaryIO, start: int = 0) -> int:
    """Return where the tags at a file's end begin.

    Parameters
    ----------
    file : binary file
    start : int
        Where the sound begins; no tag reaches before it.
    """
    places = list(tail_tags(file, start))
    return places[-1].start if places else file.seek(0, os.SEEK_END)


def tail_tags(file: BinaryIO, start: int = 0) -> Iterator[range]:
    """Yield where each tag at the file's end is, the last one first."""
    end = file.seek(0, os.SEEK_END)
    while size := _tail_tag_size(file, end):
        if end - size < start:
            return
        yield range(end - size, end)
        end -= size


def has_id3v1(file: BinaryIO) -> bool:
    """Whether the last 128 bytes are an ID3v1 tag."""
    end = file.seek(0, os.SEEK_END)
    if _tail_tag_size(file, end) != ID3V1_SIZE:
        return False
    file.seek(end - ID3V1_SIZE)
    return file.read(3) == b"TAG"


def _tail_tag_size(file: BinaryIO, end: int) -> int:
    if end < APE_END_SIZE:
        return 0
    file.seek(max(0, end - ID3V1_SIZE))
    tail = file.read(end - file.tell())
    footer = tail[-APE_END_SIZE:]
    if footer.startswith(APE_MARK):
        has_header = footer[23] & 0x80  # the highest bit of the little-endian flags
        return int.from_bytes(footer[12:16], "little") + (APE_END_SIZE if has_header else 0)
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    return ID3V1_SIZE if len(tail) == ID3V1_SIZE and tail[:3] == b"TAG" else 0
