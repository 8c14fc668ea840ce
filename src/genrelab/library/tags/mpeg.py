"""MPEG audio: ID3v2 in front, ID3v1 at the end; APEv2 and Lyrics3 do not change."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO

import mutagen.apev2

from genrelab.audio.containers.outer_tags import ID3V1_SIZE, has_id3v1, id3_size, tail_start
from genrelab.library.tags.base import GenreTag, Snapshot, copy
from genrelab.library.tags.entries.id3 import Id3, frames_of_id3v1, id3v1_genre, id3v1_number


class MpegTag(GenreTag):
    """The tags of MPEG audio.

    A new ID3v2 tag copies the values of ID3v1, because players that find it ignore ID3v1. The genre in ID3v1
    is a number: that of the first genre with one.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._head = id3_size(file)
        file.seek(0)
        head = file.read(self._head)
        file.seek(tail_start(file, self._head))
        self._tail = file.read()
        self._v1 = self._tail[-ID3V1_SIZE:] if has_id3v1(file) else None
        self._id3 = Id3.parse(head) if head else Id3(frames=self._frames_of_v1())
        self._ape = _genres_of_ape(file)

    def _frames_of_v1(self) -> list[bytes]:
        return frames_of_id3v1(self._v1) if self._v1 else []

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres of ID3v2, else of APEv2, else of ID3v1."""
        of_id3 = self._id3.genres() if self._id3.present else ()
        return of_id3 or self.beside or self._genre_of_v1()

    @property
    def beside(self) -> tuple[str, ...]:
        """The genres of APEv2."""
        return self._ape

    @property
    def everywhere(self) -> tuple[str, ...]:
        """The genres of all three."""
        of_id3 = self._id3.genres() if self._id3.present else ()
        return (*of_id3, *self.beside, *self._genre_of_v1())

    def _genre_of_v1(self) -> tuple[str, ...]:
        return id3v1_genre(self._v1[-1]) if self._v1 else ()

    def snapshot(self) -> Snapshot:
        """Return the frames, the size and version of ID3v2, and the genre's number in ID3v1."""
        return {**self._id3.snapshot_tag(), "id3v1": self._v1[-1] if self._v1 else None}

    def others(self) -> Any:
        """Return all other frames, and the tags at the end without ID3v1's genre."""
        return self._id3.other_entries(), self._tail[:-1] if self._v1 else self._tail

    def stored(self, genres: Sequence[str]) -> tuple[str, ...]:
        """Return the value of `genres` after `set`."""
        return self._id3.stored(genres, self.id3v23_separator)

    def set(self, genres: Sequence[str]) -> None:
        """Replace the genres in ID3v2 and ID3v1."""
        self._id3.set_genres(genres, self.id3v23_separator)
        self._id3.present = True
        self._set_number(id3v1_number(genres))

    def restore(self, snapshot: Snapshot) -> None:
        """Restore everything; remove a tag that was absent unless it has other frames now."""
        version = snapshot["id3v2"]
        self._id3.restore_tag(version and {**snapshot, "version": version}, self._frames_of_v1())
        if isinstance(number := snapshot["id3v1"], int):
            self._set_number(number)

    def _set_number(self, number: int) -> None:
        if self._v1:
            self._v1 = self._v1[:-1] + bytes([number])
            self._tail = self._tail[:-1] + bytes([number])

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; the sound is copied."""
        if self._id3.present:
            draft.write(self._id3.render())
        copy(source, draft, self._head)
        draft.seek(-len(self._tail), io.SEEK_END)
        draft.write(self._tail)


def _genres_of_ape(file: BinaryIO) -> tuple[str, ...]:
    try:
        found = mutagen.apev2.APEv2(file).get("Genre")
    except mutagen.MutagenError:  # none, or an unreadable one
        return ()
    return tuple(found) if isinstance(found, mutagen.apev2.APETextValue) else ()
