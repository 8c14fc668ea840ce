"""The changes that can be undone, with the values before and after."""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelab.errors import TagError
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.journal import Change
from genrelab.library.store.library import Library
from genrelab.library.tagging.notes import explain
from genrelab.library.tagging.tag_record import FieldChange
from genrelab.library.tagging.undo.restoring import fields_of, put_back
from genrelab.library.tags import Fields, Snapshot, read_tag


@dataclass(frozen=True, slots=True)
class WrittenChange:
    """A change that can be undone.

    Parameters
    ----------
    number : int
        In the journal; later changes have larger ones.
    path : Path
        The file.
    fields : tuple of FieldChange
        The values before and after; empty if the file can no longer be read.
    when : datetime.datetime or None
        When it was written, in UTC; None for a change by an older version.
    last : bool
        Whether it is the last change of its file, the only one that can be undone now.
    note : str or None
        Why there are no values.
    """

    number: int
    path: Path
    fields: tuple[FieldChange, ...]
    when: datetime.datetime | None
    last: bool
    note: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the change as a JSON object."""
        return {
            "change": self.number,
            "path": os.fspath(self.path),
            "fields": {
                each.field: {"before": list(each.before), "after": list(each.after)} for each in self.fields
            },
            "when": None if self.when is None else self.when.isoformat(timespec="seconds"),
            "undoable": self.last,
            "note": self.note,
        }


def history(
    library: Library, *, limit: int, offset: int = 0, folders: Sequence[bytes] = ()
) -> tuple[list[WrittenChange], int]:
    """Return the changes that can be undone, the latest first, and their number.

    Only the files of the returned changes are read. The journal keeps the raw tags, whose values depend on
    the format of the file.

    Parameters
    ----------
    library : Library
    limit, offset : int
    folders : sequence of bytes
        Only files at or below one of these real paths; none means all.

    Returns
    -------
    list of WrittenChange, int
    """
    changes, total = library.journal.page(limit=limit, offset=offset, folders=folders)
    return [_written(change, last=last) for change, last in changes], total


def _written(change: Change, *, last: bool) -> WrittenChange:
    path, when = Path(os.fsdecode(change.path)), None
    if change.written is not None:
        when = datetime.datetime.fromtimestamp(change.written // 1000, datetime.UTC)
    try:
        fields = fields_of(change.tag_before, path)
        before, after = (_values(path, fields, each) for each in (change.tag_before, change.tag_after))
    except TagError as error:
        return WrittenChange(change.id, path, (), when, last, str(error))
    except OSError as error:
        return WrittenChange(change.id, path, (), when, last, explain(path, error))
    found = tuple(FieldChange(*values) for values in zip(fields, before, after, strict=True))
    return WrittenChange(change.id, path, found, when, last)


def _values(path: Path, fields: Fields, snapshot: Snapshot) -> list[tuple[str, ...]]:
    """Return the values of some fields as they would be with the tags of a snapshot."""
    FileSnapshot(path)  # opening a pipe would wait without end
    with path.open("rb") as file:
        tag = read_tag(file, path, fields)
    put_back(tag, snapshot)
    return [tag.values(field) for field in fields]
