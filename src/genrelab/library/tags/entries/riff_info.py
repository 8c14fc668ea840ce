"""Entries of `LIST INFO` chunks of RIFF; `IGNR` is the genre.

See Microsoft's Multimedia Programming Interface 1.0, section 2: each entry is a name, a size in 4 bytes, and
a text that ends with a zero, padded to an even size. The encoding is not stated: FFmpeg and TagLib use UTF-8,
older Windows programs the code page of the machine.
"""

from __future__ import annotations

import re
from typing import Any

from genrelab.library.tags.entries import Entries, Field

_NAME = b"IGNR"
_KIND = b"INFO"
_ID = re.compile(rb"[A-Za-z0-9 ]{4}")
_OLD = "cp1252"  # of Windows in Western Europe; ISO-8859-1 with more letters


class Info(Entries):
    """The entries of one `LIST INFO` chunk.

    Parameters
    ----------
    data : bytes
        Content of the chunk, beginning with `INFO`.
    """

    def __init__(self, data: bytes) -> None:
        self.entries: list[bytes] = []
        self._rest = b""
        at = len(_KIND)
        while at + 8 <= len(data):
            size = int.from_bytes(data[at + 4 : at + 8], "little")
            end = at + 8 + size + size % 2
            if at + 8 + size > len(data):
                break
            self.entries.append(data[at:end])
            at = end
        self._rest = data[at:]

    @staticmethod
    def is_one(data: bytes) -> bool:
        """Whether the content of a `LIST` chunk is a complete list of this kind."""
        info = Info(data)
        whole = len(info._rest) < 8 and all(_ID.match(entry) for entry in info.entries)
        return data[:4] == _KIND and whole

    def field_of(self, entry: bytes) -> Field | None:
        """Return `genre` for an entry that holds it; the other fields have no entries."""
        return "genre" if entry.startswith(_NAME) else None

    def values(self, field: Field = "genre") -> tuple[str, ...]:
        """Return the values of a field."""
        return tuple(_decode(_text(entry)) for entry in self.of(field))

    def texts(self) -> list[tuple[str, str]]:
        """Return name and text of each entry."""
        return [(entry[:4].decode("ascii", "replace"), _decode(_text(entry))) for entry in self.entries]

    def others(self) -> Any:
        """Return everything else."""
        return self.other_entries(), self._rest

    def set_genre(self, genre: str | None) -> None:
        """Replace the genre, or insert it in front; None removes it.

        It is never appended, because the last entry may lack its padding.
        """
        text = b"" if genre is None else self._encode(genre) + b"\0"
        entry = _NAME + len(text).to_bytes(4, "little") + text + bytes(len(text) % 2)
        self.put("genre", [entry] if text else [], 0)

    def _encode(self, genre: str) -> bytes:
        """Encode as UTF-8, or as Windows-1252 if other entries are not UTF-8."""
        if all(_is_utf8(_text(entry)) for entry in self.entries):
            return genre.encode()
        try:
            old = genre.encode(_OLD)
        except UnicodeEncodeError:
            return genre.encode()
        # Some sequences of letters would be read as UTF-8 and become other letters.
        return old if genre.isascii() or not _is_utf8(old) else genre.encode()

    def render(self) -> bytes:
        """Return the content of the chunk."""
        return _KIND + b"".join(self.entries) + self._rest


def _text(entry: bytes) -> bytes:
    size = int.from_bytes(entry[4:8], "little")
    return entry[8 : 8 + size].split(b"\0")[0]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode(text: bytes) -> str:
    return text.decode() if _is_utf8(text) else text.decode(_OLD, "replace")
