"""Walk the frames of MP3 and raw AAC (ADTS) files, which have no table of contents one can rely on.

Header layouts: ISO/IEC 11172-3 section 2.4.1.3 (MPEG audio), ISO/IEC 13818-7 section 6.2 (ADTS); the
Xing/Info header as LAME writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_WINDOW = 2**18  # bytes of a file that are in memory at once

_BITRATES_MPEG1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_MPEG2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_RATES_MPEG1 = (44100, 48000, 32000)
_DIVISOR = {3: 1, 2: 2, 0: 4}  # by MPEG version: 1, 2, 2.5


@dataclass(frozen=True, slots=True)
class Walk:
    """What was found between the first frame and the end of the file.

    Parameters
    ----------
    frames : int
        Complete frames.
    cut : bool
        The file ends inside a frame.
    junk : int
        Bytes between frames that belong to none.
    """

    frames: int
    cut: bool
    junk: int


@dataclass(frozen=True, slots=True)
class Mp3:
    """What an MP3 file holds.

    Parameters
    ----------
    walk : Walk
        Its frames, without the one that holds the Xing header.
    seconds : float
        Length of those frames.
    declared : int or None
        Frames that the Xing header promises.
    """

    walk: Walk
    seconds: float
    declared: int | None

    @property
    def missing(self) -> int:
        """Frames promised and not there; negative where there are more than promised."""
        return 0 if self.declared is None else self.declared - self.walk.frames


class FileBytes:
    """The bytes of an open file, of which a window is in memory.

    Unlike a memory map it bears that the file is cut while it is read: then the slices are short, where the
    map would end the process.

    Parameters
    ----------
    file : binary file
        Open for reading.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._begin = 0
        self._held = b""

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        begin = part.start - self._begin
        if begin < 0 or part.stop > self._begin + len(self._held):
            self._load(part.start, max(_WINDOW, part.stop - part.start))
            begin = 0
        return self._held[begin : part.stop - self._begin]

    def find(self, what: bytes, start: int) -> int:
        """Return where `what` is, from `start` on; -1 if nowhere."""
        while start < self._size:
            if not self._begin <= start <= self._begin + len(self._held) - len(what):
                self._load(start, _WINDOW)
                if len(self._held) < len(what):
                    return -1
            at = self._held.find(what, start - self._begin)
            if at >= 0:
                return self._begin + at
            start = self._begin + len(self._held) - len(what) + 1
        return -1

    def _load(self, begin: int, count: int) -> None:
        self._file.seek(begin)
        self._held = self._file.read(count)
        self._begin = begin


def scan_mp3(path: Path) -> Mp3 | None:
    """Walk an MP3 file; None for a file that is not MPEG audio layer III of known bit rates.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        data = FileBytes(file)
        first = skip_id3(data)
        size = mp3_frame_size(data[first : first + 4])
        if size is None or mp3_frame_size(data[first + size : first + size + 4]) is None:
            return None
        header = data[first : first + 4]
        declared = _declared_frames(data[first : first + min(size, 64)])
        if declared is not None:
            first += size
        walk = walk_frames(data, first, mp3_frame_size, bytes((header[0], header[1] & 0xFE)))
    version = (header[1] >> 3) & 3
    rate = _RATES_MPEG1[(header[2] >> 2) & 3] // _DIVISOR[version]
    frame_seconds = (1152 if version == 3 else 576) / rate
    return Mp3(walk, walk.frames * frame_seconds, declared)


def scan_adts(path: Path) -> Walk | None:
    """Walk a raw AAC file; None for a file that is none.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        data = FileBytes(file)
        first = skip_id3(data)
        if adts_frame_size(data[first : first + 7]) is None:
            return None
        return walk_frames(data, first, adts_frame_size, data[first : first + 1])


def skip_id3(data: FileBytes) -> int:
    """Return where the sound begins behind an ID3v2 tag: 0 without one."""
    head = data[0:10]
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    size = (head[6] & 127) << 21 | (head[7] & 127) << 14 | (head[8] & 127) << 7 | (head[9] & 127)
    return 10 + size + (10 if head[5] & 0x10 else 0)


def mp3_frame_size(header: bytes) -> int | None:
    """Return the bytes of the layer III frame with this header of 4 bytes; None if it is no such header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, bitrate, rate = (header[1] >> 3) & 3, header[2] >> 4, (header[2] >> 2) & 3
    if version == 1 or bitrate in (0, 15) or rate == 3:
        return None
    kilobits = (_BITRATES_MPEG1 if version == 3 else _BITRATES_MPEG2)[bitrate]
    slots = 144_000 if version == 3 else 72_000
    return slots * kilobits // (_RATES_MPEG1[rate] // _DIVISOR[version]) + ((header[2] >> 1) & 1)


def adts_frame_size(header: bytes) -> int | None:
    """Return the bytes of the ADTS frame with this header of 7 bytes; None if it is no such header."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return size if size > 7 else None


def walk_frames(data: FileBytes, first: int, frame_size: Callable[[bytes], int | None], sync: bytes) -> Walk:
    """Walk frames from `first` to the end, jumping over what is no frame.

    Parameters
    ----------
    data : FileBytes
    first : int
        Where the first frame begins.
    frame_size : callable
        Gives the size of the frame with a header, None for other bytes.
    sync : bytes
        What every frame of this file begins with.
    """
    position, end, frames, junk = first, len(data), 0, 0
    while position < end:
        size = frame_size(data[position : position + 7])
        if size is not None and position + size <= end:
            frames += 1
            position += size
        elif size is not None or (end - position < 7 and data[position:end].startswith(sync)):
            return Walk(frames, True, junk)
        else:
            following = _next_frame(data, position + 1, frame_size, sync)
            if following is None:  # a tag behind the music
                break
            junk += following - position
            position = following
    return Walk(frames, False, junk)


def _next_frame(
    data: FileBytes, position: int, frame_size: Callable[[bytes], int | None], sync: bytes
) -> int | None:
    """Find the next place where two frames follow each other."""
    while (position := data.find(sync, position)) >= 0:
        size = frame_size(data[position : position + 7])
        if size is not None and frame_size(data[position + size : position + size + 7]) is not None:
            return position
        position += 1
    return None


def _declared_frames(first_frame: bytes) -> int | None:
    """Read the number of frames from a Xing or Info header."""
    for name in (b"Xing", b"Info"):
        at = first_frame.find(name)
        if at >= 0 and len(first_frame) >= at + 12 and first_frame[at + 7] & 1:
            return int.from_bytes(first_frame[at + 8 : at + 12], "big")
    return None
