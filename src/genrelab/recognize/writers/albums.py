"""Write records of albums in the formats of records of files."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import BinaryIO, NamedTuple

from rich.cells import cell_len
from rich.text import Text

from genrelab.bundle.metadata import UNSURE
from genrelab.console import WHOLE_LINE, below_one_folder, plain_table, write_console
from genrelab.csv_text import write_csv_line
from genrelab.printing import plain
from genrelab.recognize.albums.album import Album
from genrelab.recognize.writers.formats import (
    Format,
    check_format,
    tags_text,
    utf8,
    write_json_lines,
    write_json_list,
)
from genrelab.recognize.writers.table import genre_text, percent, runners_up, tag_items

_MOST_OUTLIERS = 20  # of an album in a table
_NARROWEST_PATH, _NARROWEST_LIST = 12, 9  # columns that a narrow terminal leaves to paths and further genres


class _Content(NamedTuple):
    """What a record shows: see `write_albums`."""

    top: int
    tags: bool


def write_albums(
    albums: Iterable[Album], out: BinaryIO, *, format: Format, top: int = 3, tags: bool = False
) -> None:
    """Write one record per album.

    Parameters
    ----------
    albums : iterable of Album
        Read one by one; `jsonl` and `csv` write each record immediately.
    out : binary file
        The output; left open.
    format : {"table", "json", "jsonl", "csv", "parquet"}
        File names that are not text are written as in `genrelab.recognize.writers.formats`.
    top : int > 0
        Number of ranked genres per record.
    tags : bool
        Whether tables show tags and CSV has a column of them. JSON and Parquet always contain all tags.

    Raises
    ------
    UsageError, MissingExtraError
        As `check_format` does, before the first record is read.
    """
    check_format(format, top=top, timeline=False)
    writers: dict[Format, Callable[[Iterable[Album], BinaryIO, _Content], None]] = {
        "table": _write_table,
        "json": lambda albums, out, content: write_json_list(
            (album.to_dict(top=content.top) for album in albums), out
        ),
        "jsonl": lambda albums, out, content: write_json_lines(
            (album.to_dict(top=content.top) for album in albums), out
        ),
        "csv": _write_csv,
        "parquet": _write_parquet,
    }
    writers[format](albums, out, _Content(top, tags))


def _write_csv(albums: Iterable[Album], out: BinaryIO, content: _Content) -> None:
    ranked = [name for rank in range(1, content.top + 1) for name in (f"genre_{rank}", f"probability_{rank}")]
    columns = [
        "path",
        "unit",
        "title",
        "artist",
        "compilation",
        "track",
        "tracks",
        "counted",
        "answered",
        "agreeing",
        "agreement",
    ]
    columns += ["genre", "confidence", "reason", *ranked, *(["tags"] if content.tags else [])]
    columns += ["outliers", "model", "warnings", "errors", "guess"]
    write_csv_line(columns, out)
    for album in albums:
        row = album.to_dict(top=content.top)
        for rank, (genre, probability) in enumerate((each.values() for each in row["genres"]), start=1):
            row[f"genre_{rank}"], row[f"probability_{rank}"] = genre, probability
        row["tags"], row["guess"] = tags_text(row["tags"]), json.dumps(row["guess"])
        row["outliers"] = "; ".join(os.fspath(outlier.path) for outlier in album.outliers)
        row["warnings"], row["errors"] = "; ".join(album.warnings), "; ".join(album.errors)
        write_csv_line([row.get(column) for column in columns], out)


def _write_parquet(albums: Iterable[Album], out: BinaryIO, content: _Content) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    text, number, count = pa.string(), pa.float64(), pa.int64()
    genre = pa.struct([("genre", text), ("probability", number)])
    tag = pa.struct([("kind", text), ("name", text), ("probability", number), ("present", pa.bool_())])
    outlier = pa.struct(
        [("path", text), ("track", count), ("genre", text), ("confidence", number), ("reason", text)]
    )
    schema = pa.schema(
        [
            ("path", text),
            ("path_bytes", pa.binary()),
            *((name, text) for name in ("unit", "title", "artist", "compilation")),
            ("track", count),
            *((name, count) for name in ("tracks", "counted", "answered", "agreeing")),
            ("agreement", number),
            ("genre", text),
            ("guess", pa.bool_()),
            ("confidence", number),
            ("reason", text),
            ("genres", pa.list_(genre)),
            ("tags", pa.list_(tag)),
            ("outliers", pa.list_(outlier)),
            ("model", text),
            ("warnings", pa.list_(text)),
            ("errors", pa.list_(text)),
        ]
    )
    rows = []
    for album in albums:
        row = album.to_dict(top=content.top) | {"path_bytes": os.fsencode(album.path)}
        row["path"] = utf8(row["path"])
        for column in ("title", "artist"):
            row[column] = None if row[column] is None else utf8(row[column])
        row["outliers"] = [{**each, "path": utf8(each["path"])} for each in row["outliers"]]
        for column in ("warnings", "errors"):
            row[column] = [utf8(each) for each in row[column]]
        rows.append(row)
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer)
    out.write(buffer.getvalue())


def _write_table(albums: Iterable[Album], out: BinaryIO, content: _Content) -> None:
    rows = list(albums)
    folder, names = below_one_folder(_names(rows), out)
    table = plain_table()
    widest = max((cell_len(plain(name)) for name in names), default=0)
    table.add_column("album", overflow="fold", min_width=min(widest, _NARROWEST_PATH))
    table.add_column("tracks", justify="right")
    table.add_column("genre")
    table.add_column("confidence", justify="right", no_wrap=True)
    table.add_column("agree", justify="right")
    then = [Text(_runners_up(album, content.top)) for album in rows]
    if any(then):
        table.add_column("then", overflow="fold", min_width=_NARROWEST_LIST)
    lines: list[Sequence[str]] = []
    for album, name, others in zip(rows, names, then, strict=True):
        cells: list[Text | str] = [
            name,
            _of(album.counted, album.tracks),
            _genre(album),
            "" if album.confidence is None else percent(album.confidence),
            f"{album.agreeing} of {album.answered}" if album.answered else "",
        ]
        table.add_row(*cells, *([others] if any(then) else []))
        if content.tags and album.tags and album.reason != "no music":
            table.add_row(WHOLE_LINE)
            lines.append(tag_items(album.present_tags) or ["no tags"])
        if album.outliers:
            table.add_row(WHOLE_LINE)
            lines.append([f"outliers: {len(album.outliers)}", *_outliers(album)])
    warnings = [(text, "yellow") for album in rows for text in album.warnings]
    errors = [(text, "red") for album in rows for text in album.errors]
    write_console(out, table, [*warnings, *errors], folder=folder, whole_lines=lines)


def _names(albums: Sequence[Album]) -> list[str]:
    """Return paths, with title and artist for several albums of one path, and with the number of a track."""
    count = Counter(album.path for album in albums)
    return [
        os.fspath(album.path)
        + (f" {album.track}" if album.track is not None else "")
        + (f" ({_title(album)})" if count[album.path] > 1 and album.unit == "album" else "")
        for album in albums
    ]


def _title(album: Album) -> str:
    return ", ".join(filter(None, (album.title, album.artist)))


def _outliers(album: Album) -> list[str]:
    """Return the first outliers with what they are, each as its path in the album."""
    found = []
    for outlier in album.outliers[:_MOST_OUTLIERS]:
        path = outlier.path
        inside = path.relative_to(album.path) if path.is_relative_to(album.path) else path
        number = "" if outlier.track is None else f" {outlier.track}"
        what = outlier.reason or f"{outlier.genre} {percent(outlier.confidence)}"
        found.append(f"{inside}{number} ({what})")
    return [*found, *(["..."] if len(album.outliers) > _MOST_OUTLIERS else [])]


def _genre(album: Album) -> Text:
    if album.genre is None:
        return Text("error", style="red")
    if album.genre == UNSURE:
        return Text(f"{UNSURE}: {album.reason}", style="yellow")
    return genre_text(album.genre, guess=album.guess)


def _of(counted: int, tracks: int) -> str:
    if not tracks:
        return ""
    return str(tracks) if counted == tracks else f"{counted} of {tracks}"


def _runners_up(album: Album, top: int) -> str:
    first = 1 if album.has_genre else 0  # for an unsure album, start with its best guess
    return runners_up(album.genres[first:top])
