"""MPEG audio: ID3v2 in front, ID3v1 at the end; APEv2 and Lyrics3 do not change."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

import mutagen.apev2

from genrelab.audio.containers.outer_tags import ID3V1_SIZE, has_id3v1, id3_size, tail_start
from genrelab.library.tags.base import FileTag, Snapshot, copy
from genrelab.library.tags.entries import FIELDS, GENRE, Field, Fields
from genrelab.library.tags.entries.id3 import Id3, frames_of_id3v1, id3v1_genre, id3v1_number


class MpegTag(FileTag):
    """The tags of MPEG audio.

    A new ID3v2 tag copies the values of ID3v1, because players that find it ignore ID3v1. The genre in ID3v1
    is a number: that of the first genre with one.
    """

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields)
        self._head = id3_size(file)
        file.seek(0)
        head = file.read(self._head)
        file.seek(tail_start(file, self._head))
        self._tail = file.read()
        self._v1 = self._tail[-ID3V1_SIZE:] if has_id3v1(file) else None
        self._id3 = Id3.parse(head) if head else Id3(frames=self._frames_of_v1())
        self._id3.fields = fields
        self._ape = _values_of_ape(file)

    def _frames_of_v1(self) -> list[bytes]:
        return frames_of_id3v1(self._v1) if self._v1 else []

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in ID3v2, else in APEv2, else in ID3v1."""
        return self._of_id3(field) or self.beside(field) or self._of_v1(field)

    def beside(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in APEv2."""
        return self._ape.get(field, ())

    def everywhere(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in all three."""
        return (*self._of_id3(field), *self.beside(field), *self._of_v1(field))

    def _of_id3(self, field: Field) -> tuple[str, ...]:
        return self._id3.values(field, itunes=self.itunes_grouping) if self._id3.present else ()

    def _of_v1(self, field: Field) -> tuple[str, ...]:
        return id3v1_genre(self._v1[-1]) if self._v1 and field == "genre" else ()

    def snapshot(self) -> Snapshot:
        """Return the frames, the size and version of ID3v2, and the genre's number in ID3v1."""
        return {**self._id3.snapshot_tag(), "id3v1": self._v1[-1] if self._v1 else None}

    def others(self) -> Any:
        """Return all other frames, and the tags at the end, without ID3v1's genre if it may change."""
        changes = self._v1 and "genre" in self.fields
        return self._id3.other_entries(), self._tail[:-1] if changes else self._tail

    def stored(self, values: Sequence[str], field: Field = "genre") -> tuple[str, ...]:
        """Return the value of a field after `set`."""
        return self._id3.stored(values, self.id3v23_separator)

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field in ID3v2, and the genre in ID3v1."""
        separator = self.id3v23_separator
        self._id3.set_values(values, field, separator=separator, itunes=self.itunes_grouping)
        self._id3.present = True
        if field == "genre":
            self._set_number(id3v1_number(values))

    def restore(self, snapshot: Snapshot) -> None:
        """Restore everything; remove a tag that was absent unless it has other frames now."""
        version = snapshot["id3v2"]
        self._id3.restore_tag(version and {**snapshot, "version": version}, self._frames_of_v1())
        if "genre" in self.fields and isinstance(number := snapshot["id3v1"], int):
            self._set_number(number)

    def _set_number(self, number: int) -> None:
        if self._v1:
            self._v1 = self._v1[:-1] + bytes([number])
            self._tail = self._tail[:-1] + bytes([number])

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; the sound is copied."""
        if self._id3.present:
            draft.write(self._id3.render())
        copy(source, draft, self._head)
        draft.seek(-len(self._tail), io.SEEK_END)
        draft.write(self._tail)


def _values_of_ape(file: BinaryIO) -> dict[Field, tuple[str, ...]]:
    try:
        found = mutagen.apev2.APEv2(file)
    except mutagen.MutagenError:  # none, or an unreadable one
        return {}
    values = {field: found.get(field) for field in FIELDS}  # in any case
    return {
        field: tuple(value)
        for field, value in values.items()
        if isinstance(value, mutagen.apev2.APETextValue)
    }
