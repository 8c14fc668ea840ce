"""Records of tagging: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import BinaryIO, Literal

from rich.text import Text

from genrelab.console import plain_table, write_console
from genrelab.csv_text import write_csv_line
from genrelab.library.tagging.tagger import TagRecord
from genrelab.printing import json_text

TagFormat = Literal["table", "json", "csv"]

_STYLES = {"would write": "yellow", "written": "green", "undone": "green", "error": "red", "left": "dim"}


def write_tag_records(records: Iterable[TagRecord], out: BinaryIO, *, format: TagFormat) -> None:
    """Write records of tagging.

    Parameters
    ----------
    records : iterable of TagRecord
        Read one by one; `json` and `csv` write each record immediately.
    out : binary file
        The output; left open.
    format : {"table", "json", "csv"}
        File names that are not text are written as in `genrelab.recognize.writers.formats`.
    """
    writers: dict[TagFormat, Callable[[Iterable[TagRecord], BinaryIO], None]] = {
        "table": _write_table,
        "json": _write_json,
        "csv": _write_csv,
    }
    writers[format](records, out)


def _write_json(records: Iterable[TagRecord], out: BinaryIO) -> None:
    before = b"[\n"
    for record in records:
        out.write(before + json_text(record.to_dict()).encode("utf-8"))
        out.flush()
        before = b",\n"
    out.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def _write_csv(records: Iterable[TagRecord], out: BinaryIO) -> None:
    write_csv_line(TagRecord.COLUMNS, out)
    for record in records:
        row = record.to_dict()
        cells = ("; ".join(cell) if isinstance(cell, list) else cell for cell in row.values())
        write_csv_line(cells, out)


def _write_table(records: Iterable[TagRecord], out: BinaryIO) -> None:
    table = plain_table()
    table.add_column("file", overflow="fold")
    for title in ("what", "genre", "new genre"):
        table.add_column(title)
    table.add_column("confidence", justify="right")
    table.add_column("note", overflow="fold")
    errors = []
    for record in records:
        failed = record.status == "error"
        if failed:
            errors.append((record.note or "", "red"))
        table.add_row(
            os.fspath(record.path),
            Text(record.status, style=_STYLES[record.status]),
            ", ".join(record.before),
            ", ".join(record.after) if record.after != record.before else "",
            Text("" if record.confidence is None else f"{100 * record.confidence:.0f} %"),
            "" if failed else record.note or "",
        )
    write_console(out, table, errors)
