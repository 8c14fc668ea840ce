"""A table of clips: a CSV file with a row a clip.

Columns `path` and `genre` are needed; `clip_id`, `artist`, `start`, `duration` (seconds), `split`
(train, valid or test), `corpus` and `label_origin` (where the genre comes from) have a meaning when they are
there; any other column can select rows. A row without a genre is an unlabelled clip.
"""

from __future__ import annotations

import csv
import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import examples, folder_safe, given_path
from genrelab.lab.corpora.types import Clip, Corpus, Split

_NEEDED = ("path", "genre")
_PARTS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class _Row:
    number: int  # as a person counts lines, the header being 1
    cells: dict[str, str]
    clip_id: str = ""

    def cell(self, column: str) -> str:
        return self.cells.get(column, "")


def load(argument: str) -> Corpus:
    """Read a table of clips, or some of its rows.

    Parameters
    ----------
    argument : str
        The CSV file, or a folder that holds `clips.csv`; optionally a selection after a question mark:
        `clips.csv?corpus=emotify,gtzan-short&label_origin=native` keeps the rows whose column has one of
        the values, for every column named. `%2C` stands for a comma in a value, `%26` for `&`.

    Returns
    -------
    Corpus
        Genres in alphabetical order; clips in the table's order. A clip's id is its `clip_id`, else its
        path; an id that several rows share is made unique with the row's `corpus` in front or its
        `start` behind, whatever the selection. Published split: the column `split`, of labelled clips.

    Raises
    ------
    CorpusError
        If the file or a needed column is missing, a selection fits nothing, a path leads out of the
        table's folder, files are missing, a number is none, or an id cannot be made unique.
    """
    place, _, selection = argument.partition("?")
    path = given_path(place, corpus="table")
    file = path / "clips.csv" if path.is_dir() else path
    if not file.is_file():
        raise CorpusError(
            f"table: {file} is missing. Give a CSV file, or a folder that holds clips.csv",
            code="table-file-missing",
        )
    columns, rows = _read(file)
    rows = _with_unique_ids(file, rows)
    rows = _select(file, columns, rows, selection)
    if not rows:
        raise CorpusError(
            f"table: {file} has no row. It needs a row a clip, with the columns path and genre",
            code="table-empty",
        )
    clips = _clips(file, rows)
    origin = file.resolve().parent.name if file.name == "clips.csv" else file.stem
    split = _split(file, rows) if "split" in columns else None
    return Corpus(
        name=folder_safe(f"{origin} {unquote(selection)}" if selection else origin),
        genres=sorted({clip.genre for clip in clips if clip.genre}),
        clips=clips,
        licence="unknown (that of the files)",
        citation="none (a table of your own)",
        published_splits={"published": split} if split else {},
    )


def _read(file: Path) -> tuple[Sequence[str], list[_Row]]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.DictReader(stream, restkey="", restval="")
            columns = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = columns
            rows = [
                _Row(reader.line_num, {name: value.strip() for name, value in cells.items() if name})
                for cells in reader
            ]
    except (UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(
            f"table: {file} is not a CSV file in UTF-8 ({error}). Save it as one", code="table-unreadable"
        ) from error
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise CorpusError(
            f"table: {file} lacks the column {' and '.join(missing)}; it has {', '.join(columns) or 'none'}",
            code="table-columns-missing",
        )
    return columns, rows


def _with_unique_ids(file: Path, rows: list[_Row]) -> list[_Row]:
    ids = [row.cell("clip_id") or row.cell("path") for row in rows]
    shared = Counter(ids)
    for index, row in enumerate(rows):
        if shared[ids[index]] > 1:
            prefix = f"{row.cell('corpus')}/" if row.cell("corpus") else ""
            start = f"@{row.cell('start')}" if row.cell("start") else ""
            ids[index] = f"{prefix}{ids[index]}{start}"
    first: dict[str, int] = {}
    for clip_id, row in zip(ids, rows, strict=True):
        if clip_id in first:
            raise CorpusError(
                f"table: {file}, rows {first[clip_id]} and {row.number}: both are clip {clip_id!r}. "
                "Give each row its own clip_id",
                code="table-clip-twice",
            )
        first[clip_id] = row.number
    return [_Row(row.number, row.cells, clip_id) for row, clip_id in zip(rows, ids, strict=True)]


def _select(file: Path, columns: Sequence[str], rows: list[_Row], selection: str) -> list[_Row]:
    for condition in filter(None, selection.split("&")):
        column, equals, listed = condition.partition("=")
        column = unquote(column)
        if not equals or column not in columns:
            close = get_close_matches(column, columns, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(columns)}"
            raise CorpusError(
                f"table: {file} has no column {column!r} to select by ({condition!r}). {hint}",
                code="table-column-unknown",
            )
        wanted = {unquote(value) for value in listed.split(",")}
        there = {row.cell(column) for row in rows}
        if wanted - there:
            raise CorpusError(
                f"table: {file}: no row with {column} {', '.join(sorted(wanted - there))} is left to select; "
                f"there is {examples(sorted(there), limit=8)}",
                code="table-selection-empty",
            )
        rows = [row for row in rows if row.cell(column) in wanted]
    return rows


def _clips(file: Path, rows: list[_Row]) -> list[Clip]:
    folder = file.resolve().parent
    clips = [
        Clip(
            id=row.clip_id,
            path=_inside(file, folder, row),
            genre=row.cell("genre") or None,
            artist=row.cell("artist") or None,
            start=_seconds(file, row, "start"),
            duration=_seconds(file, row, "duration"),
            label_origin=row.cell("label_origin") or None,
        )
        for row in rows
    ]
    missing = [
        row.cell("path")
        for row, clip in zip(rows, clips, strict=True)
        if not os.path.isfile(clip.path or folder)
    ]
    if missing:
        raise CorpusError(
            f"table: {file}: {len(missing)} of {len(rows)} files are missing, such as {examples(missing)}. "
            "Paths are relative to the table's folder",
            code="table-clips-missing",
        )
    return clips


def _inside(file: Path, folder: Path, row: _Row) -> Path:
    if not row.cell("path") or "\0" in row.cell("path"):
        raise CorpusError(
            f"table: {file}, row {row.number}: {row.cell('path')!r} is no path of a sound file",
            code="table-path-empty",
        )
    path = Path(os.path.realpath(folder / row.cell("path")))
    if not path.is_relative_to(folder):
        raise CorpusError(
            f"table: {file}, row {row.number}: {row.cell('path')!r} leads out of the table's folder. "
            "Put the files below the folder of the table",
            code="table-path-outside",
        )
    return path


def _seconds(file: Path, row: _Row, column: str) -> float | None:
    text = row.cell(column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0 or (column == "duration" and value == 0):
        raise CorpusError(
            f"table: {file}, row {row.number}: {column} {text!r} is not a time in seconds. "
            "Write a number such as 12.5, or leave it empty",
            code="table-not-a-time",
        )
    return value


def _split(file: Path, rows: list[_Row]) -> Split | None:
    parts: dict[str, list[str]] = {part: [] for part in _PARTS}
    for row in rows:
        part = row.cell("split").casefold()
        if part and part not in parts:
            raise CorpusError(
                f"table: {file}, row {row.number}: split {row.cell('split')!r} is not {', '.join(_PARTS)}",
                code="table-part-unknown",
            )
        if part and row.cell("genre"):
            parts[part].append(row.clip_id)
    if not any(parts.values()):
        return None
    return Split(
        name="published",
        train=parts["train"],
        valid=parts["valid"],
        test=parts["test"],
        made=f"the column split of {file.name}",
    )
