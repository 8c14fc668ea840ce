"""The lists of ISMIR2004, `tracklist.csv` and `ground_truth.csv`, and the files that their paths refer to."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from genrelab.errors import CorpusError
from genrelab.lab.corpora.paths import without_suffix

_HEADINGS = {"class": "genre", "artist": "artist", "file_path": "path", "path": "path", "file": "path"}
_PSEUDONYM = re.compile(r"(artist)?[\s_-]*\d*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a list.

    Parameters
    ----------
    number : int
        Line number, from 1.
    stem : str
        Path below the part's audio folder, with forward slashes and without suffix.
    genre : str
        The class as the list spells it; empty if it has none.
    artist : str or None
        None also for a pseudonym such as `artist_7`.
    """

    number: int
    stem: str
    genre: str
    artist: str | None


def finder(stems: Sequence[str]) -> Callable[[str], str | None]:
    """Return a function that maps a path in a list to the stem of its file, or to None.

    Parameters
    ----------
    stems : sequence of str
        The existing files: paths below the part's audio folder, without suffix.

    Returns
    -------
    callable
        Compares the path itself, then ignores accents and punctuation, then compares only folder and track
        number; a comparison counts if it gives exactly one file.

    Examples
    --------
    >>> finder(["rock/a/1-don_t.b"])("rock/a/1-don't.b")
    'rock/a/1-don_t.b'
    """
    tables: list[tuple[Callable[[str], str], dict[str, list[str]]]] = []
    for key in (str.casefold, _plain, _numbered):
        table: dict[str, list[str]] = {}
        for stem in stems:
            table.setdefault(key(stem), []).append(stem)
        tables.append((key, table))

    def find(path: str) -> str | None:
        for key, table in tables:
            matches = table.get(key(path), [])
            if len(matches) == 1:
                return matches[0]
        return None

    return find


def _plain(stem: str) -> str:
    """Return a path without accents, with `_` for all characters except letters and digits."""
    letters = (c for c in unicodedata.normalize("NFKD", stem.casefold()) if not unicodedata.combining(c))
    return "/".join(re.sub(r"[\W_]+", "_", name) for name in "".join(letters).split("/"))


def _numbered(stem: str) -> str:
    """Return the folder and the track number: `5-kruh` and `05-kruhovy` are equal."""
    folder, _, name = _plain(stem).rpartition("/")
    number = re.match(r"\d+(?=_)", name)
    return f"{folder}/{int(number[0])}" if number else f"{folder}/{name}"


def read_rows(file: Path, part: str, skipped: dict[str, str]) -> Iterator[Row]:
    """Yield the rows of `tracklist.csv` or `ground_truth.csv`, with or without a header.

    Parameters
    ----------
    file : Path
        The list, in UTF-8 or else Latin-1.
    part : str
        `training`, `development` or `evaluation`.
    skipped : dict of str to str
        Receives the rows without a file name, by `row_name`.

    Raises
    ------
    CorpusError
        If the list is empty or not CSV, or a path in it leads out of the corpus.
    """
    table = list(_table(file))
    heading = [re.sub(r"[\s_-]+", "_", cell.casefold()) for cell in table[0][1]] if table else []
    columns = {_HEADINGS[name]: place for place, name in enumerate(heading) if name in _HEADINGS}
    if "path" in columns:
        del table[0]
    else:
        columns = {}
    if not table:
        message = f"ismir2004: {file} has no rows. Unpack the metadata again"
        raise CorpusError(message, code="ismir2004-list-empty")
    for number, cells in table:
        places = columns or _places(cells)
        path, genre, artist = (_cell(cells, places.get(name)) for name in ("path", "genre", "artist"))
        if not path:
            skipped[row_name(file, part, number)] = "the row names no sound file"
            continue
        yield Row(
            number=number,
            stem=_stem(file, part, number, path),
            genre=genre,
            artist=None if _PSEUDONYM.fullmatch(artist) else artist,
        )


def row_name(file: Path, part: str, number: int) -> str:
    """Return the key in `skipped` of a row that is not a clip."""
    return f"{part}: {file.name}, row {number}"


def _table(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield line number and cells of the rows that are not empty."""
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    reader = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [cell.strip() for cell in cells]
    except csv.Error as error:
        message = f"ismir2004: {file}, row {reader.line_num}, is not CSV ({error}). Unpack the metadata again"
        raise CorpusError(message, code="ismir2004-list-unreadable") from error


def _places(cells: Sequence[str]) -> Mapping[str, int]:
    """Return the columns of a row without a header; the last cell with an audio suffix is the path."""
    paths = [place for place, cell in enumerate(cells) if without_suffix(cell) != cell]
    if not paths:
        return {}
    path = paths[-1]
    if len(cells) == 2:  # ground_truth.csv
        return {"path": path, "genre": 1 - path}
    if path == 4:  # a track list without the class
        return {"path": path, "artist": 0}
    return {"path": path, "genre": 0, "artist": 1}


def _cell(cells: Sequence[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _stem(file: Path, part: str, number: int, path: str) -> str:
    """Return a path of a list relative to the part's audio folder, without suffix."""
    slashes = path.replace("\\", "/")
    names = [name for name in slashes.split("/") if name not in ("", ".")]
    if ".." in names or slashes.startswith("/") or re.match(r"[A-Za-z]:", path):
        message = f"ismir2004: {file}, row {number}: {path!r} leads out of the corpus. Unpack it again"
        raise CorpusError(message, code="ismir2004-path-outside")
    while len(names) > 1 and names[0].casefold() in ("audio", part):
        del names[0]
    return without_suffix("/".join(names))
