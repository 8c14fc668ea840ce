"""Edit the segment of a Matroska file: tags are written where there is room, or at the end.

Parts are found by their distance from the beginning of the segment, so only tags, lists of places (SeekHead)
and gaps (Void) move. See RFC 9559, sections 5 and 6.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Self

from pydantic import JsonValue

from genrelab.audio.containers import ContainerError, ebml
from genrelab.audio.containers.ebml import CLUSTER, SEEK_HEAD, TAGS, VOID
from genrelab.errors import TagError
from genrelab.library.tags.base import copy

_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_LARGEST = 1 << 24  # bytes of tags or a list of places
_LARGEST_GAP = 1 << 20  # larger gaps do not change
_ROOM_FOR_SEEKING = 32  # after a list of places, for one more entry
_REMUX = "Remux it, for example with `mkvmerge -o new.mka old.mka`."


@dataclass(frozen=True, slots=True)
class SegmentPart:
    """A part of a segment: its bytes if it may change, else its place in the file."""

    id: int
    data: bytes | None = None
    place: range = range(0)

    @property
    def size(self) -> int:
        """Size in bytes, including the header."""
        return len(self.place) if self.data is None else len(self.data)

    @property
    def is_gap(self) -> bool:
        """Whether it may be overwritten."""
        return self.id == VOID and self.data is not None


@dataclass(frozen=True, slots=True)
class _Seek:
    """An entry of a list of places."""

    target: bytes
    position: int
    raw: bytes

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        (entry,) = ebml.elements_of(raw)
        fields = {
            part.id: raw[part.start : part.end] for part in ebml.elements_of(raw, entry.start, entry.end)
        }
        return cls(fields.get(_SEEK_ID, b""), int.from_bytes(fields.get(_SEEK_POSITION, b""), "big"), raw)

    @classmethod
    def make(cls, target: bytes, position: int, *, least: int = 1) -> Self:
        length = max(least, (position.bit_length() + 7) // 8)
        fields = (
            ebml.element(_SEEK_ID, target),
            ebml.element(_SEEK_POSITION, position.to_bytes(length, "big")),
        )
        return cls(target, position, ebml.element(_SEEK, b"".join(fields)))

    def moved(self, position: int) -> _Seek:
        """Return the entry for another position, in the same number of bytes if it fits."""
        (entry,) = ebml.elements_of(self.raw)
        lengths = [
            part.end - part.start
            for part in ebml.elements_of(self.raw, entry.start, entry.end)
            if part.id == _SEEK_POSITION
        ]
        return _Seek.make(self.target, position, least=max(lengths, default=1))


_TAGS_ID = TAGS.to_bytes(4, "big")


class Segment:
    """The parts of the first segment of a file.

    Raises
    ------
    TagError
        If it cannot be changed without loss.
    ContainerError
        If it is damaged.
    """

    def __init__(self, file: BinaryIO) -> None:
        found = ebml.find_segment(file)
        if not found.known:
            raise TagError(
                f"is a live recording without a stated length. {_REMUX}", code="tag-live-recording"
            )
        self._head, self._end = found.start, found.end
        self._size_length = found.start - found.at - 4
        self.parts = [self._read(file, part) for part in ebml.elements_in(file, found.start, found.end)]
        self._unlisted = set(self._tags_at()) - self._listed()  # these need no entries

    @staticmethod
    def _read(file: BinaryIO, part: ebml.Element) -> SegmentPart:
        if part.id == ebml.CRC:
            raise TagError(f"has one checksum over the whole segment. {_REMUX}", code="tag-segment-checksum")
        if part.id not in ebml.SEGMENT_PARTS:
            raise ContainerError(f"an unknown part {part.id:X}")
        if not part.known:
            raise TagError(
                f"is a live recording without stated lengths. {_REMUX}",
                code="tag-live-recording",
            )
        size = part.end - part.at
        if part.id in (TAGS, SEEK_HEAD) and size > _LARGEST:
            raise TagError("has more than 16 MiB of tags. Remove some of them.", code="tag-too-large")
        if part.id in (TAGS, SEEK_HEAD) or (part.id == VOID and size <= _LARGEST_GAP):
            file.seek(part.at)
            return SegmentPart(part.id, file.read(size))
        return SegmentPart(part.id, place=range(part.at, part.end))

    def _tags_at(self) -> list[int]:
        return [start for start, part in zip(self.starts(), self.parts, strict=False) if part.id == TAGS]

    def _listed(self) -> set[int]:
        """Return the positions of tags in the lists of places."""
        seeks = [seek for part in self.parts if part.id == SEEK_HEAD for seek in _entries(part)[1]]
        return {seek.position for seek in seeks if seek.target == _TAGS_ID}

    def starts(self) -> list[int]:
        """Return the offset of each part in the segment, and the end."""
        starts = [0]
        for part in self.parts:
            starts.append(starts[-1] + part.size)
        return starts

    def replace(self, number: int, new: bytes) -> None:
        """Replace a part: in place if there is room, else elsewhere; empty bytes remove it."""
        stop = self._gaps_end(number + 1)
        room = sum(part.size for part in self.parts[number:stop])
        filled = _fill(new, room) if new else [ebml.void(room)]
        if stop == len(self.parts) and (not new or not filled):
            filled = [new] if new else []
        if filled is None:
            self.parts[number:stop] = [_part(ebml.void(room))]
            self.add(new)
        else:
            self.parts[number:stop] = map(_part, filled)

    def add(self, new: bytes) -> None:
        """Add a part in a gap before the sound, or at the end."""
        for number, part in enumerate(self.parts):
            if part.id == CLUSTER:
                break
            before = self.parts[number - 1].id if number else None
            room = part.size - (_ROOM_FOR_SEEKING if before == SEEK_HEAD else 0)
            if part.is_gap and len(new) + 2 <= room:
                self.parts[number : number + 1] = map(_part, _fill(new, part.size) or ())
                return
        self.parts.append(_part(new))

    def _gaps_end(self, number: int) -> int:
        while number < len(self.parts) and self.parts[number].is_gap:
            number += 1
        return number

    def point_to_tags(self) -> None:
        """Update the lists of places: players find tags after the sound only through them.

        Raises
        ------
        TagError
            If there is no room for an entry.
        """
        places, starts = self._tags_at(), self.starts()
        clusters = (at for at, part in zip(starts, self.parts, strict=False) if part.id == CLUSTER)
        sound = next(clusters, starts[-1])
        lists = {number: _entries(part)[1] for number, part in enumerate(self.parts) if part.id == SEEK_HEAD}
        wanted = sorted(set(places) - self._listed() - self._unlisted, reverse=True)
        for number, seeks in lists.items():
            lists[number] = list(_pointed(seeks, places, wanted))
        missing = [place for place in wanted if place > sound]
        if missing and not lists:
            raise TagError(
                f"has no list of parts, and no room before the sound. {_REMUX}", code="tag-no-room"
            )
        if missing:
            lists[min(lists)] += [_Seek.make(_TAGS_ID, place) for place in missing]
        for number in sorted(lists, reverse=True):
            self._put_list(number, lists[number])

    def _put_list(self, number: int, seeks: list[_Seek]) -> None:
        part = self.parts[number]
        crc, before = _entries(part)
        if seeks == before:
            return
        assert part.data is not None
        (head,) = ebml.elements_of(part.data)
        new = ebml.master(SEEK_HEAD, [seek.raw for seek in seeks], crc=crc, size_length=head.start - 4)
        stop = self._gaps_end(number + 1)
        filled = _fill(new, sum(part.size for part in self.parts[number:stop]))
        if filled is None and stop == len(self.parts):
            filled = [new]
        if filled is None:
            raise TagError(f"has no room in the list of its parts. {_REMUX}", code="tag-no-room")
        self.parts[number:stop] = map(_part, filled)

    def seeks(self) -> list[tuple[bytes, int]]:
        """Return the entries of the lists of places, except those for tags."""
        seeks = [seek for part in self.parts if part.id == SEEK_HEAD for seek in _entries(part)[1]]
        return [(seek.target, seek.position) for seek in seeks if seek.target != _TAGS_ID]

    def kept(self) -> list[tuple[int, int, int]]:
        """Return id, offset and size of each part that does not move."""
        return [
            (part.id, start, part.size)
            for start, part in zip(self.starts(), self.parts, strict=False)
            if part.data is None
        ]

    def snapshot(self) -> dict[str, JsonValue]:
        """Return the parts that may change, and a hash of the places of the others."""
        parts = zip(self.starts(), self.parts, strict=False)
        changing: list[JsonValue] = [
            [start, zlib.compress(part.data).hex()] for start, part in parts if part.data is not None
        ]
        return {"parts": changing, "kept": self._hash_of_kept()}

    def _hash_of_kept(self) -> str:
        return hashlib.sha256(repr(self.kept()).encode()).hexdigest()

    def restored(self, snapshot: Any) -> list[SegmentPart] | None:
        """Return the parts of a snapshot if all other parts have the same places."""
        if snapshot["kept"] != self._hash_of_kept():
            return None
        placed = {start: _part(_unpacked(bytes.fromhex(data))) for start, data in snapshot["parts"]}
        starts = self.starts()
        placed |= {start: part for start, part in zip(starts, self.parts, strict=False) if part.data is None}
        parts, at = [], 0
        for start, part in sorted(placed.items()):
            if start != at or (part.data is not None and part.id not in (TAGS, SEEK_HEAD, VOID)):
                return None
            parts.append(part)
            at += part.size
        return parts

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file with the current parts."""
        copy(source, draft, 0, self._head - self._size_length)
        draft.write(ebml.size_bytes(self.starts()[-1], self._size_length))
        for part in self.parts:
            if part.data is None:
                copy(source, draft, part.place.start, part.place.stop)
            else:
                draft.write(part.data)
        copy(source, draft, self._end)


def _part(data: bytes) -> SegmentPart:
    (found,) = ebml.elements_of(data)
    return SegmentPart(found.id, data)


def _unpacked(data: bytes) -> bytes:
    return zlib.decompressobj().decompress(data, _LARGEST)


def _fill(new: bytes, room: int) -> list[bytes] | None:
    """Return an element and a gap that together fill `room` bytes; None if there is not enough room."""
    left = room - len(new)
    if left == 1:  # a gap has at least 2 bytes: encode the size in one byte more or less
        (found,) = ebml.elements_of(new)
        length = found.start - 4
        new = ebml.element(found.id, new[found.start :], length + 1 if length < 8 else length - 1)
        left = room - len(new)
    if left < 0:
        return None
    return [new, ebml.void(left)] if left else [new]


def _entries(part: SegmentPart) -> tuple[bool, list[_Seek]]:
    """Return whether a list of places has a checksum, and its entries."""
    assert part.data is not None
    (head,) = ebml.elements_of(part.data)
    crc, content = ebml.split_crc(part.data[head.start :])
    seeks = [content[seek.at : seek.end] for seek in ebml.elements_of(content)]
    return crc, [_Seek.parse(raw) if raw.startswith(b"\x4d\xbb") else _Seek(b"", 0, raw) for raw in seeks]


def _pointed(seeks: list[_Seek], places: list[int], wanted: list[int]) -> Iterator[_Seek]:
    """Yield the entries; redirect those for tags that are gone to wanted ones."""
    for seek in seeks:
        if seek.target != _TAGS_ID or seek.position in places:
            yield seek
        elif wanted:
            yield seek.moved(wanted.pop(0))
