"""Ogg: its pages, and which of them are damaged. See RFC 3533, section 6."""

from __future__ import annotations

import re
import struct
import zlib
from typing import NamedTuple

from genrelab.audio.containers.window import FileWindow, ReadableFile

MOST_DAMAGED = 1000

LONGEST_PAGE = 65_307
"""Bytes."""

FIRST, LAST = 2, 4
"""Flags of the pages where a stream begins and ends."""

NO_POSITION = 2**64 - 1
_MARK = re.compile(rb"OggS")
_HEAD = 27
_FIELDS = struct.Struct("<BQII")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class Page(NamedTuple):
    """A page: its offset, the fields of its head, and the sizes of the segments in its body."""

    at: int
    flags: int
    position: int  # where its sound ends, as the codec counts; `NO_POSITION` if no packet ends here
    serial: int  # of the stream
    number: int  # in the stream
    lacing: bytes

    @property
    def body(self) -> range:
        """Where the body is."""
        start = self.at + _HEAD + len(self.lacing)
        return range(start, start + sum(self.lacing))


def read_page(window: FileWindow, at: int) -> Page | None:
    """Return the page at an offset, whose body may be cut; None if none begins there or its head is cut."""
    head = window.peek(at, _HEAD)
    if len(head) < _HEAD or not head.startswith(b"OggS"):
        return None
    lacing = window.peek(at + _HEAD, head[26])
    flags, position, serial, number = _FIELDS.unpack_from(head, 5)
    return Page(at, flags, position, serial, number, lacing) if len(lacing) == head[26] else None


def read_last_page(window: FileWindow) -> Page | None:
    """Return the last page of a file; None if it is incomplete."""
    start = max(0, window.size - 2 * LONGEST_PAGE)
    at = window.peek(start, window.size - start).rfind(b"OggS")
    page = read_page(window, start + at) if at >= 0 else None
    return page if page is not None and page.body.stop <= window.size else None


class OggSurvey(NamedTuple):
    """Damage and structure of an Ogg file."""

    damaged: tuple[int, ...]
    """Positions of the last good page before each damaged or missing one, as the codec counts."""

    chained: bool
    """Whether the file has several recordings in a row."""


def survey_ogg(path: ReadableFile, *, checksums: bool = True) -> OggSurvey:
    """Find damaged and missing pages of an Ogg file.

    Parameters
    ----------
    path : ReadableFile
    checksums : bool
        Whether to compute the checksum of each page, which takes twice as long.

    Returns
    -------
    OggSurvey
        With at most `MOST_DAMAGED` positions.

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
            page = _whole_page(window, at)
            if page is None or (checksums and not _is_right(window.peek(at, page.body.stop - at))):
                damaged.append(position)
                following = window.search(_MARK, at + 1, 4)
                if following < 0:
                    break
                at = following
                continue
            if page.flags & FIRST:
                chained |= begun
            elif numbers.get(page.serial, page.number) != page.number:
                damaged.append(position)
            numbers[page.serial] = page.number + 1
            begun |= not page.flags & FIRST
            position = position if page.position == NO_POSITION else page.position
            at = page.body.stop
    return OggSurvey(tuple(dict.fromkeys(damaged)), chained)


def _whole_page(window: FileWindow, at: int) -> Page | None:
    """Return the page at an offset; None if there is no complete one."""
    if not window.show(at, min(LONGEST_PAGE, window.size - at)):
        return None
    page = read_page(window, at)
    return page if page is not None and page.body.stop <= window.size else None


def _is_right(page: bytes) -> bool:
    """Whether the checksum of a page is right: zlib's with reversed bits and without inversion."""
    blank = page[:22] + bytes(4) + page[26:]
    reflected = zlib.crc32(blank.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return reflected.to_bytes(4, "little").translate(_REVERSED) == page[25:21:-1]
