"""WavPack, Monkey's Audio, Musepack and TTA: APEv2 behind the sound, ID3v1 at the end, ID3v2 in front.

A field is written to every tag of a file, because players differ: in TTA, TagLib and mutagen read only ID3
and FFmpeg prefers APEv2; in the others all read APEv2. FFmpeg does not find an APEv2 tag before ID3v1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

from genrelab.audio.containers import outer_tags
from genrelab.audio.containers.identify import WITH_APE, identify
from genrelab.audio.containers.outer_tags import APE_END_SIZE, APE_MARK, ID3V1_SIZE
from genrelab.errors import TagError
from genrelab.library.tags.base import FileTag, Snapshot, copy
from genrelab.library.tags.entries import GENRE, Field, Fields
from genrelab.library.tags.entries.ape import DAMAGED, Ape
from genrelab.library.tags.entries.id3 import NO_GENRE, Id3, frames_of_id3v1, id3v1_genre, id3v1_number
from genrelab.library.tags.sound_ends import check_whole


class ApeTag(FileTag):
    """The tags of a file with APEv2.

    A file without APEv2 gets a tag; TTA without APEv2 and ID3v2 gets both. A new tag copies the texts of an
    ID3v1 tag, because players that find the new tag ignore ID3v1.
    """

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields)
        kind = next(kind for kind in WITH_APE if kind == identify(file))
        self._is_tta = kind == "tta"
        self._head, self._start = outer_tags.id3_size(file), outer_tags.skip_id3(file)
        self._has_v1 = outer_tags.has_id3v1(file)
        file.seek(0)
        head = file.read(self._head)
        self._more_heads = file.read(self._start - self._head)
        self._read_tail(file)
        check_whole(file, kind, self._start, self._end)
        self._id3 = Id3.parse(head) if head else self._new_id3()
        self._id3.fields = self._ape.fields = fields

    def _read_tail(self, file: BinaryIO) -> None:
        places = list(outer_tags.tail_tags(file, self._start))[::-1]
        parts = []
        for place in places:
            file.seek(place.start)
            parts.append(file.read(len(place)))
            if len(place) < APE_END_SIZE and not parts[-1].endswith(b"LYRICS200"):
                raise TagError(DAMAGED, code="tag-damaged")
        self._end = places[0].start if places else file.seek(0, 2)
        apes = [number for number, part in enumerate(parts) if part[-APE_END_SIZE:].startswith(APE_MARK)]
        if len(apes) > 1:
            raise TagError("has several APEv2 tags. Keep one with a tag editor.", code="tag-several")
        self._has_ape = bool(apes)
        self._before = b"".join(parts[: apes[0]]) if apes else b""
        self._behind = b"".join(parts[apes[0] + 1 :] if apes else parts)
        self._has_v1 = self._has_v1 and len(self._behind) >= ID3V1_SIZE
        self._ape = Ape.parse(parts[apes[0]]) if apes else self._new_ape()

    @property
    def _v1(self) -> bytes:
        return self._behind[-ID3V1_SIZE:] if self._has_v1 else b""

    def _new_ape(self) -> Ape:
        return Ape.of_id3v1(self._v1) if self._has_v1 else Ape()

    def _new_id3(self) -> Id3:
        return Id3(frames=frames_of_id3v1(self._v1) if self._has_v1 else ())

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of the first tag with any: APEv2 (in TTA after ID3v2), then the others."""
        ape = self._ape.values(field) if self._has_ape else ()
        id3 = self._id3.values(field, itunes=self.itunes_grouping) if self._id3.present else ()
        number = self._v1[-1] if self._has_v1 and field == "genre" else NO_GENRE
        return ((id3 or ape) if self._is_tta else (ape or id3)) or id3v1_genre(number)

    def snapshot(self) -> Snapshot:
        """Return the items of APEv2, the frames, the size and version of ID3v2, and the number in ID3v1."""
        id3: Snapshot = {
            "version": self._id3.version,
            "size": self._id3.size,
            "frames": self._id3.snapshot(),
        }
        return {
            "apev2": self._ape.snapshot() if self._has_ape else None,
            "id3v2": id3 if self._id3.present else None,
            "id3v1": self._v1[-1] if self._has_v1 else None,
        }

    def others(self) -> Any:
        """Return all other items and frames, and all other tags without ID3v1's genre.

        An absent tag counts as the tag that would be created, so creating it changes nothing else.
        """
        return (
            (self._ape.other_entries(), self._ape.ends),
            (self._id3.version, self._id3.other_entries()),
            self._more_heads,
            self._before,
            self._behind[:-1] if self._has_v1 and "genre" in self.fields else self._behind,
        )

    def stored(self, values: Sequence[str], field: Field = "genre") -> tuple[str, ...]:
        """Return the value of a field after `set`."""
        return self._id3.stored(values) if self._is_tta and self._id3.present else tuple(values)

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field in all tags."""
        if self._is_tta and not self._has_ape and not self._id3.present:
            self._has_ape = self._id3.present = True
        self._has_ape = self._has_ape or not self._is_tta
        if self._has_ape:
            self._ape.set_values(values, field)
        if self._id3.present:
            self._id3.set_values(values, field, itunes=self.itunes_grouping)
        if field == "genre":
            self._set_number(id3v1_number(values))

    def restore(self, snapshot: Snapshot) -> None:
        """Restore everything; remove a tag that was absent unless it has other items now."""
        items, id3, number = (snapshot[name] for name in ("apev2", "id3v2", "id3v1"))
        if items is None:
            self._ape.entries = self._ape.other_entries()
            self._has_ape &= any(item not in self._new_ape().entries for item in self._ape.entries)
        elif not self._has_ape:
            raise TagError(
                "had an APEv2 tag, which is gone. Its old values cannot be restored.", code="tag-gone"
            )
        else:
            self._ape.restore(items)
        self._id3.restore_tag(id3, self._new_id3().entries)
        if "genre" in self.fields and isinstance(number, int):
            self._set_number(number)

    def _set_number(self, number: int) -> None:
        if self._has_v1:
            self._behind = self._behind[:-1] + bytes([number])

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; the sound is copied."""
        if self._id3.present:
            draft.write(self._id3.render())
        draft.write(self._more_heads)
        copy(source, draft, self._start, self._end)
        draft.write(self._before + (self._ape.render() if self._has_ape else b"") + self._behind)
