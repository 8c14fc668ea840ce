"""Read the tables of this package: CSV files with comments, of bounded size."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

from genrelab.errors import VocabularyError

MOST_BYTES, MOST_ROWS = 1 << 20, 10_000
SEPARATOR = "|"
"""Separates several values in a cell."""


def cells(text: str) -> tuple[str, ...]:
    """Return the values of a cell."""
    return tuple(value.strip() for value in text.split(SEPARATOR) if value.strip())


@cache
def read_table(name: str, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a table.

    Parameters
    ----------
    name : str
        Of the file, without `.csv`.
    columns : tuple of str
        The columns that it must have, in order.

    Raises
    ------
    VocabularyError
        If the file is missing, too large, or has other columns.
    """
    return parse_table(_text(name), name, columns)


def read_notes(name: str) -> str:
    """Return the comment at the head of a table: what it covers, its source and its licence."""
    lines = []
    for line in _text(name).splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.removeprefix("#").strip())
    return " ".join(" ".join(lines).split())


def parse_table(text: str, name: str, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return the rows of a text; see `read_table`."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) > MOST_ROWS:
        message = (
            f"the table {name} of the vocabulary has more than {MOST_ROWS} rows. Install genrelab again."
        )
        raise VocabularyError(message, code="vocabulary-too-large")
    head, *rows = csv.reader(lines, strict=True) if lines else [[]]
    for number, row in enumerate([head, *rows], start=1):
        if tuple(head) != columns or len(row) != len(columns):
            raise VocabularyError(
                f"the table {name} of the vocabulary is damaged at row {number}. Install genrelab again.",
                code="vocabulary-damaged",
            )
    return tuple(map(tuple, rows))


@cache
def _text(name: str) -> str:
    place = files("genrelab.vocabulary") / "data" / f"{name}.csv"
    try:
        with place.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        text = data.decode("utf-8")
    except (OSError, ValueError) as error:
        message = f"the table {place} cannot be read: {error}. Install genrelab again."
        raise VocabularyError(message, code="vocabulary-unreadable") from error
    if len(data) > MOST_BYTES:
        message = f"the table {place} has more than {MOST_BYTES} bytes. Install genrelab again."
        raise VocabularyError(message, code="vocabulary-too-large")
    return text
