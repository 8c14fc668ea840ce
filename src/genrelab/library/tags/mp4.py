"""MP4 and M4A: the atom `©gen` (text) instead of `gnre` (a number of ID3v1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

from mutagen.mp4 import MP4, MP4Cover

from genrelab.errors import TagError
from genrelab.library.tags.base import GenreTag, Snapshot, copy

_KEY = "\xa9gen"


class Mp4Tag(GenreTag):
    """The tags of an MP4 file.

    mutagen converts a number in `gnre` to a name in `©gen`; undo restores the name.
    """

    def __init__(self, file: BinaryIO) -> None:
        file.seek(0)
        self._mp4: Any = MP4(file)
        if not self._mp4.info.codec:
            raise TagError("has no sound that genrelab supports in MP4.", code="tag-no-sound")
        if self._mp4.tags is None:
            self._mp4.add_tags()

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres."""
        return tuple(genre for genre in self._mp4.tags.get(_KEY, ()) if genre.strip())

    def snapshot(self) -> Snapshot:
        """Return the texts."""
        return {"texts": list(self._mp4.tags.get(_KEY, ()))}

    def others(self) -> Any:
        """Return all other atoms, also those unknown to mutagen, and chapters."""
        tags = self._mp4.tags
        atoms = sorted((key, repr(values), _pictures(values)) for key, values in tags.items() if key != _KEY)
        chapters = [(chapter.start, chapter.title) for chapter in self._mp4.chapters or ()]
        return atoms, sorted(getattr(tags, "_failed_atoms", {}).items()), chapters

    def set(self, genres: Sequence[str]) -> None:
        """Replace the genres."""
        self._mp4.tags[_KEY] = list(genres)
        if not genres:
            del self._mp4.tags[_KEY]

    def restore(self, snapshot: Snapshot) -> None:
        """Restore the texts."""
        texts: Any = snapshot["texts"]
        self.set(texts)

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; if it grows, adjust the offsets of the sound."""
        copy(source, draft)
        draft.seek(0)
        self._mp4.tags.save(draft)


def _pictures(values: Any) -> list[tuple[int, bytes]]:
    """Return format and bytes of cover pictures; their `repr` lacks the format."""
    many = values if isinstance(values, list) else []
    covers = [value for value in many if isinstance(value, MP4Cover)]
    return [(int(cover.imageformat), bytes(cover)) for cover in covers]
