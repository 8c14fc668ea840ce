"""Items of APEv2. Several values of a field are in one item, separated by zeros.

See wiki.hydrogenaud.io/index.php?title=APEv2_specification.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any, Self

import mutagen.id3

from genrelab.audio.containers.outer_tags import APE_END_SIZE, APE_MARK
from genrelab.errors import TagError
from genrelab.library.tags.entries import Entries, Field

_KEYS: dict[Field, bytes] = {"genre": b"Genre", "mood": b"Mood", "grouping": b"Grouping"}
_FIELDS = {key.upper(): field for field, key in _KEYS.items()}
_VERSION = 2000
_HAS_HEADER, _IS_HEADER = 1 << 31, 1 << 29
_KIND = 6  # bits of an item's flags for the type of its value; 0 is text
DAMAGED = "has a damaged APEv2 tag. Repair it with a tag editor."
_OF_ID3V1 = {"TIT2": b"Title", "TPE1": b"Artist", "TALB": b"Album", "TDRC": b"Year", "TRCK": b"Track"}


class Ape(Entries):
    """The items of one APEv2 tag.

    Attributes
    ----------
    entries : list of bytes
        The items, each with its length, flags and key.
    ends : tuple of (int, bytes)
        Flags and reserved bytes of the header, if there is one, and of the footer.
    """

    def __init__(self, items: Sequence[bytes] = (), ends: Sequence[tuple[int, bytes]] = ()) -> None:
        self.entries = list(items)
        self.ends = tuple(ends) or ((_HAS_HEADER | _IS_HEADER, bytes(8)), (_HAS_HEADER, bytes(8)))

    @classmethod
    def parse(cls, tag: bytes) -> Self:
        """Read a whole tag.

        Raises
        ------
        TagError
            If it is damaged, or of another version.
        """
        footer = tag[-APE_END_SIZE:]
        version, size, count, flags = struct.unpack("<4I", footer[8:24])
        if version != _VERSION:
            raise TagError(
                "has an APEv1 tag, which does not say how its texts are encoded. Make it an APEv2 tag with "
                "a tag editor."
                if version == 1000
                else f"has an APE tag of the unknown version {version}.",
                code="tag-version-unknown",
            )
        if size < APE_END_SIZE:
            raise TagError(DAMAGED, code="tag-damaged")
        ends = [(flags, footer[24:])]
        if flags & _HAS_HEADER:
            header = tag[:APE_END_SIZE]
            if header[:8] != APE_MARK or header[8:20] != footer[8:20]:
                raise TagError(DAMAGED, code="tag-damaged")
            ends.insert(0, (int.from_bytes(header[20:24], "little"), header[24:]))
        items = list(_split(tag[-size:-APE_END_SIZE]))
        if len(items) != count:
            raise TagError(DAMAGED, code="tag-damaged")
        return cls(items, ends)

    @classmethod
    def of_id3v1(cls, tag: bytes) -> Self:
        """Make a tag of the texts of an ID3v1 tag, without its genre."""
        found: Any = mutagen.id3.ID3(io.BytesIO(tag))
        texts = [(key, str(found[name])) for name, key in _OF_ID3V1.items() if name in found]
        texts += [(b"Comment", str(comment)) for comment in found.getall("COMM")]
        return cls([_item(key, text.encode()) for key, text in texts if text])

    def field_of(self, entry: bytes) -> Field | None:
        """Return the field whose key an item has, in any case."""
        return _FIELDS.get(entry[8 : entry.index(b"\0", 8)].upper())

    def values(self, field: Field = "genre") -> tuple[str, ...]:
        """Return the values of a field."""
        texts = [_value(item) for item in self.of(field) if not item[4] & _KIND]
        values = [value.decode("utf-8", "replace") for text in texts for value in text.split(b"\0")]
        return tuple(value for value in values if value.strip())

    def set_values(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field, or insert them before the first larger item."""
        new = _item(_KEYS[field], "\0".join(values).encode())
        others = [item for item in self.entries if self.field_of(item) != field]
        larger = (number for number, item in enumerate(others) if len(item) > len(new))
        self.put(field, [new] if values else [], next(larger, len(others)))

    def render(self) -> bytes:
        """Return the tag's bytes."""
        body = b"".join(self.entries)
        sizes = struct.pack("<3I", _VERSION, len(body) + APE_END_SIZE, len(self.entries))
        ends = [APE_MARK + sizes + flags.to_bytes(4, "little") + reserved for flags, reserved in self.ends]
        return b"".join([*ends[:-1], body, ends[-1]])


def _value(item: bytes) -> bytes:
    return item[item.index(b"\0", 8) + 1 :]


def _item(key: bytes, value: bytes) -> bytes:
    return struct.pack("<2I", len(value), 0) + key + b"\0" + value


def _split(body: bytes) -> list[bytes]:
    items = []
    at = 0
    while at < len(body):
        key_end = body.find(b"\0", at + 8)
        end = key_end + 1 + int.from_bytes(body[at : at + 4], "little")
        if key_end < 0 or end > len(body):
            raise TagError(DAMAGED, code="tag-damaged")
        items.append(body[at:end])
        at = end
    return items
