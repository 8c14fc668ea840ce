"""Write tags into a file without a library, with the checks of a change in a library or without."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from genrelab.errors import TagError
from genrelab.library.store.audio_digest import sound_digest
from genrelab.library.tags import FIELDS, GENRE, Fields, FileTag, Snapshot, read_tag, tag_errors


def rewrite(path: Path, alter: Callable[[FileTag], None], *, fields: Fields = GENRE) -> Snapshot:
    """Write a file with changed tags; return the snapshot from before."""
    draft = path.with_suffix(".draft")
    try:
        with path.open("rb") as source, draft.open("w+b") as file:
            tag = read_tag(source, path, fields)
            before = tag.snapshot()
            with tag_errors(path):
                alter(tag)
                tag.write(source, file)
            found = read_tag(file, path, fields)
            found.itunes_grouping = tag.itunes_grouping
            assert [found.values(field) for field in fields] == [tag.values(field) for field in fields]
            assert found.others() == tag.others()
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return before


def checked_rewrite(path: Path, data: bytes) -> bool:
    """Write all fields into a file of these bytes and take them back; False if that is refused."""
    path.write_bytes(data)
    sound = sound_digest(path)
    try:
        before = rewrite(path, _fill, fields=FIELDS)
    except TagError as error:
        assert str(path) in str(error)
        return False
    assert sound_digest(path) == sound
    rewrite(path, lambda tag: tag.restore(before), fields=FIELDS)
    assert path.read_bytes() == data
    return True


def _fill(tag: FileTag) -> None:
    for field in FIELDS:
        if field not in tag.without:
            tag.set((f"Fuzz {field}",), field)
