"""Records of tagging: a table for people, JSON and CSV for programs."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterable
from typing import BinaryIO, Literal

from rich.table import Table
from rich.text import Text

from genrelab.console import PlainConsole
from genrelab.csv_text import write_csv_line
from genrelab.library.tagging.tagger import TagRecord
from genrelab.printing import json_text

TagFormat = Literal["table", "json", "csv"]

_UNLIMITED = 100_000  # columns: lines are not wrapped outside a terminal
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
    found = list(records)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("file", overflow="fold")
    for title in ("what", "genre", "new genre"):
        table.add_column(title)
    table.add_column("confidence", justify="right")
    table.add_column("note", overflow="fold")
    for record in found:
        failed = record.status == "error"
        confidence = "" if record.confidence is None else f"{100 * record.confidence:.0f} %"
        table.add_row(
            os.fspath(record.path),
            Text(record.status, style=_STYLES[record.status]),
            ", ".join(record.before),
            ", ".join(record.after) if record.after != record.before else "",
            Text(confidence),
            "" if failed else record.note or "",
        )
    text = io.StringIO()
    width = shutil.get_terminal_size().columns if out.isatty() else _UNLIMITED
    console = PlainConsole(file=text, width=width, force_terminal=out.isatty())
    console.print(table)
    for record in found:
        if record.status == "error":
            console.print(record.note or "", style="red", soft_wrap=True)
    lines = "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
    out.write(lines.encode("utf-8", errors="backslashreplace"))
