"""MPEG audio (MP3, MP2, MP1): an index of all frames, made in one walk over the file.

The file is a chain of frames, each with a header from which its size follows. Where the chain breaks, the
walk continues at the next position with several frames in a row.

Header: ISO/IEC 11172-3, section 2.4.1.3, and ISO/IEC 13818-3; MPEG 2.5 as decoders implement it. The table
with the number of frames, the encoder delay and padding: LAME (gabriel.mp3-tech.org/mp3infotag.html), VBRI.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple, Self

from genrelab.audio.containers.outer_tags import tag_length
from genrelab.audio.containers.window import FileWindow, ReadableFile

MOST_GAPS = 1000
"""Gaps that are kept with their positions; further ones are only counted."""

DECODER_DELAY = 529
"""Delay of every layer III decoder in samples, which the encoder delay does not include."""

_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by version
_BITRATES = {  # kbit/s by (is MPEG 1, layer), from index 1; index 0 is "free", which gives no frame size
    (True, 1): tuple(range(32, 449, 32)),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_CHAIN, _FOREIGN_CHAIN = 2, 4  # frames in a row that end a gap: of the same kind as before, or of another
_HEADER = re.compile(rb"\xff(?=[\xe2-\xff][\x10-\xef])")
_XING_REACH = 200  # bytes of a first frame that are searched for the table
_FOREIGN_TAIL = 8192  # bytes behind the last frame that may be an unknown tag


class FrameKind(NamedTuple):
    """Properties that all frames of a file share."""

    sync: int  # the header's second byte, its protection bit set
    rate_index: int

    @classmethod
    def of(cls, header: bytes, *, free_bit_rate: bool = False) -> Self | None:
        """Return the kind of the frame that begins with this header; None if it is no header.

        The size of a frame of the "free" bit rate is unknown, so its header counts only on request.
        """
        if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
            return None
        version, layer, rate = header[1] >> 3 & 3, header[1] >> 1 & 3, header[2] >> 2 & 3
        bit_rate = header[2] >> 4
        if version == 1 or layer == 0 or rate == 3 or bit_rate == 15 or (bit_rate == 0 and not free_bit_rate):
            return None
        return cls(header[1] | 1, rate)

    @property
    def version(self) -> int:
        """3 for MPEG 1, 2 for MPEG 2, 0 for MPEG 2.5."""
        return self.sync >> 3 & 3

    @property
    def layer(self) -> int:
        """1, 2 or 3."""
        return 4 - (self.sync >> 1 & 3)

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return _RATES[self.version][self.rate_index]

    @property
    def samples(self) -> int:
        """Samples per frame."""
        return 384 if self.layer == 1 else 1152 if self.layer == 2 or self.version == 3 else 576


class Gap(NamedTuple):
    """Bytes between frames that belong to no frame or tag."""

    frame: int  # number of the frame after the gap
    size: int


@dataclass(slots=True)
class MpegIndex:
    """Where the frames of an MPEG audio file are.

    Attributes
    ----------
    kind : FrameKind
        Of the first frame.
    channels : int
        Of the first frame.
    offsets : array of int
        Where each frame begins, without the frame with the encoder's table.
    sizes : array of int
        Size of each frame in bytes.
    uniform : bool
        Whether all frames are of one kind.
    gaps : list of Gap
        Up to `MOST_GAPS` of them.
    n_gaps, gap_bytes : int
        Totals.
    cut : bool
        Whether the file ends inside a frame.
    declared : int or None
        Number of frames that the encoder's table states.
    delay, padding : int
        Samples that the encoder added before and after the sound; 0 if not stated.
    """

    kind: FrameKind
    channels: int
    offsets: array[int] = field(default_factory=lambda: array("Q"))
    sizes: array[int] = field(default_factory=lambda: array("H"))
    uniform: bool = True
    gaps: list[Gap] = field(default_factory=list)
    n_gaps: int = 0
    gap_bytes: int = 0
    cut: bool = False
    declared: int | None = None
    delay: int = 0
    padding: int = 0

    @property
    def damaged_frames(self) -> int:
        """Estimate of the frames lost in gaps, at least one per gap."""
        if not self.offsets or not self.n_gaps:
            return self.n_gaps
        mean = (self.offsets[-1] + self.sizes[-1] - self.offsets[0] - self.gap_bytes) / len(self.offsets)
        return max(self.n_gaps, round(self.gap_bytes / max(mean, 1.0)))

    @property
    def missing(self) -> int:
        """Stated frames that are missing; negative if there are more than stated."""
        return 0 if self.declared is None else self.declared - len(self.offsets)


def index_mpeg(path: ReadableFile, *, anywhere: bool = False) -> MpegIndex | None:
    """Index an MPEG audio file.

    Parameters
    ----------
    path : ReadableFile
    anywhere : bool
        Whether to search the whole file for the first frame. Else it must follow the tags in front.

    Returns
    -------
    MpegIndex or None
        None if there are no frames there, or only frames of the free bit rate.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        return _Walk(file).index(anywhere=anywhere)


class _Walk:
    """One walk over a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._window = FileWindow(file)
        self._tables: dict[FrameKind, list[int]] = {}

    def index(self, *, anywhere: bool) -> MpegIndex | None:
        begin = position = self._skip_tags(0)
        kind = self._chain(position, _CHAIN)
        if kind is None and anywhere:
            position, kind = self._find(position, None)
        if kind is None:
            return None
        found = MpegIndex(kind, 1 if self._window.peek(position + 3, 1)[0] >> 6 == 3 else 2)
        if position > begin:
            _note_gap(found, position - begin)
        self._follow(found, kind, position)
        return found if found.offsets else None

    def _follow(self, found: MpegIndex, kind: FrameKind, position: int) -> None:
        """Add all frames from the first one on."""
        size = self._window.size
        fresh = True  # a file begins, perhaps joined to another one
        while position < size:
            position = self._run(found, kind, position, fresh=fresh)
            if found.cut:
                return
            behind = self._skip_tags(position)
            fresh = behind > position
            place, next_kind = self._find(behind, kind)
            if next_kind is None:
                rest = self._window.peek(behind, _FOREIGN_TAIL + 1).strip(b"\0")
                if len(rest) > _FOREIGN_TAIL:
                    _note_gap(found, size - behind)
                elif self._is_part(rest, kind):
                    found.cut = True
                return
            if place > behind:
                _note_gap(found, place - behind)
            found.uniform &= next_kind == kind
            position, kind = place, next_kind

    def _run(self, found: MpegIndex, kind: FrameKind, position: int, *, fresh: bool) -> int:
        """Add frames while they are adjacent; return where they end."""
        window, size_of = self._window, self._sizes(kind).get
        offsets, sizes = found.offsets, found.sizes
        note_offset, note_size = offsets.append, sizes.append
        begun = len(offsets)
        running = True
        while running and window.show(position, 4):
            data, at, base = window.data, position - window.base, window.base
            end = len(data) - 3
            running = False
            while at < end:
                frame = size_of(data[at : at + 3])
                if frame is None:
                    break
                note_offset(base + at)
                note_size(frame)
                at += frame
            else:
                running = True
            position = base + at
        if position > window.size:
            found.cut = True
            offsets.pop()
            sizes.pop()
        if fresh and len(offsets) > begun:
            self._take_table(found, kind, begun)
        return position

    def _take_table(self, found: MpegIndex, kind: FrameKind, number: int) -> None:
        """Read the encoder's table from the first frame of a file, and remove that frame."""
        frame = self._window.peek(found.offsets[number], min(found.sizes[number], _XING_REACH))
        table = read_table(frame, kind)
        if table is None:
            return
        del found.offsets[number], found.sizes[number]
        if number == 0:
            found.declared, found.delay, found.padding = table
        elif found.declared is not None:  # another file joined to the first
            found.declared = None if table.frames is None else found.declared + table.frames
            found.padding = 0

    def _table(self, kind: FrameKind) -> list[int]:
        """Return the frame size for each third byte of a header; 0 for invalid bytes."""
        if kind not in self._tables:
            self._tables[kind] = [frame_size(kind, byte) for byte in range(256)]
        return self._tables[kind]

    def _sizes(self, kind: FrameKind) -> dict[bytes, int]:
        """Return the frame size for each valid first three bytes of a header."""
        table = self._table(kind)
        syncs = (kind.sync, kind.sync & 0xFE)
        return {bytes((0xFF, sync, byte)): size for sync in syncs for byte, size in enumerate(table) if size}

    def _chain(self, position: int, count: int, like: FrameKind | None = None) -> FrameKind | None:
        """Return the kind of frames at a position if `count` or all until the end follow in a row."""
        header = self._window.peek(position, 4)
        kind = FrameKind.of(header)
        if kind is None or (like is not None and kind != like):
            return None
        table = self._table(kind)
        for number in range(count):
            if FrameKind.of(header) != kind or not table[header[2]]:
                return None
            position += table[header[2]]
            if number and self._ends(position):
                return kind
            header = self._window.peek(position, 4)
        return kind

    def _ends(self, position: int) -> bool:
        return position == self._window.size or tag_length(self._window, position) > 0

    def _find(self, position: int, like: FrameKind | None) -> tuple[int, FrameKind | None]:
        """Find the next position with several frames in a row."""
        while (position := self._window.search(_HEADER, position, 3)) >= 0:
            kind = self._chain(position, _CHAIN, like) if like is not None else None
            kind = kind or self._chain(position, _FOREIGN_CHAIN)
            if kind is not None:
                return position, kind
            if like is not None and self._is_last(position, like):
                return position, like
            position += 1
        return self._window.size, None

    def _is_last(self, position: int, kind: FrameKind) -> bool:
        """Whether a single frame at a position is followed by a tag or the end of the file."""
        header = self._window.peek(position, 4)
        return FrameKind.of(header) == kind and self._ends(position + self._table(kind)[header[2]])

    def _is_part(self, rest: bytes, kind: FrameKind) -> bool:
        """Whether the rest of the file is the beginning of a frame."""
        if len(rest) < 4:
            return len(rest) > 1 and rest[0] == 0xFF and rest[1] | 1 == kind.sync
        return FrameKind.of(rest) == kind and len(rest) < self._table(kind)[rest[2]]

    def _skip_tags(self, position: int) -> int:
        while size := tag_length(self._window, position):
            position += size
        return min(position, self._window.size)


class EncoderTable(NamedTuple):
    """Facts about the whole file that an encoder stores in a first frame."""

    frames: int | None
    delay: int = 0
    padding: int = 0


def read_table(frame: bytes, kind: FrameKind) -> EncoderTable | None:
    """Read the encoder's table; None for a frame without one."""
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return EncoderTable(int.from_bytes(frame[50:54], "big"))
    for name in (b"Xing", b"Info"):
        at = frame.find(name, 4, 64)
        if at < 0 or len(frame) < at + 8:
            continue
        flags = frame[at + 7]
        frames = (
            int.from_bytes(frame[at + 8 : at + 12], "big") if flags & 1 and len(frame) >= at + 12 else None
        )
        encoder = at + 8 + 4 * (flags & 1) + 2 * (flags & 2) + 25 * (flags & 4) + (flags & 8) // 2
        if frame[encoder : encoder + 4] not in (b"LAME", b"Lavf", b"Lavc") or len(frame) < encoder + 24:
            return EncoderTable(frames)
        both = int.from_bytes(frame[encoder + 21 : encoder + 24], "big")
        return EncoderTable(frames, both >> 12, both & 0xFFF)
    return None


def frame_size(kind: FrameKind, byte: int) -> int:
    """Return the frame size for a third byte of the header; 0 if it does not fit the kind."""
    bits, padded = bit_rate(kind, byte), byte >> 1 & 1
    if not bits:
        return 0
    if kind.layer == 1:
        return (12 * bits // kind.sample_rate + padded) * 4
    return kind.samples // 8 * bits // kind.sample_rate + padded


def bit_rate(kind: FrameKind, byte: int) -> int:
    """Return the bits per second for a third byte of the header; 0 if it does not fit the kind."""
    index, rate = byte >> 4, byte >> 2 & 3
    if index in (0, 15) or rate != kind.rate_index:
        return 0
    return 1000 * _BITRATES[kind.version == 3, kind.layer][index - 1]


def _note_gap(found: MpegIndex, size: int) -> None:
    if len(found.gaps) < MOST_GAPS:
        found.gaps.append(Gap(len(found.offsets), size))
    found.n_gaps += 1
    found.gap_bytes += size
