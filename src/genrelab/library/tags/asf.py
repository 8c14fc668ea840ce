"""WMA: the attributes `WM/Genre` of the ASF header."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

from mutagen.asf import ASF, ASFUnicodeAttribute

from genrelab.library.tags.base import GenreTag, Snapshot, copy_from

_KEY = "WM/Genre"
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_SIZE_AT = 40  # in that object: the length of the file, in 8 bytes


class AsfTag(GenreTag):
    """The tags of a WMA file."""

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._asf: Any = ASF(file)

    def _values(self) -> list[Any]:
        return [value for key, value in list(self._asf.tags) if key == _KEY]

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres."""
        return tuple(str(value) for value in self._values() if str(value).strip())

    def snapshot(self) -> Snapshot:
        """Return the texts, each with its language and stream."""
        return {"values": [[str(value), value.language, value.stream] for value in self._values()]}

    def others(self) -> Any:
        """Return all other attributes, those of one name in their order."""
        others = [
            (key, value.TYPE, repr(value.value), value.language, value.stream)
            for key, value in list(self._asf.tags)
            if key != _KEY
        ]
        return sorted(others, key=lambda attribute: attribute[0])

    def set(self, genres: Sequence[str]) -> None:
        """Put genres in place of those that are there."""
        self._put([ASFUnicodeAttribute(genre) for genre in genres])

    def restore(self, snapshot: Snapshot) -> None:
        """Put the texts back."""
        values: Any = snapshot["values"]
        self._put([ASFUnicodeAttribute(text, language=lang, stream=stream) for text, lang, stream in values])

    def _put(self, values: list[Any]) -> None:
        kept = [(key, value) for key, value in list(self._asf.tags) if key != _KEY]
        self._asf.tags[:] = kept + [(_KEY, value) for value in values]

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; what follows the header is moved where it grows."""
        copy_from(source, 0, draft)
        before = draft.tell()
        draft.seek(0)
        self._asf.save(draft)
        _state_size(draft, before)


def _state_size(draft: BinaryIO, before: int) -> None:
    """Put the new length of the file where the header stated the old one; mutagen does not."""
    draft.seek(16)
    end = int.from_bytes(draft.read(8), "little")
    draft.seek(0)
    place = draft.read(end).find(_FILE_PROPERTIES) + _SIZE_AT
    draft.seek(place)
    if place >= _SIZE_AT and int.from_bytes(draft.read(8), "little") == before:
        size = draft.seek(0, io.SEEK_END)
        draft.seek(place)
        draft.write(size.to_bytes(8, "little"))
