"""Matroska and WebM: the SimpleTags `GENRE` and `MOOD` of Tags for the whole file; all others stay.

See RFC 9559, section 5.1.8, and the registered names of Matroska tags, which have no grouping. Each value is
a SimpleTag. One for the only sound track counts for the file.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, ClassVar, Self

from genrelab.audio.containers import ContainerError, ebml
from genrelab.audio.containers.ebml import CLUSTER, EBML, TAGS, TRACKS
from genrelab.errors import TagError
from genrelab.library.hashing import sha256_of
from genrelab.library.tags.base import FileTag, Snapshot
from genrelab.library.tags.entries import GENRE, Field, Fields
from genrelab.library.tags.segment import Segment, SegmentPart

_DOC_TYPE = 0x4282
_TRACK, _TRACK_UID, _TRACK_TYPE, _SOUND = 0xAE, 0x73C5, 0x83, 2
_TAG, _TARGETS, _SIMPLE, _NAME, _STRING = 0x7373, 0x63C0, 0x67C8, 0x45A3, 0x4487
_TARGET_TYPE, _TARGET_LEVEL = 0x63CA, 0x68CA
_ALBUM, _SONG = 50, 30
_ALBUM_TARGETS = ebml.element(_TARGETS, ebml.element(_TARGET_LEVEL, bytes([_ALBUM])))
_TARGET_TRACK, _OTHER_TARGETS = 0x63C5, (0x63C9, 0x63C4, 0x63C6)  # editions, chapters, attachments
_LARGEST_TRACKS = 1 << 24
_NAMES: dict[Field, str] = {"genre": "GENRE", "mood": "MOOD"}
_FIELDS = {name: field for field, name in _NAMES.items()}


@dataclass(slots=True)
class _Master:
    """An element with child elements.

    Attributes
    ----------
    id : int
    crc : bool
        Whether it has a checksum.
    parts : list of bytes or _Master
        The children; in `Tags`, each `Tag` is parsed too.
    size_length : int or None
        Bytes of the encoded size.
    """

    id: int
    crc: bool
    parts: list[Any]
    size_length: int | None = None

    @classmethod
    def parse(cls, data: bytes) -> Self:
        (outer,) = ebml.elements_of(data)
        crc, content = ebml.split_crc(data[outer.start :])
        parts: list[Any] = [content[part.at : part.end] for part in ebml.elements_of(content)]
        if outer.id == TAGS:
            parts = [cls.parse(part) if part.startswith(b"\x73\x73") else part for part in parts]
        return cls(outer.id, crc, parts, outer.start - (outer.id.bit_length() + 7) // 8)

    def render(self) -> bytes:
        parts = [part.render() if isinstance(part, _Master) else part for part in self.parts]
        try:
            return ebml.master(self.id, parts, crc=self.crc, size_length=self.size_length)
        except ContainerError:  # the size needs more bytes
            return ebml.master(self.id, parts, crc=self.crc)

    @property
    def tags(self) -> list[_Master]:
        """The tags among the parts."""
        return [part for part in self.parts if isinstance(part, _Master)]

    def targets(self) -> bytes:
        """Return the targets of a tag."""
        return b"".join(part for part in self.parts if part.startswith(b"\x63\xc0"))

    def numbers(self, id: int) -> list[int]:
        """Return the numbers of one kind among a tag's targets, without 0, which means all."""
        fields = _fields(self.targets()) if self.targets() else []
        values = [int.from_bytes(content, "big") for found, content in fields if found == id]
        return [value for value in values if value]

    def holds_values(self) -> bool:
        """Whether a tag has any values."""
        return any(part.startswith(b"\x67\xc8") for part in self.parts)


class MatroskaTag(FileTag):
    """The tags of a Matroska or WebM file."""

    without: ClassVar[frozenset[Field]] = frozenset(("grouping",))

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields)
        with _damage():
            _check_kind(file)
            self._segment = Segment(file)
            self._read_tags()
            self._track = _only_sound_track(file, self._segment)
        self._hashes = [
            sha256_of(file, part.place.start, part.place.stop)
            for part in self._segment.parts
            if part.data is None and part.id != CLUSTER
        ]

    def _read_tags(self) -> None:
        parts = [part for part in self._segment.parts if part.id == TAGS]
        self._elements: list[tuple[SegmentPart | None, _Master]] = [
            (part, _Master.parse(part.data)) for part in parts if part.data is not None
        ]

    def _tags(self) -> list[_Master]:
        """Return the tags for the whole file."""
        return [tag for _, element in self._elements for tag in element.tags if self._is_for_file(tag)]

    def _is_for_file(self, tag: _Master) -> bool:
        tracks = set(tag.numbers(_TARGET_TRACK))
        return not any(tag.numbers(id) for id in _OTHER_TARGETS) and tracks <= self._track

    def _changes(self, part: bytes) -> bool:
        """Whether a value of a tag for the whole file may change."""
        return _field_of(part) in self.fields

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field for the file, else for its only sound track."""
        found: dict[bool, list[str]] = {False: [], True: []}
        for tag in self._tags():
            texts = [text for part in tag.parts if _field_of(part) == field for text in _texts(part, _STRING)]
            found[bool(tag.numbers(_TARGET_TRACK))] += texts
        whole, track = ([text for text in found[key] if text.strip()] for key in (False, True))
        return tuple(whole or track)

    def pairs(self) -> list[tuple[str, str]]:
        """Return name and text of each value for the file or its only sound track."""
        parts = (part for tag in self._tags() for part in tag.parts if part.startswith(b"\x67\xc8"))
        both = ((_texts(part, _NAME), _texts(part, _STRING)) for part in parts)
        return [pair for names, texts in both for pair in zip(names, texts, strict=False)]

    def snapshot(self) -> Snapshot:
        """Return the fields' elements with targets and places, and the parts that may change."""
        values: list[Any] = [
            [tag.targets().hex(), number, part.hex()]
            for tag in self._tags()
            for number, part in enumerate(tag.parts)
            if self._changes(part)
        ]
        return {"genres": values, "segment": self._segment.snapshot()}

    def others(self) -> Any:
        """Return all other tags, and the places of other parts with a hash of each except sound."""
        tags = []
        for _, element in self._elements:
            for tag in element.tags:
                of_file = self._is_for_file(tag)
                kept = [part for part in tag.parts if not (of_file and self._changes(part))]
                if any(part.startswith(b"\x67\xc8") for part in kept):
                    tags.append(kept)
        return tags, self._segment.kept(), self._segment.seeks(), self._hashes

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field, else add them to a tag for the file, else to a new tag."""
        with _damage():
            home = next((tag for tag in self._tags() if field in map(_field_of, tag.parts)), None)
            place = [_field_of(part) for part in home.parts].index(field) if home else None
            self._drop((field,))
            home = home or next(filter(_takes_values, self._tags()), None)
            if values:
                home = home or self._new_tag(_ALBUM_TARGETS)
                place = len(home.parts) if place is None else place
                home.parts[place:place] = [_simple(_NAMES[field], value) for value in values]
            self._lay_out()

    def restore(self, snapshot: Snapshot) -> None:
        """Restore all bytes if nothing else has changed since, else only the fields."""
        placed: Any = snapshot["genres"]
        with _damage():
            if self._restore_bytes(snapshot["segment"]):
                return
            self._drop(self.fields)
            for targets, number, value in placed:
                wanted = bytes.fromhex(targets)
                home = next((tag for tag in self._tags() if tag.targets() == wanted), None)
                home = home or self._new_tag(wanted)
                home.parts.insert(number, bytes.fromhex(value))
            self._lay_out()

    def _restore_bytes(self, snapshot: Any) -> bool:
        before, elements, others = self._segment.parts, self._elements, self.others()
        try:
            self._segment.parts = self._segment.restored(snapshot) or before
            self._read_tags()
            if self._segment.parts is not before and self.others() == others:
                return True
        except (ValueError, zlib.error):  # not a valid snapshot
            pass
        self._segment.parts, self._elements = before, elements
        return False

    def _drop(self, fields: Fields) -> None:
        for tag in self._tags():
            tag.parts = [part for part in tag.parts if _field_of(part) not in fields]

    def _new_tag(self, targets: bytes) -> _Master:
        if not self._elements:
            self._elements.append((None, _Master(TAGS, False, [])))
        tag = _Master(_TAG, False, [targets] if targets else [])
        self._elements[0][1].parts.append(tag)
        return tag

    def _lay_out(self) -> None:
        """Update the parts of the segment from the tags."""
        for part, element in self._elements:
            if part is not None and element.render() == part.data:
                continue
            element.parts = [part for part in element.parts if isinstance(part, bytes) or part.holds_values()]
            new = element.render() if element.tags else b""
            if part is None:
                self._segment.add(new)
            else:
                self._segment.replace([each is part for each in self._segment.parts].index(True), new)
        self._segment.point_to_tags()
        self._read_tags()

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; everything except tags, lists of places and gaps is copied."""
        with _damage():
            self._segment.write(source, draft)


def _fields(data: bytes) -> list[tuple[int, bytes]]:
    """Return id and content of each child element."""
    (outer,) = ebml.elements_of(data)
    return [(part.id, data[part.start : part.end]) for part in ebml.elements_of(data, outer.start, outer.end)]


def _texts(data: bytes, id: int) -> list[str]:
    values = [content for found, content in _fields(data) if found == id]
    return [value.rstrip(b"\0").decode("utf-8", "replace") for value in values]


def _field_of(part: bytes) -> Field | None:
    names = _texts(part, _NAME) if part.startswith(b"\x67\xc8") else []
    return _FIELDS.get(names[0].upper()) if len(names) == 1 else None


def _simple(name: str, value: str) -> bytes:
    parts = [ebml.element(_NAME, name.encode()), ebml.element(_STRING, value.encode())]
    return ebml.master(_SIMPLE, parts, crc=False)


def _takes_values(tag: _Master) -> bool:
    """Whether players apply the values of a tag to the file."""
    fields = dict(_fields(tag.targets())) if tag.targets() else {}
    level = int.from_bytes(fields.get(_TARGET_LEVEL, bytes([_ALBUM])), "big")
    return _TARGET_TYPE not in fields and not tag.numbers(_TARGET_TRACK) and level in (_ALBUM, _SONG)


def _check_kind(file: BinaryIO) -> None:
    head = next(ebml.elements_in(file, 0, file.seek(0, 2)))
    file.seek(0)
    kinds = _texts(file.read(min(head.end, 1 << 16)), _DOC_TYPE) if head.id == EBML else []
    if kinds not in (["matroska"], ["webm"]):
        raise TagError(
            "is neither Matroska nor WebM: unknown tags.",
            code="tag-format-unsupported",
        )


def _only_sound_track(file: BinaryIO, segment: Segment) -> set[int]:
    """Return the UID of the sound track if there is only one."""
    sounds = []
    for part in segment.parts:
        if part.id == TRACKS and part.size <= _LARGEST_TRACKS:
            file.seek(part.place.start)
            _, content = ebml.split_crc(_fields_of_master(file.read(part.size)))
            for entry in ebml.elements_of(content):
                fields = dict(_fields(content[entry.at : entry.end])) if entry.id == _TRACK else {}
                if int.from_bytes(fields.get(_TRACK_TYPE, b""), "big") == _SOUND:
                    sounds.append(int.from_bytes(fields.get(_TRACK_UID, b""), "big"))
    return set(sounds) if len(sounds) == 1 else set()


def _fields_of_master(data: bytes) -> bytes:
    (outer,) = ebml.elements_of(data)
    return data[outer.start :]


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except ContainerError as error:
        raise TagError(
            f"is damaged or cut off ({error}). Get the file again, or remux it.", code="tag-damaged"
        ) from error
