"""Reading of the CSV files that describe a user's own corpora, shared by `table` and `feature_table`."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import given_path

NumberedRows = list[tuple[int, list[str]]]
"""Line number (the header is line 1) and cells of each row."""


def find_table(place: str, *, corpus: str, usual_name: str) -> Path:
    """Return the CSV file that a corpus spec names, or the one with the usual name in a folder."""
    path = given_path(place, corpus=corpus)
    file = path / usual_name if path.is_dir() else path
    if not file.is_file():
        message = f"{corpus}: {file} is missing. Give a CSV file, or a folder that contains {usual_name}"
        raise CorpusError(message, code="table-file-missing")
    return file


def read_table(file: Path, *, corpus: str, needed: Sequence[str]) -> tuple[list[str], NumberedRows]:
    """Return the column names and the rows, all without surrounding white space.

    Raises
    ------
    CorpusError
        If the file is not CSV in UTF-8, lacks a needed column, or has no row.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            columns = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        message = f"{corpus}: {file} is not a CSV file in UTF-8 ({error}). Save it as one"
        raise CorpusError(message, code="table-unreadable") from error
    missing = " and ".join(name for name in needed if name not in columns)
    if missing:
        message = f"{corpus}: {file} lacks the column {missing}; it has {', '.join(columns) or 'none'}"
        raise CorpusError(message, code="table-columns-missing")
    if not rows:
        message = f"{corpus}: {file} has no rows. Write one row per clip"
        raise CorpusError(message, code="table-empty")
    return columns, rows


def check_ids(ids: Iterable[tuple[int, str]], *, corpus: str, file: Path) -> None:
    """Raise `CorpusError` if two rows, given as line number and clip id, describe the same clip."""
    first: dict[str, int] = {}
    for number, clip_id in ids:
        if clip_id in first:
            message = f"{corpus}: {file}, rows {first[clip_id]} and {number} have one id, {clip_id!r}"
            raise CorpusError(message, code="table-clip-twice")
        first[clip_id] = number
