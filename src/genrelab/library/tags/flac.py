"""FLAC: Vorbis comments in a metadata block; pictures, cue sheets and all other blocks stay bit for bit.

See RFC 9639, section 8. An ID3v2 tag in front, which is outside the standard, does not change.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, BinaryIO

from genrelab.audio.containers import ContainerError
from genrelab.audio.containers.flac import LARGEST_BLOCK, PADDING, VORBIS_COMMENT, metadata_blocks
from genrelab.audio.containers.outer_tags import skip_id3
from genrelab.errors import TagError
from genrelab.library.tags.base import NEW_PADDING, FileTag, Snapshot, copy, read_range
from genrelab.library.tags.entries import GENRE, Field, Fields
from genrelab.library.tags.entries.comments import DAMAGED, Comments

_CUT = "ends within its metadata. Get the file again."


class FlacTag(FileTag):
    """The tags of a FLAC file."""

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        super().__init__(file, fields)
        self._start = skip_id3(file) + 4
        size = file.seek(0, os.SEEK_END)
        try:
            blocks = list(metadata_blocks(file, self._start - 4))
        except ContainerError as error:
            raise TagError(_CUT, code="tag-file-cut-off") from error
        self._sound = blocks[-1].content.stop
        if self._sound > size:
            raise TagError(_CUT, code="tag-file-cut-off")
        self._blocks = [(kind, read_range(file, content)) for kind, content in blocks]
        self._size = self._sound - self._start  # of all blocks together
        comments = [data for kind, data in self._blocks if kind == VORBIS_COMMENT]
        if len(comments) > 1:
            raise TagError("has several blocks of comments. Keep one with a tag editor.", code="tag-several")
        self._present = bool(comments)
        self._comments = Comments.parse(comments[0]) if comments else Comments()
        self._comments.fields = fields
        if self._comments.rest:
            raise TagError(DAMAGED, code="tag-damaged")

    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field among the comments."""
        return self._comments.values(field)

    def snapshot(self) -> Snapshot:
        """Return the comments that may change, and the size of all blocks."""
        return {"comments": self._comments.snapshot(), "present": self._present, "size": self._size}

    def others(self) -> Any:
        """Return all other comments, and all blocks except comments and padding."""
        entries = self._comments.others()[1]
        blocks = [block for block in self._blocks if block[0] not in (PADDING, VORBIS_COMMENT)]
        return (self._comments.vendor if entries else b""), entries, blocks

    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field."""
        self._comments.set_values(values, field)
        self._present = True

    def restore(self, snapshot: Snapshot) -> None:
        """Restore the comments; remove a block that was absent if it has no others."""
        self._comments.restore(snapshot["comments"])
        self._present = bool(snapshot["present"] or self._comments.entries)
        self._size = int(str(snapshot["size"]))

    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file; the sound is copied."""
        blocks = [(kind, data) for kind, data in self._blocks if kind not in (PADDING, VORBIS_COMMENT)]
        if self._present:
            kinds = [kind for kind, _ in self._blocks if kind != PADDING]
            place = kinds.index(VORBIS_COMMENT) if VORBIS_COMMENT in kinds else 1
            blocks.insert(place, (VORBIS_COMMENT, self._comments.render()))
        room = self._size - sum(4 + len(data) for _, data in blocks)
        if room != 0:  # the header of a padding block has 4 bytes
            padding = min(room - 4, LARGEST_BLOCK) if room >= 4 else NEW_PADDING
            blocks.append((PADDING, bytes(padding)))
        copy(source, draft, 0, self._start)
        for number, (kind, data) in enumerate(blocks, start=1):
            if len(data) > LARGEST_BLOCK:
                raise TagError("has more tags than FLAC allows (16 MiB).", code="tag-too-large")
            last = 0x80 if number == len(blocks) else 0
            draft.write(bytes([kind | last]) + len(data).to_bytes(3, "big") + data)
        copy(source, draft, self._sound)
