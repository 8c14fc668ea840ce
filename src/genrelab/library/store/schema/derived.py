"""Values of a row that are derived from its others, so that lists and conditions need not parse these.

`present` names the tags that are present. `checksum` is the CRC-32 of the columns that are long to check:
while it agrees, they are as they were when they were checked, and only what is shown is parsed. Rows of older
formats and of other programs lack both until a library is opened for writing; everything works without them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrelab.errors import LibraryError
from genrelab.library.store.schema.formats import SUMMARY
from genrelab.library.store.track_row import COLUMNS, DamagedRowError, TrackRow, checksum_of

if TYPE_CHECKING:
    from genrelab.library.store.database import Database

DAMAGED = -1
"""The checksum of a row that was checked and is damaged; no CRC-32 is negative."""

Report = Callable[[str, int, int], None]
"""Takes what is done, how much of it is done, and how much there is."""

_BLOCK = 500  # rows per transaction: a killed process loses the work on at most as many
_LARGE = 5_000  # rows: fewer are not worth a report
_LATER = ("library-locked", "library-disk-full")


def derive(row: TrackRow) -> tuple[str | None, int]:
    """Check a row; return its `present` and its `checksum`."""
    try:
        found = row.recognition(Path())
    except DamagedRowError:
        return None, DAMAGED
    labels = [tag.label for tag in found.tags if tag.present]
    checksum = checksum_of(row)
    present = json.dumps(labels, ensure_ascii=False) if found.tags else ""
    return present, DAMAGED if checksum is None else checksum


def complete(database: Database, report: Report | None = None) -> None:
    """Derive what rows lack, in short transactions, and create the index over it.

    Whatever ends the process, the next call continues. If another process holds the library for long, or the
    disk is full, a later call completes it.

    Parameters
    ----------
    database : Database
        Writable.
    report : callable or None
        Called while a large library is completed.
    """
    try:
        ((left,),) = database.rows("SELECT count(*) FROM tracks WHERE checksum IS NULL")
        done, total = 0, int(left)
        while total:
            count = _derive_some(database)
            if not count:
                break
            done += count
            if report is not None and total >= _LARGE:
                report("upgrading the library", min(done, total), total)
        if not database.rows("SELECT 1 FROM sqlite_schema WHERE name = 'tracks_summary'"):
            database.execute(SUMMARY)
    except LibraryError as error:
        if error.code not in _LATER:
            raise


def _derive_some(database: Database) -> int:
    with database.transaction():
        numbers = database.rows(f"SELECT id FROM tracks WHERE checksum IS NULL ORDER BY id LIMIT {_BLOCK}")
        for number in numbers:
            values: list[Any] = database.rows(f"SELECT id, {COLUMNS} FROM tracks WHERE id = ?", number)
            present, checksum = derive(TrackRow(*values[0]))
            database.execute(
                "UPDATE tracks SET present = ?, checksum = ? WHERE id = ?", (present, checksum, *number)
            )
    return len(numbers)
