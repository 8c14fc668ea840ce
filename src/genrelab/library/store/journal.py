"""The table of changes: what was written to which file, so that it can be completed or undone.

A change is `begun` before its draft (the new file, beside the old one) is created. It is `ready` when the
draft is complete, checked and on the disk. Then the draft replaces the file in one atomic step, and the
change is `done`. If a process is killed at any moment, the draft and the state show what happened.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from genrelab.drafts import is_name
from genrelab.library.store.database import Database
from genrelab.library.store.track_filter import at_or_below
from genrelab.library.store.track_row import DamagedRowError, is_digest, is_path, parse
from genrelab.library.tags import Snapshot

_COLUMNS = "id, path, draft, state, undoes, sound, tag_before, tag_after, "
_COLUMNS += "file_before, file_after, written"
_STATES = ("begun", "ready", "done")
_LATEST = 253_402_300_799_999  # the end of the year 9999
_MOST_TAGS = 2**26  # characters of JSON; the largest ID3v2 tag fits


@dataclass(frozen=True, slots=True)
class Change:
    """A change to a file.

    Attributes
    ----------
    id : int
    path : bytes
        The file.
    draft : bytes or None
        Name of the draft in the folder of the file, until the change is done.
    state : {"begun", "ready", "done"}
    undoes : int or None
        The change that this one undoes.
    sound : bytes
        Hash of the audio.
    tag_before, tag_after : Snapshot
        The parts of the tag that contain the genre.
    file_before, file_after : bytes or None
        SHA-256 of the whole file; None while the change is `begun`.
    written : int or None
        When it was done, in milliseconds since 1970; None before, and for changes by older versions.
    """

    id: int
    path: bytes
    draft: bytes | None
    state: str
    undoes: int | None
    sound: bytes
    tag_before: Snapshot
    tag_after: Snapshot
    file_before: bytes | None
    file_after: bytes | None
    written: int | None = None

    @property
    def folder(self) -> bytes:
        """The file's folder."""
        return os.path.dirname(self.path)

    @property
    def draft_path(self) -> bytes | None:
        """The path of the draft; None if there is no draft."""
        return None if self.draft is None else os.path.join(self.folder, self.draft)


class Journal:
    """The changes to files.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(
        self,
        path: bytes,
        draft: bytes,
        sound: bytes,
        before: Snapshot,
        after: Snapshot,
        *,
        undoes: Change | None = None,
    ) -> int:
        """Record the start of a change and return its id."""
        return self._database.execute(
            "INSERT INTO changes (path, draft, state, undoes, sound, tag_before, tag_after) "
            "VALUES (?, ?, 'begun', ?, ?, ?, ?)",
            (path, draft, undoes.id if undoes else None, sound, json.dumps(before), json.dumps(after)),
        )

    def make_ready(self, number: int, file_before: bytes, file_after: bytes) -> None:
        """Record that the draft of a change is complete and on the disk."""
        self._database.execute(
            "UPDATE changes SET state = 'ready', file_before = ?, file_after = ? WHERE id = ?",
            (file_before, file_after, number),
        )

    def finish(self, change: Change) -> None:
        """Record that a change is done; an undo removes both itself and the change it undoes."""
        with self._database.transaction():
            if change.undoes is None:
                self._database.execute(
                    "UPDATE changes SET state = 'done', draft = NULL, written = ? WHERE id = ?",
                    (time.time_ns() // 1_000_000, change.id),
                )
                return
            # The file is now as after the change before, though its bytes may differ.
            self._database.execute(
                "UPDATE changes SET file_after = ? WHERE path = ? AND file_after = "
                "(SELECT file_before FROM changes WHERE id = ?) AND id < ?",
                (change.file_after, change.path, change.undoes, change.undoes),
            )
            self._database.execute("DELETE FROM changes WHERE id IN (?, ?)", (change.id, change.undoes))

    def drop(self, number: int) -> None:
        """Remove a change that did not happen."""
        self._database.execute("DELETE FROM changes WHERE id = ?", (number,))

    def move(self, number: int, path: bytes) -> None:
        """Record the new path of the file of a change."""
        self._database.execute("UPDATE changes SET path = ? WHERE id = ?", (path, number))

    def keep_up(self, number: int, file_after: bytes) -> None:
        """Record that another program changed other parts of the file since."""
        self._database.execute("UPDATE changes SET file_after = ? WHERE id = ?", (file_after, number))

    def get(self, number: int) -> Change | None:
        """Return a change by its id, or None."""
        found = self._select("id = ?", number)
        return found[0] if found else None

    def unfinished(self) -> list[Change]:
        """Return the changes that are not done."""
        return self._select("state != ? ORDER BY id", "done")

    def last(self, path: bytes) -> Change | None:
        """Return the last change to a file that was not undone."""
        found = self._select("path = ? AND state = 'done' ORDER BY id DESC", path)
        return found[0] if found else None

    def last_of_moved(self, sound: bytes) -> Change | None:
        """Return the last change to a file with that audio that is no longer at its path."""
        found = self._select("sound = ? AND state = 'done' ORDER BY id DESC", sound)
        return next((change for change in found if not os.path.lexists(change.path)), None)

    def page(
        self, *, limit: int, offset: int = 0, folders: Sequence[bytes] = ()
    ) -> tuple[list[tuple[Change, bool]], int]:
        """Return changes that can be undone, the latest first, and the number of all.

        Parameters
        ----------
        limit, offset : int
        folders : sequence of bytes
            Only files at or below one of these real paths; none means all.

        Returns
        -------
        list of (Change, bool), int
            Whether it is the last change of its file. Damaged rows are left out.
        """
        where, values = "state = 'done'", list[bytes]()
        if folders:
            clause, values = at_or_below(folders)
            where = f"{where} AND {clause}"
        ((total,),) = self._database.rows(f"SELECT count(*) FROM changes WHERE {where}", values)
        rows = self._database.rows(
            f"SELECT {_COLUMNS}, id = (SELECT max(id) FROM changes AS other WHERE other.path = changes.path "
            f"AND state = 'done') FROM changes WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        found = []
        for *row, last in rows:
            with suppress(DamagedRowError):
                found.append((_change(row), bool(last)))
        return found, int(total)

    def count(self) -> int:
        """Return the number of changes that can be undone."""
        ((count,),) = self._database.rows("SELECT count(*) FROM changes WHERE state = 'done'")
        return int(count)

    def _select(self, where: str, value: Any) -> list[Change]:
        """Return the valid changes that match."""
        found = []
        for row in self._database.rows(f"SELECT {_COLUMNS} FROM changes WHERE {where}", (value,)):
            with suppress(DamagedRowError):
                found.append(_change(row))
        return found


def _change(row: Sequence[Any]) -> Change:
    """Return a row as a change after checking its values: the library may be damaged or untrusted.

    In particular, the path must be complete, and the draft must have a name made by genrelab, without a
    folder.

    Raises
    ------
    DamagedRowError
        If a value is invalid.
    """
    number, path, draft, state, undoes, sound, before, after, file_before, file_after, written = row
    digests = (file_before, file_after)
    if not (is_path(path) and os.path.basename(path) and is_digest(sound)):
        raise DamagedRowError("path")
    if draft is not None and not (isinstance(draft, bytes) and is_name(os.fsdecode(draft))):
        raise DamagedRowError("draft")
    if state not in _STATES or not all(digest is None or is_digest(digest) for digest in digests):
        raise DamagedRowError("state")
    if state != "begun" and None in digests:
        raise DamagedRowError("digests")
    if not isinstance(undoes, int | None) or not isinstance(number, int):
        raise DamagedRowError("undoes")
    if not isinstance(written, int) or not 0 <= written <= _LATEST:
        written = None  # the change can be undone without it
    tag_before, tag_after = (parse(text, "tags", most=_MOST_TAGS) for text in (before, after))
    if not isinstance(tag_before, dict) or not isinstance(tag_after, dict):
        raise DamagedRowError("tags")
    return Change(
        number, path, draft, state, undoes, sound, tag_before, tag_after, file_before, file_after, written
    )
