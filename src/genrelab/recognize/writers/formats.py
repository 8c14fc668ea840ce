r"""Write records: a table for people; JSON, JSON lines, CSV and Parquet for programs.

File names need not be valid text. Python decodes a byte that is not UTF-8 to a lone surrogate
(`surrogateescape`). JSON contains it as `\udcXX`, which Python's `os.fsencode` converts back. CSV contains
the byte itself. Parquet has a column with the bytes of the name. The table shows an escape.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import Any, BinaryIO, Literal, NamedTuple, Protocol, get_args

from genrelab.csv_text import CsvWriter
from genrelab.errors import UsageError
from genrelab.extras import need_extra
from genrelab.printing import json_text
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.recognition import RankedGenre, Recognition, TagScore, rounded

Format = Literal["table", "json", "jsonl", "csv", "parquet"]
_TRUTH = {True: "true", False: "false"}
_AT_ONCE = 5_000  # records in memory: the rows of a table with one heading, or a row group
FORMATS: tuple[Format, ...] = get_args(Format)


class _Content(NamedTuple):
    """What a record shows: see `write_records`."""

    top: int
    timeline: bool
    tags: bool


class CsvRecord(Protocol):
    """What CSV needs of a record; see `Recognition`."""

    @property
    def path(self) -> str | os.PathLike[str]: ...  # noqa: D102
    @property
    def duration(self) -> float | None: ...  # noqa: D102
    @property
    def genre(self) -> str | None: ...  # noqa: D102
    @property
    def confidence(self) -> float | None: ...  # noqa: D102
    @property
    def reason(self) -> str | None: ...  # noqa: D102
    @property
    def genres(self) -> tuple[RankedGenre, ...]: ...  # noqa: D102
    @property
    def tags(self) -> tuple[TagScore, ...]: ...  # noqa: D102
    @property
    def full(self) -> bool: ...  # noqa: D102
    @property
    def track(self) -> SheetTrack | None: ...  # noqa: D102
    @property
    def model(self) -> str: ...  # noqa: D102
    @property
    def warning(self) -> str | None: ...  # noqa: D102
    @property
    def error(self) -> str | None: ...  # noqa: D102
    @property
    def guess(self) -> bool: ...  # noqa: D102


_Writer = Callable[[Iterable[Recognition], BinaryIO, _Content], None]


def write_records(
    records: Iterable[Recognition],
    out: BinaryIO,
    *,
    format: Format,
    top: int = 3,
    timeline: bool = False,
    tags: bool = False,
) -> None:
    """Write records.

    Parameters
    ----------
    records : iterable of Recognition
        Read one by one; `jsonl` and `csv` write each record immediately. A table of more than 5,000 records
        is written in parts with a heading each.
    out : binary file
        The output; left open.
    format : {"table", "json", "jsonl", "csv", "parquet"}
    top : int > 0
        Number of ranked genres per record.
    timeline : bool
        Whether to include timelines.
    tags : bool
        Whether tables show tags and CSV has a column of them. JSON and Parquet always contain all tags.

    Raises
    ------
    UsageError, MissingExtraError
        As `check_format` does, before the first record is read.
    """
    check_format(format, top=top, timeline=timeline)
    _WRITERS[format](records, out, _Content(top, timeline, tags))


def write_csv(records: Iterable[CsvRecord], out: BinaryIO, *, top: int, tags: bool) -> None:
    """Write records or what is like them as CSV; see `write_records`."""
    _write_csv(records, out, _Content(top, timeline=False, tags=tags))


def check_format(format: str, *, top: int, timeline: bool) -> None:
    """Raise the error of `write_records` before any work is done.

    Parameters
    ----------
    format, top
        As `write_records` takes them.
    timeline : bool
        Whether timelines or parts are written.

    Raises
    ------
    UsageError
        If the format is unknown, `top` is not positive, or timelines or parts are written as CSV.
    MissingExtraError
        If pyarrow is not installed and the format is `parquet`.
    """
    if format not in FORMATS:
        message = f"unknown format {format!r}. Choose one of {', '.join(FORMATS)}"
        raise UsageError(message, code="output-format")
    if top < 1:
        raise UsageError(f"a record needs at least 1 genre, not {top}", code="top-genres")
    if format == "csv" and timeline:
        message = "CSV cannot contain a timeline or parts. Use json, jsonl or parquet."
        raise UsageError(message, code="csv-timeline")
    if format == "parquet":
        need_extra("parquet", "Parquet", "pyarrow")


def write_json_list(rows: Iterable[dict[str, Any]], out: BinaryIO) -> None:
    """Write rows as one JSON list."""
    before = b"[\n"
    for row in rows:
        out.write(before + json_text(row, indent=2).encode("utf-8"))
        before = b",\n"
    out.write(b"[]\n" if before == b"[\n" else b"\n]\n")


def write_json_lines(rows: Iterable[dict[str, Any]], out: BinaryIO) -> None:
    """Write each row as one line of JSON, immediately."""
    for row in rows:
        out.write(json_text(row).encode("utf-8") + b"\n")
        out.flush()


def _rows(records: Iterable[Recognition], content: _Content) -> Iterator[dict[str, Any]]:
    return (record.to_dict(top=content.top, timeline=content.timeline) for record in records)


def _write_json(records: Iterable[Recognition], out: BinaryIO, content: _Content) -> None:
    write_json_list(_rows(records, content), out)


def _write_jsonl(records: Iterable[Recognition], out: BinaryIO, content: _Content) -> None:
    write_json_lines(_rows(records, content), out)


def _write_csv(records: Iterable[CsvRecord], out: BinaryIO, content: _Content) -> None:
    ranks = range(1, content.top + 1)
    ranked = [name for rank in ranks for name in (f"genre_{rank}", f"probability_{rank}")]
    columns = [
        "path",
        "duration",
        "genre",
        "confidence",
        "reason",
        *ranked,
        *(["tags"] if content.tags else []),
        "full",
        "track_number",
        "track_title",
        "track_start",
        "track_end",
        "model",
        "warning",
        "error",
        "guess",
    ]
    writer = CsvWriter(out)
    writer.write_row(columns)
    for record in records:
        writer.write_row(_csv_cells(record, content))


def _csv_cells(record: CsvRecord, content: _Content) -> list[object]:
    """Return the cells of a record in the order of the columns: what `to_dict` says, without the rest."""
    cells: list[object] = [os.fspath(record.path), rounded(record.duration, 3), record.genre]
    cells += (rounded(record.confidence), record.reason)
    genres = record.genres[: content.top]
    for genre, probability in genres:
        cells += (genre, rounded(probability))
    cells += [None] * (2 * (content.top - len(genres)))
    if content.tags:
        present = [tag for tag in record.tags if tag.present]
        cells.append(";".join(f"{tag.label}={rounded(tag.probability)}" for tag in present))
    cells.append(_TRUTH[record.full] if record.error is None else None)
    if record.track is None:
        cells += (None, None, None, None)
    else:
        track = record.track.to_dict()
        cells += [track.get(name) for name in ("number", "title", "start", "end")]
    cells += (record.model, record.warning, record.error, _TRUTH[record.guess])
    return cells


def tags_text(tags: Iterable[dict[str, Any]]) -> str:
    """Return the present tags of a row as the cell of a CSV file."""
    return ";".join(f"{tag['kind']}:{tag['name']}={tag['probability']}" for tag in tags if tag["present"])


def _write_parquet(records: Iterable[Recognition], out: BinaryIO, content: _Content) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number = pa.string(), pa.float64()
    genre = [("genre", text), ("probability", number)]
    tag = [("kind", text), ("name", text), ("probability", number), ("present", pa.bool_())]
    track = [(name, text) for name in ("sheet", "title", "performer")]
    track += [("number", pa.int64()), ("start", number), ("end", number)]
    pieces = pa.list_(pa.struct([("start", number), ("end", number), *genre]))
    schema = pa.schema(
        [
            ("path", text),
            ("path_bytes", pa.binary()),
            ("duration", number),
            ("genre", text),
            ("guess", pa.bool_()),
            ("confidence", number),
            ("reason", text),
            ("genres", pa.list_(pa.struct(genre))),
            ("tags", pa.list_(pa.struct(tag))),
            ("timeline", pieces),
            ("parts", pieces),
            ("full", pa.bool_()),
            ("track", pa.struct(track)),
            ("model", text),
            ("warning", text),
            ("error", text),
        ]
    )
    with pq.ParquetWriter(pa.PythonFile(out, mode="w"), schema) as writer:
        for some in _parts(records):
            rows = [_parquet_row(record, content) for record in some]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _parquet_row(record: Recognition, content: _Content) -> dict[str, Any]:
    row = record.to_dict(top=content.top, timeline=content.timeline)
    row["path_bytes"] = os.fsencode(record.path)
    for column in ("path", "warning", "error"):
        row[column] = row[column] and utf8(row[column])
    if row["track"] is not None:
        row["track"] = {
            name: utf8(value) if isinstance(value, str) else value for name, value in row["track"].items()
        }
    return row


def _parts(records: Iterable[Recognition]) -> Iterator[list[Recognition]]:
    """Yield records in lists that fit in memory."""
    rest = iter(records)
    while some := list(islice(rest, _AT_ONCE)):
        yield some


def utf8(text: str) -> str:
    """Return a text without the lone surrogates of file names: they become escapes."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")


def _write_table(records: Iterable[Recognition], out: BinaryIO, content: _Content) -> None:
    from genrelab.recognize.writers.table import write_table

    parts = _parts(records)
    for some in chain([next(parts, [])], parts):
        write_table(some, out, top=content.top, timeline=content.timeline, tags=content.tags)


_WRITERS: dict[Format, _Writer] = {
    "table": _write_table,
    "json": _write_json,
    "jsonl": _write_jsonl,
    "csv": _write_csv,
    "parquet": _write_parquet,
}
