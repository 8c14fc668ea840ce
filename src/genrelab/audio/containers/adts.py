"""Raw AAC (ADTS): frames, and whether the last one is complete. See ISO/IEC 13818-7, section 6.2."""

from __future__ import annotations

import re

from genrelab.audio.containers.outer_tags import skip_id3
from genrelab.audio.containers.window import FileWindow, ReadableFile

_HEADER = re.compile(rb"\xff(?=[\xf0\xf1\xf8\xf9])")
_HEADER_SIZE = 7


def last_frame_is_cut(path: ReadableFile) -> bool:
    """Return whether a raw AAC file ends within a frame; False for any other file.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        window = FileWindow(file)
        position = skip_id3(file)
        if frame_size(window.peek(position, _HEADER_SIZE)) is None:
            return False
        while position < window.size:
            header = window.peek(position, _HEADER_SIZE)
            size = frame_size(header)
            if size is not None and position + size <= window.size:
                position += size
            elif size is not None or (len(header) < _HEADER_SIZE and _HEADER.match(header)):
                return True
            else:
                position = _next_frame(window, position + 1)
        return False


def frame_size(header: bytes) -> int | None:
    """Return the size in bytes of the ADTS frame with a header of 7 bytes; None for anything else."""
    if len(header) < _HEADER_SIZE or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size > _HEADER_SIZE else None


def _next_frame(window: FileWindow, position: int) -> int:
    """Return the next position with two frames in a row; the end of the file if there is none."""
    while (position := window.search(_HEADER, position, 2)) >= 0:
        size = frame_size(window.peek(position, _HEADER_SIZE))
        if size is not None and frame_size(window.peek(position + size, _HEADER_SIZE)) is not None:
            return position
        position += 1
    return window.size
