"""Vorbis comments.

See xiph.org/vorbis/doc/v-comment.html. Several genres are several entries `GENRE=...`, and so on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from genrelab.errors import TagError
from genrelab.library.tags.entries import Entries, Field

_KEYS: dict[Field, bytes] = {"genre": b"GENRE", "mood": b"MOOD", "grouping": b"GROUPING"}
_FIELDS = {key: field for field, key in _KEYS.items()}
DAMAGED = "has damaged Vorbis comments. Repair them with a tag editor."
_VENDOR = b"genrelab"  # of new comments


class Comments(Entries):
    """A block of comments.

    Attributes
    ----------
    vendor : bytes
        The encoder of the sound.
    entries : list of bytes
        Each `KEY=value`.
    rest : bytes
        The rest of the packet: the framing bit of Vorbis, and padding.
    """

    def __init__(self, vendor: bytes = _VENDOR, entries: Sequence[bytes] = (), rest: bytes = b"") -> None:
        self.vendor = vendor
        self.entries = list(entries)
        self.rest = rest

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a block.

        Raises
        ------
        TagError
            If its lengths exceed the block.
        """
        at = 0

        def take(count: int) -> bytes:
            nonlocal at
            if at + count > len(data):
                raise TagError(DAMAGED, code="tag-damaged")
            at += count
            return data[at - count : at]

        vendor = take(int.from_bytes(take(4), "little"))
        count = int.from_bytes(take(4), "little")
        if count > len(data):
            raise TagError(DAMAGED, code="tag-damaged")
        entries = [take(int.from_bytes(take(4), "little")) for _ in range(count)]
        return cls(vendor, entries, data[at:])

    def field_of(self, entry: bytes) -> Field | None:
        """Return the field whose key an entry has, in any case."""
        return _FIELDS.get(entry.partition(b"=")[0].upper())

    def values(self, field: Field = "genre") -> tuple[str, ...]:
        """Return the values of a field."""
        values = [entry.partition(b"=")[2].decode("utf-8", "replace") for entry in self.of(field)]
        return tuple(value for value in values if value.strip())

    def others(self) -> Any:
        """Return everything else."""
        return self.vendor, self.other_entries()

    def set_values(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field, or append them."""
        self.put(field, [_KEYS[field] + b"=" + value.encode() for value in values], len(self.entries))

    def render(self) -> bytes:
        """Return the block, without `rest`."""
        parts = [self.vendor, *self.entries]
        blocks = [len(part).to_bytes(4, "little") + part for part in parts]
        return blocks[0] + len(self.entries).to_bytes(4, "little") + b"".join(blocks[1:])
