"""Vorbis comments as bytes: the entries of the genre are changed, every other stays bit for bit.

See xiph.org/vorbis/doc/v-comment.html. Several genres are several entries `GENRE=...`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from pydantic import JsonValue

from genrelab.errors import TagError

_KEY = b"GENRE"
_VENDOR = b"genrelab"  # of comments where there were none


class Comments:
    """A block of comments.

    Attributes
    ----------
    vendor : bytes
        What wrote the sound.
    entries : list of bytes
        Each `KEY=value`.
    rest : bytes
        What follows in the packet: Vorbis's framing bit, and padding.
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
            If its lengths lead beyond its end.
        """
        at = 0

        def take(count: int) -> bytes:
            nonlocal at
            if at + count > len(data):
                raise TagError("has damaged Vorbis comments. Repair them with a tag editor.")
            at += count
            return data[at - count : at]

        vendor = take(int.from_bytes(take(4), "little"))
        count = int.from_bytes(take(4), "little")
        if count > len(data):
            raise TagError("has damaged Vorbis comments. Repair them with a tag editor.")
        entries = [take(int.from_bytes(take(4), "little")) for _ in range(count)]
        return cls(vendor, entries, data[at:])

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres."""
        values = [
            entry.partition(b"=")[2].decode("utf-8", "replace") for entry in filter(_is_genre, self.entries)
        ]
        return tuple(value for value in values if value.strip())

    def others(self) -> Any:
        """Return everything else."""
        return self.vendor, [entry for entry in self.entries if not _is_genre(entry)]

    def set_genres(self, genres: Sequence[str]) -> None:
        """Put genres in the place of those that are there, or behind all."""
        places = [number for number, entry in enumerate(self.entries) if _is_genre(entry)]
        place = places[0] if places else len(self.entries)
        self.entries = [entry for entry in self.entries if not _is_genre(entry)]
        self.entries[place:place] = [_KEY + b"=" + genre.encode() for genre in genres]

    def snapshot(self) -> list[JsonValue]:
        """Return the entries of the genre, each with its place."""
        return [[number, entry.hex()] for number, entry in enumerate(self.entries) if _is_genre(entry)]

    def restore(self, placed: Any) -> None:
        """Put back what `snapshot` gave."""
        self.entries = [entry for entry in self.entries if not _is_genre(entry)]
        for number, entry in placed:
            self.entries.insert(number, bytes.fromhex(entry))

    def render(self) -> bytes:
        """Return the block, without `rest`."""
        parts = [self.vendor, *self.entries]
        blocks = [len(part).to_bytes(4, "little") + part for part in parts]
        return blocks[0] + len(self.entries).to_bytes(4, "little") + b"".join(blocks[1:])


def _is_genre(entry: bytes) -> bool:
    return entry.partition(b"=")[0].upper() == _KEY
