"""Find out whether a file was cut off, from what its container says about its own end.

No decoder tells: most give what is there and stop. Three kinds of evidence are looked at:

- containers that state their size in bytes (WAV, AU, AIFF, CAF, W64, AVI, MP4/M4A, WMA/ASF, Matroska/WebM),
- raw AAC, whose last frame must be whole,
- Ogg, whose last page must be whole and marked as the end of the stream (RFC 3533, section 6).

FLAC states its number of samples, which the decoder itself compares. What stays unnoticed: a cut
exactly between two frames of a raw AAC file. MPEG audio is judged where its frames are walked
(`genrelab.audio.containers.mpeg`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Literal

from genrelab.audio.containers.adts import last_frame_is_cut
from genrelab.audio.flaws import Cut

# Headers that were never completed (a pipe, a recording that was killed) hold 0, or the largest number that
# their writer knew, signed or not.
_UNKNOWN_FROM = 0x7FFF0000
_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_W64_HEADER = bytes.fromhex("726966662e91cf11a5d628db04c10000")
_LEAST_SHARE = 1e-3
_MAX_OGG_PAGE = 65_307


def find_cut(path: Path) -> Cut | None:
    """Look for evidence that a file ends too early.

    Parameters
    ----------
    path : Path
        A file that is not empty.

    Returns
    -------
    Cut or None
        None means that nothing speaks for it.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(16)
        if head[:4] == b"OggS":
            return _find_ogg_cut(file)
        declared = _declared_bytes(file, head)
    if declared is not None:
        size = path.stat().st_size
        if _LEAST_SHARE * declared < size < declared:  # a header that states more is damaged itself
            return Cut(f"it holds {size} of {declared} bytes", size / declared, False)
        return None
    return Cut("its last frame is incomplete", None, True) if last_frame_is_cut(path) else None


def _find_ogg_cut(file: BinaryIO) -> Cut | None:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2 * _MAX_OGG_PAGE))
    tail = file.read()
    at = tail.rfind(b"OggS")
    page = tail[at:] if at >= 0 else b""
    lacing = page[27 : 27 + page[26]] if len(page) > 26 else b""
    if len(page) < 27 or len(lacing) < page[26] or len(page) < 27 + len(lacing) + sum(lacing):
        return Cut("its last page is incomplete", None, True)
    return None if page[5] & 4 else Cut("the page that marks its end is missing", None, True)


def _declared_bytes(file: BinaryIO, head: bytes) -> int | None:
    """Return the size in bytes that the container states; None where it states none."""
    if head[:4] == b"RIFF":
        return _plus(8, head[4:8], "little")
    if head[:4] == b"FORM":
        return _plus(8, head[4:8], "big")
    if head[:4] == b".snd":
        return _plus(int.from_bytes(head[4:8], "big"), head[8:12], "big")
    if head == _W64_HEADER:
        return _plus(0, file.read(8), "little")
    if head[:4] == b"caff":
        return _caf_bytes(file)
    if head[4:8] == b"ftyp":
        return _mp4_bytes(file)
    if head == _ASF_HEADER:
        file.seek(0)
        header = file.read(65_536)
        at = header.find(_ASF_FILE_PROPERTIES)
        return _plus(0, header[at + 40 : at + 48], "little") if at >= 0 else None
    if head[:4] == b"\x1aE\xdf\xa3":
        return _matroska_bytes(file)
    return None


def _plus(offset: int, size: bytes, order: Literal["little", "big"]) -> int | None:
    value = int.from_bytes(size, order)
    unknown = value == 0 or (len(size) == 4 and value >= _UNKNOWN_FROM)
    return None if unknown else offset + value


def _caf_bytes(file: BinaryIO) -> int | None:
    """Add up the chunks of a Core Audio file; its last one may not state its size."""
    position, size = 8, file.seek(0, os.SEEK_END)
    while position < size:
        file.seek(position)
        header = file.read(12)
        length = int.from_bytes(header[4:12], "big", signed=True)
        if len(header) < 12 or length < 0:
            return None
        position += 12 + length
    return position


def _mp4_bytes(file: BinaryIO) -> int | None:
    """Add up the boxes of an ISO base media file (ISO/IEC 14496-12, section 4.2)."""
    position, size = 0, file.seek(0, os.SEEK_END)
    while position < size:
        file.seek(position)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8 or not header[4:8].isalnum():  # 0: up to the end of the file; else not a box
            return None
        position += length
    return position


def _matroska_bytes(file: BinaryIO) -> int | None:
    """Read the size of the segment element (RFC 8794 for the coding of sizes)."""
    file.seek(4)
    header_size, _ = _ebml_size(file)
    file.seek(header_size, os.SEEK_CUR)
    if file.read(4) != b"\x18S\x80g":
        return None
    size, known = _ebml_size(file)
    return file.tell() + size if known else None


def _ebml_size(file: BinaryIO) -> tuple[int, bool]:
    first = file.read(1)[0:1] or b"\1"
    more = 8 - first[0].bit_length() if first[0] else 7
    mask = (1 << (7 * (more + 1))) - 1
    value = int.from_bytes(first + file.read(more), "big") & mask
    return value, value != mask
