"""Ogg: its pages, and which of them are damaged. See RFC 3533, section 6."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import NamedTuple

from genrelab.audio.containers.window import FileWindow

MOST_DAMAGED = 1000

LONGEST_PAGE = 65_307
"""Bytes."""

_FIRST, _LAST = 2, 4  # flags of a stream's pages
_MARK = re.compile(rb"OggS")
_HEAD = 27
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_NO_POSITION = 2**64 - 1


class Page(NamedTuple):
    """A page: its offset, its head as bytes, and the sizes of the segments in its body."""

    at: int
    head: bytes
    lacing: bytes

    @property
    def is_first(self) -> bool:
        """Whether a stream begins here."""
        return bool(self.head[5] & _FIRST)

    @property
    def is_last(self) -> bool:
        """Whether a stream ends here."""
        return bool(self.head[5] & _LAST)

    @property
    def position(self) -> int | None:
        """Where the sound of this page ends, as the codec counts; None if no packet ends here."""
        number = int.from_bytes(self.head[6:14], "little")
        return None if number == _NO_POSITION else number

    @property
    def serial(self) -> bytes:
        """The serial number of the stream."""
        return self.head[14:18]

    @property
    def number(self) -> int:
        """The number of the page in its stream."""
        return int.from_bytes(self.head[18:22], "little")

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
    return Page(at, head, lacing) if len(lacing) == head[26] else None


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


def survey_ogg(path: Path, *, checksums: bool = True) -> OggSurvey:
    """Find damaged and missing pages of an Ogg file.

    Parameters
    ----------
    path : Path
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
        numbers: dict[bytes, int] = {}  # serial number of a stream -> that of its next page
        while at < window.size and len(damaged) < MOST_DAMAGED:
            page = _whole_page(window, at)
            if page is None or (checksums and not _is_right(window.peek(at, page.body.stop - at))):
                damaged.append(position)
                following = window.search(_MARK, at + 1, 4)
                if following < 0:
                    break
                at = following
                continue
            if page.is_first:
                chained |= begun
            elif numbers.get(page.serial, page.number) != page.number:
                damaged.append(position)
            numbers[page.serial] = page.number + 1
            begun |= not page.is_first
            position = position if page.position is None else page.position
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
