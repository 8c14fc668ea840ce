"""The genre in RIFF's `LIST INFO` chunks: the entry `IGNR` is changed, every other stays bit for bit.

See Microsoft's Multimedia Programming Interface 1.0, section 2: each entry is a name, a size of 4 bytes, a
text that ends with a zero, and one more zero to make it even. Nothing says what encoding the text has: FFmpeg
and TagLib read and write UTF-8, older programs for Windows the code page of the machine.
"""

from __future__ import annotations

import re
from typing import Any

from genrelab.library.tags.entries import Entries

_NAME = b"IGNR"
_KIND = b"INFO"
_ID = re.compile(rb"[A-Za-z0-9 ]{4}")
_OLD = "cp1252"  # what Windows writes in most of the West; ISO-8859-1 with more letters


class Info(Entries):
    """The entries of one `LIST INFO` chunk.

    Parameters
    ----------
    data : bytes
        What the chunk holds, from `INFO` on.
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
        """Whether what a `LIST` chunk holds is such a list, and whole."""
        info = Info(data)
        whole = len(info._rest) < 8 and all(_ID.match(entry) for entry in info.entries)
        return data[:4] == _KIND and whole

    def is_genre(self, entry: bytes) -> bool:
        """Whether an entry holds the genre."""
        return entry.startswith(_NAME)

    def genres(self) -> tuple[str, ...]:
        """Return the genres."""
        return tuple(_decode(_text(entry)) for entry in self.entries if self.is_genre(entry))

    def others(self) -> Any:
        """Return everything else."""
        return self.other_entries(), self._rest

    def set_genre(self, genre: str | None) -> None:
        """Put a text in the place of what is there, or in front; None takes it away.

        Not behind all: the last entry may lack the zero that makes it even.
        """
        text = b"" if genre is None else self._encode(genre) + b"\0"
        entry = _NAME + len(text).to_bytes(4, "little") + text + bytes(len(text) % 2)
        self.put([entry] if text else [], 0)

    def _encode(self, genre: str) -> bytes:
        """Return UTF-8, or what the other entries are in if they cannot be UTF-8."""
        if all(_is_utf8(_text(entry)) for entry in self.entries):
            return genre.encode()
        try:
            old = genre.encode(_OLD)
        except UnicodeEncodeError:
            return genre.encode()
        # Some letters in a row would be read as UTF-8 again, as others.
        return old if genre.isascii() or not _is_utf8(old) else genre.encode()

    def render(self) -> bytes:
        """Return what the chunk holds."""
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
