"""What kind of file it is, and where its tags lie at the two ends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import BinaryIO, Literal, get_args

WithApe = Literal["wavpack", "monkeys", "musepack", "tta"]
"""Kinds of files whose tags are APEv2, at the end."""

Container = Literal["mp3", "flac", "ogg", "mp4", "asf", "wav", "aiff", "matroska", WithApe, "other"]
WITH_APE: tuple[WithApe, ...] = get_args(WithApe)

ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
EBML_HEADER = bytes.fromhex("1a45dfa3")
ID3V1_SIZE = 128
APE_MARK = b"APETAGEX"

# How the sound begins, behind any ID3v2 tags.
_BEGINNINGS: dict[bytes, Container] = {
    b"fLaC": "flac",
    b"wvpk": "wavpack",
    b"MAC ": "monkeys",
    b"MPCK": "musepack",
    b"MP+\x07": "musepack",
    b"MP+\x17": "musepack",
    b"TTA1": "tta",
}


def identify(file: BinaryIO) -> Container:
    """Return what a file is, by its bytes; its name does not count.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Returns
    -------
    Container
        `mp3` stands for all MPEG audio layers, `matroska` for WebM as well, `monkeys` for Monkey's Audio.
    """
    file.seek(0)
    head = file.read(16)
    if head[:4] == b"OggS":
        return "ogg"
    if head[4:8] == b"ftyp":
        return "mp4"
    if head == ASF_HEADER:
        return "asf"
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "aiff"
    if head[:4] == EBML_HEADER:
        return "matroska"
    file.seek(skip_id3(file))
    head = file.read(4)
    return _BEGINNINGS.get(head) or ("mp3" if _begins_mpeg_frame(head) else "other")


def _begins_mpeg_frame(head: bytes) -> bool:
    """Whether four bytes are the header of an MPEG audio frame (ISO/IEC 11172-3, section 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer != 0 and bit_rate != 15 and sample_rate != 3


def id3_size(file: BinaryIO, at: int = 0) -> int:
    """Return how many bytes an ID3v2 tag at an offset has, header and footer included; 0 if there is none.

    See id3.org/id3v2.4.0-structure, section 3.1.
    """
    file.seek(at)
    header = file.read(10)
    if len(header) < 10 or header[:3] != b"ID3" or any(byte & 0x80 for byte in header[6:]):
        return 0
    size = 0
    for byte in header[6:]:
        size = size << 7 | byte
    return 10 + size + (10 if header[5] & 0x10 else 0)


def skip_id3(file: BinaryIO) -> int:
    """Return where a file goes on behind the ID3v2 tags at its beginning."""
    at = 0
    while size := id3_size(file, at):
        at += size
    return at


def tail_start(file: BinaryIO, start: int = 0) -> int:
    """Return where the tags at a file's end begin: ID3v1, APEv2 and Lyrics3v2, in any order.

    See id3.org/ID3v1, wiki.hydrogenaud.io/index.php?title=APEv2_specification and id3.org/Lyrics3v2.

    Parameters
    ----------
    file : binary file
    start : int
        Where the sound begins; no tag reaches before it.
    """
    places = list(tail_tags(file, start))
    return places[-1].start if places else file.seek(0, os.SEEK_END)


def tail_tags(file: BinaryIO, start: int = 0) -> Iterator[range]:
    """Yield where each of the tags is that `tail_start` tells of, the last first."""
    end = file.seek(0, os.SEEK_END)
    while size := _tail_tag_size(file, end):
        if end - size < start:
            return
        yield range(end - size, end)
        end -= size


def has_id3v1(file: BinaryIO) -> bool:
    """Whether the last 128 bytes are an ID3v1 tag."""
    return (
        _tail_tag_size(file, file.seek(0, os.SEEK_END)) == ID3V1_SIZE and _at(file, -ID3V1_SIZE, 3) == b"TAG"
    )


def _at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset, os.SEEK_END)
    return file.read(count)


def _tail_tag_size(file: BinaryIO, end: int) -> int:
    if end < 32:
        return 0
    file.seek(max(0, end - ID3V1_SIZE))
    tail = file.read(end - file.tell())
    footer = tail[-32:]
    if footer[:8] == APE_MARK:
        has_header = footer[23] & 0x80  # the highest bit of the little-endian flags
        return int.from_bytes(footer[12:16], "little") + (32 if has_header else 0)
    if tail[-9:] == b"LYRICS200" and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    return ID3V1_SIZE if len(tail) == ID3V1_SIZE and tail[:3] == b"TAG" else 0
