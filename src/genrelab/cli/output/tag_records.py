"""Records of tagging: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import BinaryIO, Literal

from rich.text import Text

from genrelab.console import below_one_folder, plain_table, write_console
from genrelab.csv_text import write_csv_line
from genrelab.library.tagging.tag_record import FieldChange, TagRecord
from genrelab.library.tags import GENRE, Field, Fields
from genrelab.printing import json_text

TagFormat = Literal["table", "json", "csv"]

_STYLES = {"would write": "yellow", "written": "green", "undone": "green", "error": "red", "left": "dim"}


def write_tag_records(
    records: Iterable[TagRecord], out: BinaryIO, *, format: TagFormat, fields: Fields = GENRE
) -> None:
    """Write records of tagging.

    Parameters
    ----------
    records : iterable of TagRecord
        Read one by one; `json` and `csv` write each record immediately.
    out : binary file
        The output; left open.
    format : {"table", "json", "csv"}
        File names that are not text are written as in `genrelab.recognize.writers.formats`.
    fields : tuple of Field
        The fields that were asked for; those other than the genre get columns of their own in CSV.
    """
    writers: dict[TagFormat, Callable[[Iterable[TagRecord], BinaryIO], None]] = {
        "table": _write_table,
        "json": _write_json,
        "csv": partial(_write_csv, fields=fields),
    }
    writers[format](records, out)


def _write_json(records: Iterable[TagRecord], out: BinaryIO) -> None:
    before = b"[\n"
    for record in records:
        out.write(before + json_text(record.to_dict()).encode("utf-8"))
        out.flush()
        before = b",\n"
    out.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _write_csv(records: Iterable[TagRecord], out: BinaryIO, *, fields: Fields) -> None:
    more = (column for field in fields if field != "genre" for column in FieldChange.columns(field))
    columns = (*TagRecord.COLUMNS, *more)
    write_csv_line(columns, out)
    for record in records:
        row = record.to_dict()
        row["guess"] = json.dumps(row["guess"])
        cells = (row.get(column, []) for column in columns)
        write_csv_line(("; ".join(cell) if isinstance(cell, list) else cell for cell in cells), out)


def _write_table(records: Iterable[TagRecord], out: BinaryIO) -> None:
    records = list(records)
    filled = (each.field for record in records for each in record.more if each.before or each.after)
    more: tuple[Field, ...] = tuple(dict.fromkeys(filled))
    table = plain_table()
    table.add_column("file", overflow="fold")
    table.add_column("what", overflow="fold")
    for field in ("genre", *more):
        table.add_column(field, overflow="fold")
        table.add_column(f"new {field}", overflow="fold")
    table.add_column("confidence", justify="right")
    table.add_column("note", overflow="fold")
    errors = []
    folder, names = below_one_folder([os.fspath(record.path) for record in records], out)
    for name, record in zip(names, records, strict=True):
        failed = record.status == "error"
        if failed:
            errors.append((record.note or "", "red"))
        changes = {change.field: (change.before, change.after) for change in record.more}
        changes["genre"] = (record.before, record.after)
        shown = (changes.get(field, ((), ())) for field in (*GENRE, *more))
        table.add_row(
            name,
            Text(record.status, style=_STYLES[record.status]),
            *(
                cell
                for before, after in shown
                for cell in (", ".join(before), ", ".join(after) if after != before else "")
            ),
            Text("" if record.confidence is None else f"{100 * record.confidence:.0f} %"),
            "" if failed else record.note or "",
        )
    write_console(out, table, errors, folder=folder)
