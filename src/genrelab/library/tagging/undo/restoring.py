"""Restore tags from the snapshots in the journal, which may be damaged."""

from __future__ import annotations

import os
from pathlib import Path

from genrelab.errors import TagError
from genrelab.library.store.journal import Change, Journal
from genrelab.library.tags import FIELDS, GENRE, Fields, FileTag, Snapshot


def fields_of(snapshot: Snapshot, path: Path) -> Fields:
    """Return the fields of a snapshot in the journal; one that names none is of the genre."""
    named = snapshot.get("fields", list(GENRE))
    fields = tuple(field for field in FIELDS if isinstance(named, list) and field in named)
    if not fields or len(fields) != len(named):  # type: ignore[arg-type]
        raise TagError(f"{path} cannot be restored: the library is damaged.", code="tag-undo-damaged")
    return fields


def put_back(tag: FileTag, before: Snapshot) -> None:
    """Restore a tag without making it larger than it is now."""
    size, now = before.get("size", 0), tag.snapshot().get("size", 0)
    if not isinstance(size, int) or not isinstance(now, int):
        raise TagError("cannot be restored: the library is damaged.", code="tag-undo-damaged")
    try:
        tag.restore({**before, "size": min(size, now)} if "size" in before else before)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        message = f"cannot be restored: the library is damaged ({error})."
        raise TagError(message, code="tag-undo-damaged") from error


def find_change(journal: Journal, number: int) -> Change:
    """Return a change that can be undone.

    Raises
    ------
    TagError
        If there is none with this number: it never happened, or was undone.
    """
    change = journal.get(number)
    if change is None or change.state != "done":
        message = f"there is no change {number} to undo. It may be undone already."
        raise TagError(message, code="tag-change-unknown")
    return change


def check_last(journal: Journal, change: Change) -> None:
    """Raise unless a change is the last one of its file.

    Raises
    ------
    TagError
        If the file was written again since.
    """
    last = journal.last(change.path)
    if last is None or last.id != change.id:
        name = Path(os.fsdecode(change.path))
        after = "" if last is None else f" Undo change {last.id} first."
        raise TagError(
            f"{name} was written again after change {change.id}.{after}", code="tag-change-not-last"
        )
