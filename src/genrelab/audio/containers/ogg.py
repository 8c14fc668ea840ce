"""Ogg: which of its pages are damaged. See RFC 3533, section 6."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from genrelab.audio.containers.window import FileWindow

MOST_DAMAGED = 1000

_FIRST = 2  # flag of a stream's first page
_MARK = re.compile(rb"OggS")
_HEAD = 27
_LONGEST = _HEAD + 255 + 255 * 255  # of a page
_FIELDS = struct.Struct("<BQII")  # flags, position, serial number of the stream, number of the page
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_NO_POSITION = 2**64 - 1


class OggSurvey(NamedTuple):
    """What was found in an Ogg file."""

    damaged: tuple[int, ...]
    """Where pages are damaged or missing: the position of the last good page before, as its codec counts."""

    chained: bool
    """Whether several recordings follow one another."""


def survey_ogg(path: Path, *, checksums: bool = True) -> OggSurvey:
    """Walk the pages of an Ogg file and look whether they follow one another.

    Parameters
    ----------
    path : Path
    checksums : bool
        Whether the checksum of each page is computed too, which takes twice as long.

    Returns
    -------
    OggSurvey
        With at most `MOST_DAMAGED` places.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        window = FileWindow(file)
        at = position = 0
        damaged: list[int] = []
        chained = begun = False
        numbers: dict[int, int] = {}  # serial number of a stream -> that of its next page
        while at < window.size and len(damaged) < MOST_DAMAGED:
            size = _page_size(window, at)
            if size and checksums and not _is_right(window.peek(at, size)):
                size = 0
            if not size:
                damaged.append(position)
                following = window.search(_MARK, at + 1, 4)
                if following < 0:
                    break
                at = following
                continue
            flags, granule, serial, number = _FIELDS.unpack_from(window.data, at - window.base + 5)
            if flags & _FIRST:
                chained |= begun
            elif numbers.get(serial, number) != number:
                damaged.append(position)
            numbers[serial] = number + 1
            begun |= not flags & _FIRST
            position = position if granule == _NO_POSITION else granule
            at += size
    return OggSurvey(tuple(dict.fromkeys(damaged)), chained)


def _page_size(window: FileWindow, at: int) -> int:
    """Return the bytes of the page at a place, which the window then holds; 0 if there is no whole one."""
    if not window.show(at, min(_LONGEST, window.size - at)):
        return 0
    data, begin = window.data, at - window.base
    if not data.startswith(b"OggS", begin) or len(data) < begin + _HEAD:
        return 0
    body = begin + _HEAD + data[begin + 26]
    size = body - begin + sum(data[begin + _HEAD : body])
    return size if begin + size <= len(data) else 0


def _is_right(page: bytes) -> bool:
    """Whether a page has its checksum: zlib's, with the bits the other way round and nothing inverted."""
    blank = page[:22] + bytes(4) + page[26:]
    reflected = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return reflected.to_bytes(4, "little").translate(_REVERSED) == page[25:21:-1]
