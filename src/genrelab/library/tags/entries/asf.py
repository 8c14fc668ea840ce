"""Attributes in an object of an ASF header.

See the ASF specification, sections 3.11 (Extended Content Description Object), 4.7 (Metadata Object) and 4.8
(Metadata Library Object).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from genrelab.errors import TagError
from genrelab.library.tags.entries import Entries, Field

DAMAGED = "has a damaged ASF header. Get the file again, or encode it again."

_KEYS: dict[Field, str] = {"genre": "WM/Genre", "mood": "WM/Mood", "grouping": "WM/ContentGroupDescription"}
_FIELDS = {key.casefold(): field for field, key in _KEYS.items()}
_FIELDS |= {"genre": "genre", "mood": "mood", "grouping": "grouping"}  # FFmpeg shows these, too, in any case
_TEXT, _BYTES = 0, 1  # types of values; the others are integers, except GUIDs
_LARGEST = 0xFFFF  # bytes of a value outside the Metadata Library


class Attributes(Entries):
    """The attributes of one object.

    Parameters
    ----------
    guid : bytes [16]
        The GUID of the object.
    data : bytes or None
        Its content; None if the file has no such object.
    long : bool
        Whether each attribute has a language, a stream and a size in 4 bytes.
    """

    def __init__(self, guid: bytes, data: bytes | None, *, long: bool) -> None:
        self._guid = guid
        self._long = long
        self.present = data is not None
        self.entries: list[bytes] = []
        self._rest = b""
        if data is not None:
            self._parse(data)

    def _parse(self, data: bytes) -> None:
        try:
            (count,) = struct.unpack_from("<H", data)
            at = 2
            for _ in range(count):
                *_, end = self._layout(data, at)
                self.entries.append(data[at:end])
                at = end
        except struct.error as error:
            raise TagError(DAMAGED, code="tag-damaged") from error
        if at > len(data):
            raise TagError(DAMAGED, code="tag-damaged")
        self._rest = data[at:]

    def _layout(self, data: bytes, at: int = 0) -> tuple[bytes, int, int, int]:
        """Return name and type of the attribute at an offset, and the start and end of its value."""
        if self._long:
            _, _, name, kind, size = struct.unpack_from("<HHHHI", data, at)
            begin = at + 12 + name
            return data[at + 12 : begin], kind, begin, begin + size
        (name,) = struct.unpack_from("<H", data, at)
        kind, size = struct.unpack_from("<HH", data, at + 2 + name)
        begin = at + 6 + name
        return data[at + 2 : at + 2 + name], kind, begin, begin + size

    def field_of(self, entry: bytes) -> Field | None:
        """Return the field whose name an attribute has, in any case."""
        name, *_ = self._layout(entry)
        return _FIELDS.get(_decode(name).casefold())

    def values(self, field: Field = "genre") -> tuple[str, ...]:
        """Return the values of a field."""
        found = []
        for entry in self.of(field):
            _, kind, begin, end = self._layout(entry)
            if kind == _TEXT:
                found.append(_decode(entry[begin:end]))
            elif kind != _BYTES and end - begin <= 8:
                found.append(str(int.from_bytes(entry[begin:end], "little")))
        return tuple(found)

    def others(self) -> Any:
        """Return everything else."""
        return self.other_entries(), self._rest

    def set_values(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field, or append them."""
        self._put([self._entry(value, field) for value in values], field)

    def _put(self, entries: Sequence[bytes], field: Field) -> None:
        self.put(field, entries, len(self.entries))
        self.present = self.present or bool(entries)

    def _entry(self, text: str, field: Field, language: int = 0, stream: int = 0) -> bytes:
        name, value = ((part + "\0").encode("utf-16-le") for part in (_KEYS[field], text))
        if len(value) > _LARGEST:
            raise TagError(f"cannot hold a {field} as long as this one.", code="tag-genre-too-long")
        if self._long:
            return struct.pack("<HHHHI", language, stream, len(name), _TEXT, len(value)) + name + value
        return struct.pack("<H", len(name)) + name + struct.pack("<HH", _TEXT, len(value)) + value

    def restore(self, placed: Any) -> None:
        """Restore the entries; None, for an object that was absent, removes it if it has no others."""
        super().restore(placed or ())
        self.present = bool(self.entries) or (self.present and placed is not None)

    def restore_texts(self, values: Sequence[Any]) -> None:
        """Restore texts with language and stream from a snapshot of genrelab 0.1."""
        self._put(
            [self._entry(text, "genre", lang or 0, stream or 0) for text, lang, stream in values], "genre"
        )

    def render(self) -> bytes:
        """Return the whole object; no bytes if it is absent."""
        if not self.present:
            return b""
        if len(self.entries) > _LARGEST:
            raise TagError("has too many attributes. Remove some with a tag editor.", code="tag-too-many")
        data = len(self.entries).to_bytes(2, "little") + b"".join(self.entries) + self._rest
        return self._guid + (24 + len(data)).to_bytes(8, "little") + data


def _decode(text: bytes) -> str:
    return text.decode("utf-16-le", "replace").strip("\0")
