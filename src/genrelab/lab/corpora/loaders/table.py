"""A table of clips: a CSV file with one row per clip.

The columns `path` and `genre` are required; `rock; pop` is a clip with two genres. Optional columns are
`clip_id`, `artist`, `start` and `duration` (in seconds), `split` (train, valid or test), `corpus`,
`label_origin` (the source of the genre) and `tags` (such as `mood:calm; genre:folk`); any other column can
select rows. A row without a genre is an unlabelled clip. Rows whose files are missing are skipped and named,
unless all are.

Licence and citation: those of the files.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

from genrelab.errors import CorpusError
from genrelab.lab.corpora.genre_table import split_genres
from genrelab.lab.corpora.loaders.csv_rows import check_ids, find_table, read_table
from genrelab.lab.corpora.paths import examples, folder_safe
from genrelab.lab.corpora.tag_names import MOST_TAGS_PER_CLIP, in_order, spelling_key, split_tags, tag_fault
from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.value_faults import nearest

_NEEDED = ("path", "genre")
_PARTS = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class _Row:
    number: int  # line number; the header is line 1
    cells: dict[str, str]
    clip_id: str = ""

    def cell(self, column: str) -> str:
        return self.cells.get(column, "")


def load(argument: str) -> Corpus:
    """Read a table of clips, or some of its rows.

    Parameters
    ----------
    argument : str
        The CSV file, or a folder that contains `clips.csv`, optionally followed by a question mark and a
        selection: `clips.csv?corpus=emotify,gtzan-short&label_origin=native` keeps the rows whose column has
        one of the values, for every named column; a row of several genres counts as each of them. Write `%2C`
        for a comma and `%26` for `&` in a value.

    Returns
    -------
    Corpus
        Genres in alphabetical order; clips in the order of the table. The id of a clip is its `clip_id`, or
        else its path. An id shared by several rows gets the row's `corpus` as a prefix and its `start` as a
        suffix, whatever the selection. Published split: the column `split`, for clips with a genre or tags.

    Raises
    ------
    CorpusError
        If the file or a required column is missing, a selection matches nothing, a path leads out of the
        folder of the table, all files are missing, a number or a tag is invalid, or two rows have the same
        id.
    """
    place, _, selection = argument.partition("?")
    file = find_table(place, corpus="table", usual_name="clips.csv")
    columns, cells = read_table(file, corpus="table", needed=_NEEDED)
    rows = [_Row(number, dict(zip(columns, row, strict=False))) for number, row in cells]
    rows = _select(file, columns, _with_unique_ids(file, rows), selection)
    clips, skipped = _clips(file, rows)
    rows = [row for row in rows if row.clip_id not in skipped]
    origin = file.resolve().parent.name if file.name == "clips.csv" else file.stem
    split = _split(file, rows) if "split" in columns else None
    return Corpus(
        name=folder_safe(f"{origin} {unquote(selection)}" if selection else origin),
        genres=sorted({genre for clip in clips for genre in clip.genres}),
        clips=clips,
        licence="unknown (that of the files)",
        citation="none (a table of your own)",
        published_splits={"published": split} if split else {},
        skipped=skipped,
    )


def _with_unique_ids(file: Path, rows: list[_Row]) -> list[_Row]:
    ids = [row.cell("clip_id") or row.cell("path") for row in rows]
    shared = Counter(ids)
    for index, row in enumerate(rows):
        if shared[ids[index]] > 1:
            prefix = f"{row.cell('corpus')}/" if row.cell("corpus") else ""
            start = f"@{row.cell('start')}" if row.cell("start") else ""
            ids[index] = f"{prefix}{ids[index]}{start}"
    check_ids(((row.number, each) for row, each in zip(rows, ids, strict=True)), corpus="table", file=file)
    return [_Row(row.number, row.cells, clip_id) for row, clip_id in zip(rows, ids, strict=True)]


def _select(file: Path, columns: Sequence[str], rows: list[_Row], selection: str) -> list[_Row]:
    for condition in filter(None, selection.split("&")):
        column, equals, listed = condition.partition("=")
        column = unquote(column)
        if not equals or column not in columns:
            close = get_close_matches(column, columns, n=1)
            hint = f"Did you mean {close[0]!r}?" if close else f"It has {', '.join(columns)}"
            message = f"table: {file} has no column {column!r} to select by ({condition!r}). {hint}"
            raise CorpusError(message, code="table-column-unknown")
        wanted = {unquote(value) for value in listed.split(",")}
        cells = {row.number: _values(column, row.cell(column)) for row in rows}
        values = {value for each in cells.values() for value in each}
        if lacking := sorted(wanted - values):
            near = nearest(lacking[0], values)
            hint = f"did you mean {' or '.join(map(repr, near))}? T" if near else "t"
            raise CorpusError(
                f"table: {file}: no selected row has {column} {', '.join(lacking)}; "
                f"{hint}he values are {examples(sorted(values), limit=8)}",
                code="table-selection-empty",
            )
        rows = [row for row in rows if wanted & cells[row.number]]
    return rows


def _values(column: str, cell: str) -> set[str]:
    """Return what a cell can be selected by: the whole, and each of several genres."""
    return {cell, *split_genres(cell)} if column == "genre" else {cell}


def _clips(file: Path, rows: list[_Row]) -> tuple[list[Clip], dict[str, str]]:
    """Return the clips whose files are there, and why the others are skipped."""
    folder = file.resolve().parent
    tags = _tags(file, rows)
    genres = {row.number: split_genres(row.cell("genre")) for row in rows}
    clips = [
        Clip(
            id=row.clip_id,
            path=_inside(file, folder, row),
            genre=next(iter(genres[row.number]), None),
            more_genres=genres[row.number][1:],
            artist=row.cell("artist") or None,
            start=_seconds(file, row, "start"),
            duration=_seconds(file, row, "duration"),
            label_origin=row.cell("label_origin") or None,
            tags=tags[row.number],
        )
        for row in rows
    ]
    missing = {
        clip.id: row.cell("path")
        for row, clip in zip(rows, clips, strict=True)
        if not os.path.isfile(clip.path or folder)
    }
    if len(missing) == len(clips):
        raise CorpusError(
            f"table: {file}: all {len(rows)} files are missing, such as {examples(list(missing.values()))}. "
            "Paths are relative to the table's folder",
            code="table-clips-missing",
        )
    skipped = {
        key: "its file is missing" if path == key else f"its file {path} is missing"
        for key, path in missing.items()
    }
    return [clip for clip in clips if clip.id not in skipped], skipped


def _tags(file: Path, rows: list[_Row]) -> dict[int, tuple[str, ...] | None]:
    """Return row number -> tags, None where the cell is empty."""
    found: dict[int, tuple[str, ...] | None] = {}
    first: dict[str, tuple[str, int]] = {}  # spelling key -> spelling and row of its first use
    for row in rows:
        tags = split_tags(row.cell("tags"))
        where = f"table: {file}, row {row.number}"
        if len(tags) > MOST_TAGS_PER_CLIP:
            raise CorpusError(
                f"{where} has {len(tags)} tags, and a clip can have {MOST_TAGS_PER_CLIP}. Keep the tags that "
                "matter",
                code="table-tags-too-many",
            )
        for tag in tags:
            if (fault := tag_fault(tag)) is not None:
                hint = "separate tags by ';', or rename the column if it means something else"
                raise CorpusError(f"{where}: {fault}; {hint}", code="table-tag-faulty")
            spelling, number = first.setdefault(spelling_key(tag), (tag, row.number))
            if spelling != tag:
                raise CorpusError(
                    f"{where}: {tag!r} and {spelling!r} (row {number}) differ in spelling only. Write one of "
                    "them in both rows",
                    code="table-tag-spellings",
                )
        found[row.number] = in_order(tags) or None
    return found


def _inside(file: Path, folder: Path, row: _Row) -> Path:
    if not row.cell("path") or "\0" in row.cell("path"):
        message = f"table: {file}, row {row.number}: {row.cell('path')!r} is not a path"
        raise CorpusError(message, code="table-path-empty")
    path = Path(os.path.realpath(folder / row.cell("path")))
    if not path.is_relative_to(folder):
        message = f"table: {file}, row {row.number}: {row.cell('path')!r} leads out of the table's folder"
        raise CorpusError(message, code="table-path-outside")
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
                f"table: {file}, row {row.number}: split {row.cell('split')!r} is not {' or '.join(_PARTS)}",
                code="table-part-unknown",
            )
        if part and (row.cell("genre") or split_tags(row.cell("tags"))):
            parts[part].append(row.clip_id)
    if not any(parts.values()):
        return None
    made = f"the column split of {file.name}"
    return Split("published", parts["train"], parts["valid"], parts["test"], made)
