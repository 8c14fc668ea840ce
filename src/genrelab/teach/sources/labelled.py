"""Read which file has which genre: from folders, from tags, from a CSV file."""

from __future__ import annotations

import codecs
import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genrelab.errors import TagError, UsageError
from genrelab.library.tagging.genre_text import PLACEHOLDERS, Placeholders
from genrelab.library.tags import read_tag
from genrelab.recognize import Problem, ScanLog, SheetTrack, scan
from genrelab.recognize.inputs.problem import why
from genrelab.recognize.scan import Found
from genrelab.vocabulary import split_values

MOST_BYTES = 1 << 28
"""Of a CSV file: 256 MiB."""
MOST_EXAMPLES = 1_000_000
MOST_VALUES = 50
"""Genres of one file that count."""

_PATH = ("path", "file")
_GENRE = ("genre", "genres", "tags")
_FORMULA = tuple("'=+-@\t\r\n＝＋－＠")  # see `genrelab.csv_text`


Inside = Callable[[Path], bool]
"""Whether a file or folder may be read, after its links are resolved."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A file and its genres.

    Attributes
    ----------
    path : Path
    genres : tuple of str
        As written.
    artist : str
        As stated beside the genre; empty if unknown.
    of_genre : bool
        Whether the folder of the file stands for its genre, and so for no album.
    """

    path: Path
    genres: tuple[str, ...]
    artist: str = ""
    of_genre: bool = False


@dataclass
class Labels:
    """What was read.

    Attributes
    ----------
    files : list of Labelled
    problems : list of str
        Messages about files that could not be read.
    without : int
        Number of files without a genre.
    """

    files: list[Labelled] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    without: int = 0


def read_folders(
    root: Path,
    *,
    exclude: Iterable[str] = (),
    ignore: bool = True,
    log: ScanLog | None = None,
    inside: Inside | None = None,
) -> Labels:
    """Read a folder whose subfolders are named after genres.

    Parameters
    ----------
    root : Path
    exclude, ignore, log
        As `genrelab.recognize.scan` takes them.
    inside : callable or None
        Whether a file or folder may be read; None allows all. Others are problems.

    Returns
    -------
    Labels

    Raises
    ------
    UsageError
        If the folder cannot be read or has no subfolder.
    """
    try:
        names = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    except (OSError, ValueError) as error:
        message = f"the folder {root} cannot be read: {why(error)}. Name one that holds a folder per genre."
        raise UsageError(message, code="teach-folder-unreadable") from error
    names = [name for name in names if not name.startswith(".")]
    if not names:
        message = (
            f"the folder {root} has no subfolders. Name one that holds a folder per genre, such as Jazz/."
        )
        raise UsageError(message, code="teach-folder-without-genres")
    found, excluded = Labels(), tuple(exclude)
    for name in names:
        folder = root / name
        if inside is not None and not inside(folder):
            found.problems.append(_refused(folder))
            continue
        scanned = scan([folder], exclude=excluded, ignore=ignore, log=log, inside=inside)
        for path in _files(scanned, found, inside):
            found.files.append(Labelled(path, (name,), of_genre=path.parent == folder))
    return found


def read_tags(
    paths: Iterable[Path],
    *,
    exclude: Iterable[str] = (),
    ignore: bool = True,
    placeholders: Placeholders = PLACEHOLDERS,
    log: ScanLog | None = None,
    inside: Inside | None = None,
) -> Labels:
    """Read the genre tags of files.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders.
    exclude, ignore, log
        As `genrelab.recognize.scan` takes them.
    placeholders : Placeholders
        Texts that mean no genre.
    inside : callable or None
        Whether a file or folder may be read; None allows all. Others are problems.

    Returns
    -------
    Labels
    """
    found = Labels()
    scanned = scan(paths, exclude=tuple(exclude), ignore=ignore, follow_lists=False, log=log, inside=inside)
    for path in _files(scanned, found, inside):
        try:
            with path.open("rb") as file:
                tag = read_tag(file, path)
            texts = placeholders.without(tag.genres) or placeholders.without(tag.everywhere("genre"))
        except (OSError, TagError) as error:
            found.problems.append(str(error) if isinstance(error, TagError) else f"{path}: {why(error)}")
            continue
        values = [value for text in texts for value in split_values(text)]
        genres = placeholders.without(dict.fromkeys(values[:MOST_VALUES]))
        if genres:
            found.files.append(Labelled(path, genres))
        else:
            found.without += 1
    return found


def read_csv(path: Path) -> Labels:
    """Read a CSV file with the columns `path` and `genre`, and `artist` if there is one.

    Several genres in one cell are separated by semicolons. A relative path starts at the folder of the CSV
    file. Rows without a genre are skipped.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Labels
        Files that do not exist are problems.

    Raises
    ------
    UsageError
        If the file cannot be read, is too large, or lacks a column.
    """
    rows = _rows(path)
    header = [name.strip().casefold() for name in next(rows, [])]
    path_at, genre_at = _column(header, _PATH), _column(header, _GENRE)
    if path_at is None or genre_at is None:
        has = f"not {', '.join(header[:10])!r}" if header else "and is empty"
        message = f"{path} needs the columns path and genre, {has}. Add a first line path,genre"
        raise UsageError(message, code="teach-csv-columns")
    artist_at = _column(header, ("artist",))
    found = Labels()
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) <= max(path_at, genre_at):
            found.problems.append(
                f"line {number} of {path} has {len(row)} cells; it needs a path and a genre"
            )
            continue
        genres = tuple(value.strip() for value in _restored(row[genre_at]).split(";") if value.strip())
        if not genres:
            found.without += 1
            continue
        if any("\udc80" <= letter <= "\udcff" for name in genres for letter in name):
            message = f"line {number} of {path} has a genre that is not UTF-8. Save the table as UTF-8."
            raise UsageError(message, code="teach-csv-encoding")
        named = _file_named(row[path_at], path.parent)
        if named is None:
            found.problems.append(f"line {number} of {path} names {row[path_at]}, which is no file")
            continue
        artist = _restored(row[artist_at]) if artist_at is not None and artist_at < len(row) else ""
        found.files.append(Labelled(named, genres[:MOST_VALUES], artist.strip()))
        if len(found.files) > MOST_EXAMPLES:
            message = f"{path} has more than {MOST_EXAMPLES:,} examples. Teach with a part of them."
            raise UsageError(message, code="teach-too-many-examples")
    return found


def _files(found: Iterable[Found], labels: Labels, inside: Inside | None) -> Iterator[Path]:
    for file in found:
        if isinstance(file, Problem):
            labels.problems.append(file.message)
        elif isinstance(file, SheetTrack):
            continue
        elif inside is not None and not inside(file):
            labels.problems.append(_refused(file))
        else:
            yield file


def _refused(path: Path) -> str:
    return f"{path} leads out of the allowed folders. It was not read."


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        message = f"{path} cannot be read: {why(error)}. Check the path."
        raise UsageError(message, code="teach-csv-unreadable") from error
    if len(data) > MOST_BYTES:
        message = f"{path} has more than {MOST_BYTES:,} bytes. Teach with a part of it."
        raise UsageError(message, code="teach-csv-too-large")
    is_wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # Excel's "Unicode Text"
    text = data.decode(
        "utf-16" if is_wide else "utf-8-sig", errors="replace" if is_wide else "surrogateescape"
    )
    first = text[:1000].partition("\n")[0]
    delimiter = min(",;\t", key=lambda each: first.find(each) if each in first else len(first) + 1)
    try:
        yield from csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    except csv.Error as error:
        message = f"{path} is not a CSV file: {error}. Write the columns path and genre."
        raise UsageError(message, code="teach-csv-damaged") from error


def _column(header: list[str], names: Iterable[str]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _restored(cell: str) -> str:
    """Remove the apostrophe that protects a cell from being a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _file_named(cell: str, folder: Path) -> Path | None:
    """Return the file that a cell names, as written or without a protecting apostrophe."""
    for text in dict.fromkeys((cell, _restored(cell), cell.strip())):
        try:
            if text and (folder / text).is_file():
                return folder / text
        except (OSError, ValueError):  # not a possible name
            continue
    return None
