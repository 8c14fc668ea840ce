"""MPEG audio of which each read costs a request: frames found by computation, not by a walk over the file.

With a constant bit rate, every frame has its computed place, up to the rounding of the padding byte. The
first and the last frame, the encoder's count of frames and every frame that is read must agree. With a
variable bit rate, the table of a VBRI header gives exact places. That of a Xing header gives 256ths of the
file: it is used only on request, because a position may be wrong by about a second. Whatever does not agree
is left to `genrelab.audio.containers.mpeg.index_mpeg`, which reads the whole file.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, BinaryIO, NamedTuple, overload

from genrelab.audio.containers.mpeg import (
    EncoderTable,
    FrameKind,
    MpegIndex,
    bit_rate,
    frame_size,
    read_table,
)
from genrelab.audio.containers.outer_tags import tag_length, tail_start
from genrelab.audio.containers.window import FileWindow, RangedFile, ReadableFile

_SHORTEST = 100  # frames; a shorter file is read whole anyway
_ROUNDING = 2  # bytes by which a frame may be beside its computed place
_CHAIN = 4  # frames in a row that tell frames from other bytes
_LONGEST_FRAME = 2881  # bytes
_LAST = 150  # frames at the end that are numbered from there
_BEFORE = 16  # frames in front of a wanted one, which an exact decoding needs


class MisplacedFrameError(Exception):
    """A frame is not where it should be: positions cannot be computed for this file."""


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where the sound of a file is, and what its header says."""

    file: BinaryIO
    kind: FrameKind
    channels: int
    begin: int
    end: int
    table: EncoderTable | None
    head: bytes  # the frame with the table

    def size_at(self, at: int) -> int:
        """Return the size of the frame at an offset; 0 if there is none of this kind."""
        if not self.begin <= at <= self.end - 4:
            return 0
        self.file.seek(at)
        header = self.file.read(4)
        return frame_size(self.kind, header[2]) if FrameKind.of(header) == self.kind else 0

    def is_frame(self, at: int, count: int = 2) -> bool:
        """Whether `count` frames in a row, or all until the end, begin at an offset."""
        for number in range(count):
            size = self.size_at(at)
            if not size:
                return number > 0 and at == self.end
            at += size
        return True


class _Place(NamedTuple):
    """The number of a frame and where it begins."""

    frame: int
    at: int


class _Frames:
    """Finds frames, and remembers those that it found.

    Parameters
    ----------
    layout : _Layout
    count : int > 0
        Frames of the file.
    find : callable
        Takes the number of a frame; returns the place of it, or of one before it.
    """

    def __init__(self, layout: _Layout, count: int, find: Callable[[int], _Place]) -> None:
        self.count = count
        self._layout = layout
        self._find = find
        self._known: dict[int, tuple[int, int]] = {}

    def at(self, number: int) -> tuple[int, int]:
        """Return offset and size of a frame.

        Raises
        ------
        MisplacedFrameError
            If it is not where it should be.
        """
        known = self._known.get(number)
        if known is not None:
            return known
        before = self._known.get(number - 1)
        frame, at = (number, sum(before)) if before else self._find(number)
        while True:
            size = self._layout.size_at(at)
            if not size or at + size > self._layout.end:
                raise MisplacedFrameError
            self._known[frame] = at, size
            if frame == number:
                return at, size
            frame, at = frame + 1, at + size


class _Column(Sequence[int]):
    """Offsets or sizes of the frames, as `MpegIndex` has them."""

    def __init__(self, frames: _Frames, which: int) -> None:
        self._frames = frames
        self._which = which

    def __len__(self) -> int:
        return self._frames.count

    @overload
    def __getitem__(self, number: int) -> int: ...

    @overload
    def __getitem__(self, number: slice) -> list[int]: ...

    def __getitem__(self, number: int | slice) -> int | list[int]:
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        if not -len(self) <= number < len(self):
            raise IndexError(number)
        return self._frames.at(number % len(self))[self._which]


def index_spaced(path: ReadableFile) -> MpegIndex | None:
    """Index an MPEG audio file without reading all of it.

    Parameters
    ----------
    path : ReadableFile
        Its frames are read through a handle of their own, which lives as long as the index.

    Returns
    -------
    MpegIndex or None
        Equal to that of `index_mpeg`, except that `offsets` and `sizes` find frames when they are asked for,
        which may raise a `MisplacedFrameError`. None for another format, and for a file whose frames must be
        walked.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    file = path.open("rb")
    layout = _survey(file)
    frames = None
    if layout is not None:
        approximate = isinstance(path, RangedFile) and path.approximate
        frames = _constant(layout) or _by_vbri(layout) or (_by_xing(layout) if approximate else None)
    if layout is None or frames is None:
        file.close()
        return None
    offsets: Any = _Column(frames, 0)  # read as the array is
    sizes: Any = _Column(frames, 1)
    found = MpegIndex(layout.kind, layout.channels, offsets, sizes)
    if layout.table is not None:
        found.declared, found.delay, found.padding = layout.table
    return found


def _survey(file: BinaryIO) -> _Layout | None:
    window = FileWindow(file)
    begin = 0
    while size := tag_length(window, begin):
        begin += size
    header = window.peek(begin, 4)
    kind = FrameKind.of(header)
    if kind is None or kind.layer == 1:
        return None
    first = frame_size(kind, header[2])
    end = tail_start(file, begin)
    layout = _Layout(file, kind, 1 if header[3] >> 6 == 3 else 2, begin, end, None, b"")
    if not first or not layout.is_frame(begin, 3):
        return None
    head = window.peek(begin, first)
    table = read_table(head[:200], kind)
    begin += 0 if table is None else first
    header = window.peek(begin, 4)
    channels = 1 if window.peek(layout.begin, 4)[3] >> 6 == 3 else 2
    return _Layout(file, kind, channels, begin, end, table, head)


def _declared_is(layout: _Layout, count: int) -> bool:
    table = layout.table
    return count >= _SHORTEST and (table is None or table.frames is None or table.frames == count)


def _constant(layout: _Layout) -> _Frames | None:
    """Return the frames of a file of constant bit rate; None if it has another, or is cut off."""
    kind, file = layout.kind, layout.file
    file.seek(layout.begin)
    byte = file.read(4)[2]
    unpadded = frame_size(kind, byte & ~2)
    mean = _mean_size(kind, byte)
    if not unpadded or not mean:
        return None
    count = round((layout.end - layout.begin) / mean)
    if not _declared_is(layout, count):
        return None

    def find(number: int) -> _Place:
        place = layout.begin + int(number * mean)
        for at in sorted(range(place - _ROUNDING, place + _ROUNDING + 1), key=lambda at: abs(at - place)):
            if layout.size_at(at) in (unpadded, unpadded + 1) and layout.is_frame(at):
                return _Place(number, at)
        raise MisplacedFrameError

    frames = _Frames(layout, count, find)
    try:
        at, size = frames.at(count - 1)
        for quarter in (1, 2, 3):
            frames.at(count * quarter // 4)
    except MisplacedFrameError:
        return None
    return frames if at + size == layout.end else None


def _mean_size(kind: FrameKind, byte: int) -> Fraction:
    """Return the mean size of the frames of a constant bit rate, by the third byte of a header."""
    return Fraction(kind.samples // 8 * bit_rate(kind, byte), kind.sample_rate)


def _by_vbri(layout: _Layout) -> _Frames | None:
    """Return the frames of a file with a VBRI table whose entries are exact; None otherwise."""
    head, table = layout.head, layout.table
    if table is None or table.frames is None or head[36:40] != b"VBRI" or len(head) < 62:
        return None
    entries, scale, width, step = (int.from_bytes(head[at : at + 2], "big") for at in (54, 56, 58, 60))
    sizes = head[62 : 62 + entries * width]
    if width not in (1, 2, 3, 4) or not step or not entries or len(sizes) < entries * width:
        return None
    places = array("Q", [layout.begin])
    for number in range(entries):
        size = int.from_bytes(sizes[number * width : (number + 1) * width], "big") * scale
        places.append(places[-1] + size)
    if not _declared_is(layout, table.frames) or places[-1] != layout.end or scale != 1:
        return None

    def find(number: int) -> _Place:
        entry = min(max(0, number - _BEFORE) // step, entries - 1)
        return _Place(entry * step, places[entry])

    return _checked(layout, table.frames, find)


def _by_xing(layout: _Layout) -> _Frames | None:
    """Return the frames of a file with a Xing table, whose places are rounded; None without a table."""
    table = layout.table
    at = max(layout.head.find(name, 4, 64) for name in (b"Xing", b"Info"))
    if table is None or not table.frames or at < 0 or not _declared_is(layout, table.frames):
        return None
    flags = layout.head[at + 7] if len(layout.head) > at + 7 else 0
    start = at + 8 + 4 * (flags & 1) + 2 * (flags & 2)
    marks = layout.head[start : start + 100]
    if not flags & 4 or len(marks) < 100 or list(marks) != sorted(marks):
        return None
    count, span = table.frames, layout.end - layout.begin
    last: list[int] = []  # offsets of the last frames, whose numbers count from the end

    def find(number: int) -> _Place:
        number = max(0, number - _BEFORE)
        if number == 0:
            return _Place(0, layout.begin)
        if number >= count - _LAST:
            if not last:
                last.extend(_frames_from(layout, near(count - 2 * _LAST)))
            if number >= count - len(last):
                return _Place(count - len(last), last[0])
        return _Place(number, near(number))

    def near(number: int) -> int:
        percent, rest = divmod(100 * number / count, 1)
        low = marks[int(percent)]
        high = marks[int(percent) + 1] if percent < 99 else 256
        place = layout.begin + int((low + rest * (high - low)) / 256 * span)
        for at in range(place, min(place + 2 * _LONGEST_FRAME, layout.end)):
            if layout.size_at(at) and layout.is_frame(at, _CHAIN):
                return at
        raise MisplacedFrameError

    return _checked(layout, count, find)


def _frames_from(layout: _Layout, at: int) -> list[int]:
    """Return the offsets of all frames from one to the end."""
    found: list[int] = []
    while at < layout.end:
        size = layout.size_at(at)
        if not size:
            raise MisplacedFrameError
        found.append(at)
        at += size
    return found


def _checked(layout: _Layout, count: int, find: Callable[[int], _Place]) -> _Frames | None:
    frames = _Frames(layout, count, find)
    try:
        frames.at(0)
    except MisplacedFrameError:
        return None
    return frames
