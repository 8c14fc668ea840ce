"""Ogg: which of its pages are damaged. See RFC 3533, section 6."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import NamedTuple

from genrelab.audio.containers.window import FileWindow

MOST_DAMAGED = 1000

_FIRST = 2  # flag of a stream's first page
_MARK = re.compile(rb"OggS")
_HEAD = 27
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_NO_POSITION = 2**64 - 1


class OggSurvey(NamedTuple):
    """What was found in an Ogg file."""

    damaged: tuple[int, ...]
    """Where pages are damaged or missing: the position of the last good page before, as its codec counts."""

    chained: bool
    """Whether several recordings follow one another."""


def survey_ogg(path: Path) -> OggSurvey:
    """Walk the pages of an Ogg file and compare their checksums and numbers.

    Parameters
    ----------
    path : Path

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
            page = _page(window, at)
            if page is None:
                damaged.append(position)
                following = window.search(_MARK, at + 1, 4)
                if following < 0:
                    break
                at = following
                continue
            serial, number = int.from_bytes(page[14:18], "little"), int.from_bytes(page[18:22], "little")
            if page[5] & _FIRST:
                chained |= begun
            elif numbers.get(serial, number) != number:
                damaged.append(position)
            numbers[serial] = number + 1
            begun |= not page[5] & _FIRST
            granule = int.from_bytes(page[6:14], "little")
            position = position if granule == _NO_POSITION else granule
            at += len(page)
    return OggSurvey(tuple(dict.fromkeys(damaged)), chained)


def _page(window: FileWindow, at: int) -> bytes | None:
    """Return the page at a place; None if there is none whose checksum is right."""
    head = window.peek(at, _HEAD)
    if len(head) < _HEAD or head[:4] != b"OggS":
        return None
    lacing = window.peek(at + _HEAD, head[26])
    size = _HEAD + len(lacing) + sum(lacing)
    page = window.peek(at, size)
    if len(page) < size:
        return None
    return page if _checksum(page) == int.from_bytes(page[22:26], "little") else None


def _checksum(page: bytes) -> int:
    """Return the CRC of a page: zlib's polynomial, with the bits the other way round and nothing inverted."""
    blank = page[:22] + bytes(4) + page[26:]
    reflected = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(reflected.to_bytes(4, "little").translate(_REVERSED), "big")
