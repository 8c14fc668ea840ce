"""WMA: the attributes `WM/Genre` of the ASF header."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from mutagen.asf import ASF, ASFUnicodeAttribute

from genrelab.errors import TagError
from genrelab.library.tags.base import GenreTag, Snapshot, copy_from

_KEY = "WM/Genre"
_DAMAGED = "has a damaged ASF header. Get the file again, or encode it anew."
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_SIZE_AT = 40  # in that object: the length of the file, in 8 bytes
_EXTENSION = bytes.fromhex("b503bf5f2ea9cf118ee300c00c205365")
_EXTENSION_HEAD = 46  # bytes of it before the objects that it holds
_TAGS_AND_PADDING = {
    bytes.fromhex(guid)
    for guid in (
        "3326b2758e66cf11a6d900aa0062ce6c",
        "40a4d0d207e3d21197f000a0c95ea850",
        "eacbf8c5af5b77488467aa8c44fa4cca",
        "941c23449894d149a1411d134e457054",
        "74d40618dfca0945a4ba9aabcb96aae8",
    )
}


class AsfTag(GenreTag):
    """The tags of a WMA file."""

    def __init__(self, file: BinaryIO) -> None:
        self._kept = _other_objects(file)
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
        """Return all other attributes, those of one name in their order, and what else the header holds."""
        others = [
            (key, value.TYPE, repr(value.value), value.language, value.stream)
            for key, value in list(self._asf.tags)
            if key != _KEY
        ]
        return sorted(others, key=lambda attribute: attribute[0]), self._kept

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


def _other_objects(file: BinaryIO) -> list[bytes]:
    """Return the header's objects that hold no tags, without the length of the file.

    See the ASF specification, sections 2 and 3: objects of a GUID, a size in 8 bytes, and content.
    """
    file.seek(0)
    head = file.read(30)
    end = int.from_bytes(head[16:24], "little")
    if end > file.seek(0, io.SEEK_END):
        raise TagError(_DAMAGED)
    file.seek(0)
    header = file.read(end)
    found = list(_objects(header, 30))
    if len(found) != int.from_bytes(head[24:28], "little"):
        raise TagError(_DAMAGED)
    for piece in [piece for piece in found if piece.startswith(_EXTENSION)]:
        found += _objects(piece, _EXTENSION_HEAD)
    return [
        piece[:_SIZE_AT] + piece[_SIZE_AT + 8 :] if piece.startswith(_FILE_PROPERTIES) else piece
        for piece in found
        if piece[:16] not in _TAGS_AND_PADDING and not piece.startswith(_EXTENSION)
    ]


def _objects(data: bytes, at: int) -> Iterator[bytes]:
    """Yield the objects that follow one another from an offset to the end, and raise if they do not."""
    while at < len(data):
        size = int.from_bytes(data[at + 16 : at + 24], "little")
        if size < 24 or at + size > len(data):
            raise TagError(_DAMAGED)
        yield data[at : at + size]
        at += size
