"""Detect files that are cut off.

Decoders do not report it: most return what is there and stop. The evidence is one of these:

- the container states more bytes than there are (WAV, AU, AIFF, CAF, W64, AVI, MP4/M4A, WMA, Matroska/WebM),
- the last frame of raw AAC is incomplete,
- the last page of Ogg is incomplete or not marked as the end of the stream (RFC 3533, section 6).

FLAC states its number of samples, which the decoder compares. `genrelab.audio.containers.mpeg` handles MPEG
audio. A cut exactly between two frames of a raw AAC file is not detected.
"""

from __future__ import annotations

from typing import BinaryIO

from genrelab.audio.containers import asf, chunks, ebml, mp4
from genrelab.audio.containers.adts import last_frame_is_cut
from genrelab.audio.containers.identify import HEAD_SIZE, Sign, sign_of
from genrelab.audio.containers.ogg import LAST, read_last_page
from genrelab.audio.containers.window import FileWindow, ReadableFile
from genrelab.audio.flaws import Cut

# A header that was never completed (a pipe, a killed recording) has 0 or the largest number, signed or not.
_UNKNOWN_FROM = 0x7FFF0000
_LEAST_SHARE = 1e-3


def find_cut(path: ReadableFile) -> Cut | None:
    """Return the evidence that a file is cut off.

    Parameters
    ----------
    path : ReadableFile
        A file that is not empty.

    Returns
    -------
    Cut or None
        None if there is no evidence.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
        sign = sign_of(head)
        if sign == "ogg":
            return _find_ogg_cut(file)
        declared = _declared_bytes(file, head, sign)
    if declared is not None:
        size = path.stat().st_size
        if _LEAST_SHARE * declared < size < declared:  # a header that states even more is damaged
            return Cut(f"it holds {size} of {declared} bytes", size / declared, False)
        return None
    if sign is not None:
        return None
    return Cut("its last frame is incomplete", None, True) if last_frame_is_cut(path) else None


def _find_ogg_cut(file: BinaryIO) -> Cut | None:
    page = read_last_page(FileWindow(file))
    if page is None:
        return Cut("its last page is incomplete", None, True)
    return None if page.flags & LAST else Cut("the page that marks its end is missing", None, True)


def _declared_bytes(file: BinaryIO, head: bytes, sign: Sign | None) -> int | None:
    """Return the size in bytes that the container states; None if it states none."""
    if sign == "riff":
        return _known(8, int.from_bytes(head[4:8], "little"))
    if sign == "iff":
        return _known(8, int.from_bytes(head[4:8], "big"))
    if sign == "au":
        return _known(int.from_bytes(head[4:8], "big"), int.from_bytes(head[8:12], "big"))
    if sign == "w64":
        return int.from_bytes(file.read(8), "little") or None
    if sign == "asf":
        return int.from_bytes(asf.stated_file_size(file), "little") or None
    walkers = {"caf": chunks.caf_end, "mp4": mp4.stated_end, "matroska": ebml.stated_end}
    return walkers[sign](file) if sign in walkers else None


def _known(offset: int, size: int) -> int | None:
    """Return the sum; None for a 4-byte size that was never completed."""
    return None if size == 0 or size >= _UNKNOWN_FROM else offset + size
