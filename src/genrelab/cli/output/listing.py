"""Lists of records: a table for people, JSON and CSV for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Literal

from genrelab.console import below_one_folder, plain_table, write_console
from genrelab.csv_text import write_csv_line
from genrelab.printing import json_text

ListFormat = Literal["table", "json", "csv"]


def write_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    out: BinaryIO,
    *,
    right: Sequence[str] = (),
    paths: str | None = None,
) -> None:
    """Write a table for people; unprintable characters are escaped.

    Parameters
    ----------
    columns : sequence of str
        Titles of the columns.
    rows : iterable of sequence of str
    out : binary file
    right : sequence of str
        Titles of the columns to align right.
    paths : str or None
        Title of the column with paths. On a terminal that is too narrow for them, the folder that they
        share is a line above the table.
    """
    table = plain_table()
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column in right else "left")
    cells = [list(row) for row in rows]
    folder = ""
    if paths is not None:
        place = columns.index(paths)
        folder, names = below_one_folder([row[place] for row in cells], out)
        for row, name in zip(cells, names, strict=True):
            row[place] = name
    for row in cells:
        table.add_row(*row)
    write_console(out, table, folder=folder)


def write_json(value: Any, out: BinaryIO) -> None:
    """Write a value as JSON; see `genrelab.printing.json_text`."""
    out.write(json_text(value, indent=2).encode("utf-8") + b"\n")


def write_csv(columns: Sequence[str], rows: Iterable[Mapping[str, Any]], out: BinaryIO) -> None:
    """Write rows as CSV. A list is one cell, joined by semicolons. File names keep their bytes."""
    write_csv_line(columns, out)
    for row in rows:
        cells = (row[column] for column in columns)
        write_csv_line(("; ".join(cell) if isinstance(cell, list) else cell for cell in cells), out)
