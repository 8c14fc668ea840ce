"""MP4 and M4A: the atoms `©gen` (text, instead of `gnre`, a number of ID3v1) and `©grp`, and iTunes' MOOD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

from mutagen.mp4 import MP4, AtomDataType, MP4Cover, MP4FreeForm

from genrelab.errors import TagError
from genrelab.library.tags.base import FileTag, Snapshot, copy
from genrelab.library.tags.entries import GENRE, Field, Fields

_KEYS: dict[Field, str] = {
    "genre": "\xa9gen",
    "grouping": "\xa9grp",
    "mood": "----:com.apple.iTunes:MOOD",
}
_FREE = "----"  # begins the names that programs choose freely
_FIELDS = {key.casefold() if key.startswith(_FREE) else key: field for field, key in _KEYS.items()}


class Mp4Tag(FileTag):
    """The tags of an MP4 file.

    mutagen converts a number in `gnre` to a name in `©gen`; undo restores the name.
    """

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields)
        file.seek(0)
        self._mp4: Any = MP4(file)
        if not self._mp4.info.codec:
            raise TagError("has no sound that genrelab supports in MP4.", code="tag-no-sound")
        if self._mp4.tags is None:
            self._mp4.add_tags()

    def _of(self, field: Field) -> dict[str, Any]:
        """Return the atoms of a field."""
        return {key: texts for key, texts in self._mp4.tags.items() if _field_of(key) == field}

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field."""
        found = (_text(value) for values in self._of(field).values() for value in values)
        return tuple(text for text in found if text.strip())

    def snapshot(self) -> Snapshot:
        """Return the texts of the genre, and the values of the other fields that may change."""
        others = [field for field in self.fields if field != "genre"]
        found: Snapshot = {}
        if "genre" in self.fields:
            found["texts"] = list(self._mp4.tags.get(_KEYS["genre"], ()))
        if others:
            atoms = [item for field in others for item in self._of(field).items()]
            found["atoms"] = {key: [_packed(value) for value in values] for key, values in atoms}
        return found

    def others(self) -> Any:
        """Return all other atoms, also those unknown to mutagen, and chapters."""
        tags = self._mp4.tags
        atoms = sorted(
            (key, repr(values), _details(values))
            for key, values in tags.items()
            if _field_of(key) not in self.fields
        )
        chapters = [(chapter.start, chapter.title) for chapter in self._mp4.chapters or ()]
        return atoms, sorted(getattr(tags, "_failed_atoms", {}).items()), chapters

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field."""
        self._drop(field)
        if values:
            key = _KEYS[field]
            is_free = key.startswith(_FREE)
            self._mp4.tags[key] = [_free(value.encode()) for value in values] if is_free else list(values)

    def _drop(self, field: Field) -> None:
        for key in self._of(field):
            del self._mp4.tags[key]

    def restore(self, snapshot: Snapshot) -> None:
        """Restore the values."""
        texts: Any = snapshot["texts"] if "genre" in self.fields else ()
        atoms: Any = snapshot["atoms"] if self.fields != GENRE else {}
        for field in self.fields:
            self._drop(field)
        if texts:
            self._mp4.tags[_KEYS["genre"]] = list(texts)
        for key, values in atoms.items():
            if _field_of(key) in self.fields:
                self._mp4.tags[key] = [_unpacked(value) for value in values]

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; if it grows, adjust the offsets of the sound."""
        copy(source, draft)
        draft.seek(0)
        self._mp4.tags.save(draft)


def _field_of(key: str) -> Field | None:
    """Return the field of an atom; the case of a free name does not matter, that of other names does."""
    return _FIELDS.get(key.casefold() if key.startswith(_FREE) else key)


def _text(value: Any) -> str:
    return bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _free(data: bytes, kind: int = AtomDataType.UTF8, version: int = 0) -> MP4FreeForm:
    return MP4FreeForm(data, AtomDataType(kind), version)


def _packed(value: Any) -> Any:
    """Return a value for JSON: a text, or the bytes, type and version of a free one."""
    free = isinstance(value, MP4FreeForm)
    return [bytes(value).hex(), int(value.dataformat), value.version] if free else str(value)


def _unpacked(value: Any) -> Any:
    return value if isinstance(value, str) else _free(bytes.fromhex(value[0]), *value[1:])


def _details(values: Any) -> list[tuple[int, bytes]]:
    """Return format and bytes of cover pictures; their `repr` lacks the format."""
    many = values if isinstance(values, list) else []
    covers = [value for value in many if isinstance(value, MP4Cover)]
    return [(int(cover.imageformat), bytes(cover)) for cover in covers]
