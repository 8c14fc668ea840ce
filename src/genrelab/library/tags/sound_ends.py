"""Find where the sound ends in formats with tags at the end.

A decoder would read the tag of a file that was cut off as sound. See the WavPack 5 file format, the Musepack
SV8 specification and the TTA1 format; for Monkey's Audio and Musepack SV7, FFmpeg's demuxers.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, BinaryIO

from genrelab.audio.containers.identify import WithApe
from genrelab.errors import TagError

_TTA_HEADER = 22
_SV7_HEADER = 24  # frames begin in its last word
_NEW_MONKEYS = 3980  # from this version on, the file has a descriptor with the lengths of its parts
_OLD_MONKEYS_HEADER = 32


def check_whole(file: BinaryIO, kind: WithApe, start: int, end: int) -> None:
    """Raise if the sound does not end before the tags.

    Parameters
    ----------
    file : binary file
    kind : {"wavpack", "monkeys", "musepack", "tta"}
    start, end : int
        Where the sound begins and where the tags begin.

    Raises
    ------
    TagError
        If the file is cut off, or damaged in its structure.
    """
    try:
        stated = _ENDS[kind](file, start, end)
    except struct.error:  # the file ends within a header
        stated = end + 1
    if stated > end:
        raise TagError(
            "is cut off: its sound does not end before its tags. Get the file again.",
            code="tag-file-cut-off",
        )


def _unpack(form: str, file: BinaryIO, at: int) -> tuple[Any, ...]:
    file.seek(at)
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _wavpack(file: BinaryIO, start: int, end: int) -> int:
    """Follow the blocks, which state their sizes."""
    at = start
    while at < end:
        mark, size = _unpack("<4sI", file, at)
        if mark != b"wvpk" or size < 24:
            return end + 1
        at += 8 + size
    return at


def _tta(file: BinaryIO, start: int, end: int) -> int:
    """Add up the table with the sizes of all frames, of 256/245 seconds each."""
    rate, samples = _unpack("<II", file, start + 10)
    length = rate * 256 // 245
    if not length:
        return end + 1
    count = -(-samples // length)
    sizes = start + _TTA_HEADER
    if sizes + 4 * count + 4 > end:
        return end + 1
    return sizes + 4 * int(count) + 4 + sum(map(int, _unpack(f"<{count}I", file, sizes)))


def _monkeys(file: BinaryIO, start: int, end: int) -> int:
    """Add up the lengths in the descriptor; before version 3.98 find the beginning of the last frame."""
    (version,) = _unpack("<H", file, start + 4)
    if version >= _NEW_MONKEYS:
        descriptor, header, table, wav_header, low, high, wav_end = _unpack("<7I", file, start + 8)
        parts = (descriptor, header, table, wav_header, low, high << 32, wav_end)
        return start + sum(map(int, parts))
    wav_header, wav_end, frames = _unpack("<3I", file, start + 16)
    at = start + _OLD_MONKEYS_HEADER
    flags = _unpack("<H", file, start + 8)[0]
    at += 4 * bool(flags & 4) + 4 * bool(flags & 16)  # the peak level; the number of table entries
    at += 0 if flags & 32 else wav_header
    if not frames or at + 4 * frames > end:
        return end + 1
    return start + max(map(int, _unpack(f"<{frames}I", file, at))) + int(wav_end) + 1


def _musepack(file: BinaryIO, start: int, end: int) -> int:
    file.seek(start)
    return _sv8(file, start + 4, end) if file.read(4) == b"MPCK" else _sv7(file, start, end)


def _sv8(file: BinaryIO, at: int, end: int) -> int:
    """Follow the packets, each with a key and a size, to the packet `SE`."""
    while at < end:
        file.seek(at)
        head = file.read(11)
        size, digits = 0, 0
        for byte in head[2:]:
            size, digits = size << 7 | byte & 0x7F, digits + 1
            if not byte & 0x80:
                break
        if size < 2 + digits:
            break
        at += size
        if head[:2] == b"SE":
            return at
    return end + 1


def _sv7(file: BinaryIO, start: int, end: int) -> int:
    """Follow the frames, each after its length in 20 bits, in little-endian words of 32 bits."""
    (frames,) = _unpack("<I", file, start + 4)
    words = start + _SV7_HEADER
    bits = 8
    for _ in range(frames):
        file.seek(words + bits // 32 * 4)
        low, high = struct.unpack("<II", file.read(8).ljust(8, b"\0"))
        length = (low << 32 | high) >> (44 - bits % 32) & 0xFFFFF
        bits += 20 + length
        if words + bits // 8 > end:
            break
    return words + -(-bits // 32) * 4 if frames else end + 1


_ENDS: dict[WithApe, Callable[[BinaryIO, int, int], int]] = {
    "wavpack": _wavpack,
    "monkeys": _monkeys,
    "musepack": _musepack,
    "tta": _tta,
}
