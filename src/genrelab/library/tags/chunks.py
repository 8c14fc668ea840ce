"""WAV and AIFF: a chunk with an ID3v2 tag; in WAV also `LIST INFO`. Other chunks do not change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO

from genrelab.audio.containers.chunks import FIRST, Chunk, Order, chunks_in, stated_end
from genrelab.audio.containers.outer_tags import id3_size
from genrelab.errors import TagError
from genrelab.library.hashing import sha256_of
from genrelab.library.tags.base import FileTag, Snapshot, copy, read_range
from genrelab.library.tags.entries import GENRE, Field, Fields
from genrelab.library.tags.entries.id3 import Id3
from genrelab.library.tags.entries.riff_info import Info

_LARGEST = 0xFFFFFFFF
_LARGEST_LIST = 1 << 24  # bytes: more than any real list has
_WRONG_LENGTH = "states a length that it does not have. Encode it again."


class ChunkTag(FileTag):
    """The tag of a RIFF or IFF file."""

    def __init__(self, file: BinaryIO, fields: Fields, *, order: Order, name: bytes) -> None:
        super().__init__(file, fields)
        self._order = order
        self._name = name
        self._chunks = self._find_chunks(file)
        place = next((chunk for chunk in self._chunks if chunk.name.lower() == b"id3 "), None)
        self._place = place
        self._id3 = Id3()
        if place is not None:
            if not 0 < id3_size(file, place.content.start) <= place.size:
                raise TagError("has a damaged ID3v2 tag. Repair it with a tag editor.", code="tag-damaged")
            self._id3 = Id3.parse(read_range(file, place.content))
        self._id3.fields = fields
        changed = {place, *self._find_lists(file)}
        self._hashes = [
            (chunk.name, sha256_of(file, chunk.content.start, chunk.content.stop))
            for chunk in self._chunks
            if chunk not in changed
        ]

    def _find_chunks(self, file: BinaryIO) -> list[Chunk]:
        """Return the chunks up to the stated end of the file."""
        length = file.seek(0, 2)
        self._end = stated_end(file, self._order)
        if self._end > length + 1:
            raise TagError(_WRONG_LENGTH, code="tag-file-length")
        chunks = list(chunks_in(file, self._end, self._order))
        if (chunks[-1].end if chunks else FIRST) > self._end + 1:
            raise TagError(_WRONG_LENGTH, code="tag-file-length")
        return chunks

    def _find_lists(self, file: BinaryIO) -> Iterable[Chunk]:
        """Read other chunks with the genre and return them."""
        return ()

    def _content(self, chunk: Chunk) -> bytes | None:
        """Return the new content of a chunk; None if it does not change."""
        return None

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in the ID3v2 tag."""
        return self._id3.values(field, itunes=self.itunes_grouping)

    def snapshot(self) -> Snapshot:
        """Return the frames, the size and the version of the tag."""
        return self._id3.snapshot_tag()

    def others(self) -> Any:
        """Return all other frames, and a hash of each other chunk."""
        return self._id3.other_entries(), self._hashes

    def stored(self, values: Sequence[str], field: Field = "genre") -> tuple[str, ...]:
        """Return the value of a field after `set`."""
        return self._id3.stored(values, self.id3v23_separator)

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field."""
        separator = self.id3v23_separator
        self._id3.set_values(values, field, separator=separator, itunes=self.itunes_grouping)
        self._id3.present = True

    def restore(self, snapshot: Snapshot) -> None:
        """Restore everything; remove a tag that was absent unless it has other frames now."""
        version = snapshot["id3v2"]
        self._id3.restore_tag(version and {**snapshot, "version": version})

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; all other chunks are copied."""
        copy(source, draft, 0, FIRST)
        end = FIRST
        for chunk in self._chunks:
            end = chunk.end
            content = self._content(chunk)
            if chunk == self._place:
                self._write_tag(draft, chunk.name)
            elif content is not None:
                draft.write(self._chunk(chunk.name, content))
            else:
                copy(source, draft, chunk.at, chunk.content.stop)
                draft.write(bytes(chunk.size % 2))
        if self._place is None:
            self._write_tag(draft, self._name)
        size = draft.tell() - 8
        if size > _LARGEST:
            raise TagError("would be larger than its format allows (4 GiB).", code="tag-file-too-large")
        copy(source, draft, max(end, self._end))
        draft.seek(4)
        draft.write(size.to_bytes(4, self._order))

    def _write_tag(self, draft: BinaryIO, name: bytes) -> None:
        if self._id3.present:
            draft.write(self._chunk(name, self._id3.render()))

    def _chunk(self, name: bytes, content: bytes) -> bytes:
        return name + len(content).to_bytes(4, self._order) + content + bytes(len(content) % 2)


class WavTag(ChunkTag):
    """The tags of a WAV file: ID3v2 and `LIST INFO`.

    If both exist, FFmpeg 5.1 shows only the list, FFmpeg 8 shows ID3v2 first, so both get the genre. A
    list is never created, because FFmpeg 5.1 would then ignore ID3v2.
    """

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields, order="little", name=b"id3 ")

    def _find_lists(self, file: BinaryIO) -> Iterable[Chunk]:
        self._infos: dict[Chunk, Info] = {}
        for chunk in self._chunks:
            if chunk.name == b"LIST" and chunk.size <= _LARGEST_LIST:
                data = read_range(file, chunk.content)
                if Info.is_one(data):
                    self._infos[chunk] = Info(data)
                    self._infos[chunk].fields = self.fields
        return self._infos

    def _content(self, chunk: Chunk) -> bytes | None:
        return self._infos[chunk].render() if chunk in self._infos else None

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in the ID3v2 tag, else in `LIST INFO`."""
        return super().values(field) or self._of_lists(field)

    def everywhere(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in both."""
        return (*super().values(field), *self._of_lists(field))

    def _of_lists(self, field: Field) -> tuple[str, ...]:
        return tuple(text for info in self._infos.values() for text in info.values(field) if text.strip())

    def snapshot(self) -> Snapshot:
        """Return the frames, the size and the version of the tag, and the entries of the lists."""
        return {**super().snapshot(), "info": [info.snapshot() for info in self._infos.values()]}

    def others(self) -> Any:
        """Return all other frames and entries, and a hash of each other chunk."""
        return super().others(), [info.others() for info in self._infos.values()]

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field; `LIST INFO` has only the genre."""
        super().set(values, field)
        if field != "genre":
            return
        between = self.id3v23_separator if self.id3v23_separator.strip("\0") else "; "
        for info in self._infos.values():
            info.set_genre(between.join(values) or None)

    def restore(self, snapshot: Snapshot) -> None:
        """Restore everything; remove a tag that was absent unless it has other frames now."""
        super().restore(snapshot)
        placed: Any = snapshot.get("info", ())  # genrelab 0.1 left lists alone
        for info, entries in zip(self._infos.values(), placed, strict=False):
            info.restore(entries)


class AiffTag(ChunkTag):
    """The tag of an AIFF or AIFF-C file."""

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields, order="big", name=b"ID3 ")
