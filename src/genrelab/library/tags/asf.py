"""WMA: attributes such as `WM/Genre` of the ASF header; all others and all objects stay bit for bit.

The first value of a field is in the Extended Content Description Object, which allows one value per name;
others are in the Metadata Library Object.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

from genrelab.audio.containers import ContainerError, asf
from genrelab.audio.containers.asf import HEADER_HEAD, OBJECT_HEAD
from genrelab.errors import TagError
from genrelab.library.tags.base import NEW_PADDING, FileTag, Snapshot, copy, read_range
from genrelab.library.tags.entries import GENRE, Field, Fields
from genrelab.library.tags.entries.asf import DAMAGED, Attributes

_SIZE = slice(asf.FILE_SIZE_AT, asf.FILE_SIZE_AT + 8)
_EXTENSION_HEAD = 46  # bytes before its objects
_EXTENSION_RESERVED = bytes.fromhex("11d2d3abbaa9cf118ee600c00c205365") + b"\6\0"


class AsfTag(FileTag):
    """The tags of a WMA file."""

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields)
        self._length = file.seek(0, io.SEEK_END)
        file.seek(0)
        head = file.read(HEADER_HEAD)
        self._old_size = asf.header_end(file)
        if len(head) < HEADER_HEAD or not HEADER_HEAD <= self._old_size <= self._length:
            raise TagError(DAMAGED, code="tag-damaged")
        self._reserved = head[28:]
        self._objects = _split(read_range(file, range(HEADER_HEAD, self._old_size)), 0)
        if len(self._objects) != int.from_bytes(head[24:28], "little"):
            raise TagError(DAMAGED, code="tag-damaged")
        self._size = self._old_size
        extension = _only(self._objects, asf.EXTENSION)
        self._extension = extension is not None
        self._extension_head = (extension or asf.EXTENSION + bytes(8) + _EXTENSION_RESERVED)[:42]
        self._inner = _split(extension or b"", _EXTENSION_HEAD)
        self._content = _attributes(self._objects, asf.CONTENT_DESCRIPTION, long=False)
        self._metadata = _attributes(self._inner, asf.METADATA, long=True)
        self._library = _attributes(self._inner, asf.METADATA_LIBRARY, long=True)
        for found in self._all.values():
            found.fields = fields

    @property
    def _all(self) -> dict[str, Attributes]:
        return {"content": self._content, "metadata": self._metadata, "library": self._library}

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field."""
        texts = (text for found in self._all.values() for text in found.values(field))
        return tuple(text for text in texts if text.strip(" \0\t\r\n"))

    def snapshot(self) -> Snapshot:
        """Return the attributes with their places, the present objects, and the size of the header."""
        return {
            "attributes": {
                name: found.snapshot() if found.present else None for name, found in self._all.items()
            },
            "extension": self._extension,
            "size": self._size,
        }

    def others(self) -> Any:
        """Return all other attributes and objects without padding and the length of the file."""
        changed = (asf.PADDING, asf.EXTENSION, asf.CONTENT_DESCRIPTION, asf.METADATA, asf.METADATA_LIBRARY)
        objects = [
            _with_size(found, b"") if found.startswith(asf.FILE_PROPERTIES) else found
            for found in self._objects
        ]
        kept = [[found for found in some if found[:16] not in changed] for some in (objects, self._inner)]
        return kept, self._extension_head[OBJECT_HEAD:], [found.others() for found in self._all.values()]

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field."""
        self._content.set_values(values[:1], field)
        self._metadata.set_values((), field)
        self._library.set_values(values[1:], field)
        self._extension = self._extension or self._library.present

    def restore(self, snapshot: Snapshot) -> None:
        """Restore the attributes; remove an object that was absent if it has no others."""
        if "values" in snapshot:  # of genrelab 0.1
            self._restore_texts(snapshot["values"])
            return
        attributes: Any = snapshot["attributes"]
        for name, found in self._all.items():
            found.restore(attributes[name])
        extended = bool(self._inner) or self._metadata.present or self._library.present
        self._extension = bool(snapshot["extension"]) or (self._extension and extended)
        self._size = int(str(snapshot["size"]))

    def _restore_texts(self, values: Any) -> None:
        plain = next((value for value in values if value[1:] == [None, None]), None)
        self._content.restore_texts([plain] if plain else [])
        self._metadata.set_values(())
        self._library.restore_texts([value for value in values if value is not plain])
        self._extension = self._extension or self._library.present

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; everything after the header is copied."""
        draft.write(self._render())
        copy(source, draft, self._old_size)

    def _render(self) -> bytes:
        """Return the header: in `_size` bytes if it fits, else with padding."""
        objects = [self._render_object(found) for found in self._objects]
        for new, guid in (
            (self._content.render(), asf.CONTENT_DESCRIPTION),
            (self._render_extension(), asf.EXTENSION),
        ):
            if all(found[:16] != guid for found in self._objects):
                objects.append(new)
        paddings = [number for number, found in enumerate(objects) if found[:16] == asf.PADDING]
        place = paddings[-1] if paddings else len(objects)
        objects[place : place + 1] = []
        room = self._size - HEADER_HEAD - sum(map(len, objects))
        if room != 0:
            size = room if room >= OBJECT_HEAD else OBJECT_HEAD + NEW_PADDING
            padding = asf.PADDING + size.to_bytes(8, "little")
            objects.insert(place, padding.ljust(size, b"\0"))
        objects = [found for found in objects if found]
        size = HEADER_HEAD + sum(map(len, objects))
        length = self._length + size - self._old_size
        body = b"".join(self._state_length(found, length) for found in objects)
        count = len(objects).to_bytes(4, "little")
        return asf.HEADER + size.to_bytes(8, "little") + count + self._reserved + body

    def _render_object(self, found: bytes) -> bytes:
        if found[:16] == asf.EXTENSION:
            return self._render_extension()
        rendered = {
            asf.CONTENT_DESCRIPTION: self._content,
            asf.METADATA: self._metadata,
            asf.METADATA_LIBRARY: self._library,
        }
        return rendered[found[:16]].render() if found[:16] in rendered else found

    def _render_extension(self) -> bytes:
        if not self._extension:
            return b""
        objects = [self._render_object(found) for found in self._inner]
        for new, guid in ((self._metadata, asf.METADATA), (self._library, asf.METADATA_LIBRARY)):
            if all(found[:16] != guid for found in self._inner):
                objects.append(new.render())
        data = b"".join(objects)
        size = (_EXTENSION_HEAD + len(data)).to_bytes(8, "little")
        return asf.EXTENSION + size + self._extension_head[24:42] + len(data).to_bytes(4, "little") + data

    def _state_length(self, found: bytes, length: int) -> bytes:
        """Return an object with the new length of the file if it stated the old one."""
        if found[:16] != asf.FILE_PROPERTIES or found[_SIZE] != self._length.to_bytes(8, "little"):
            return found
        return _with_size(found, length.to_bytes(8, "little"))


def _with_size(properties: bytes, size: bytes) -> bytes:
    return properties[: _SIZE.start] + size + properties[_SIZE.stop :]


def _only(objects: Sequence[bytes], guid: bytes) -> bytes | None:
    found = [piece for piece in objects if piece[:16] == guid]
    if len(found) > 1 or (found and guid == asf.EXTENSION and len(found[0]) < _EXTENSION_HEAD):
        raise TagError(DAMAGED, code="tag-damaged")
    return found[0] if found else None


def _attributes(objects: Sequence[bytes], guid: bytes, *, long: bool) -> Attributes:
    found = _only(objects, guid)
    return Attributes(guid, None if found is None else found[OBJECT_HEAD:], long=long)


def _split(data: bytes, at: int) -> list[bytes]:
    """Return the objects from an offset to the end."""
    try:
        places = [place for _, place in asf.objects_in(io.BytesIO(data), at, len(data))]
    except ContainerError as error:
        raise TagError(DAMAGED, code="tag-damaged") from error
    if data and (places[-1].stop if places else at) != len(data):
        raise TagError(DAMAGED, code="tag-damaged")
    return [data[place.start : place.stop] for place in places]
