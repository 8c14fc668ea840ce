"""A split as a CSV file: `clip_id, part, genre, artist`, one row per clip.

`pandas.read_csv` reads it without options. The record of the run holds what the table does not: how the split
was made, and the results of its checks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from genrelab.csv_text import csv_lines
from genrelab.errors import CorpusError
from genrelab.files import read_regular, replace_text
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.printing import shorten

LARGEST = 256 * 2**20
"""Bytes of a table of clips."""

_COLUMNS = ("clip_id", "part", "genre", "artist")


def split_text(corpus: Corpus, split: Split) -> str:
    """Return a split as CSV text, train first, then valid, then test.

    Parameters
    ----------
    corpus : Corpus
        Source of genre and artist of the clips.
    split : Split

    Raises
    ------
    CorpusError
        If a clip of the split is not in the corpus.
    """
    clips = corpus.by_id()
    rows: list[Sequence[str]] = [_COLUMNS]
    for part, ids in (("train", split.train), ("valid", split.valid), ("test", split.test)):
        for clip_id in ids:
            if clip_id not in clips:
                message = f"clip {clip_id!r} of the split is not in the corpus {corpus.name}"
                raise CorpusError(message, code="split-clip-not-in-corpus")
            rows.append((clip_id, part, "; ".join(clips[clip_id].genres), clips[clip_id].artist or ""))
    return csv_lines(rows, formulas=True)


def write_split(path: Path, corpus: Corpus, split: Split) -> None:
    """Write `split_text` to a file, and replace an existing one."""
    replace_text(path, split_text(corpus, split))


def read_split(path: Path, *, name: str, made: str, others: bool = False) -> Split:
    """Read a split that `write_split` wrote.

    Parameters
    ----------
    path : Path
    name, made : str
        Fields of `Split` that the file does not contain.
    others : bool
        Whether the file may list clips outside the split, whose part is empty.

    Returns
    -------
    Split
        With the clips in the order of the file, and without `findings`; `check_split` computes them.

    Raises
    ------
    CorpusError
        If the file is missing or is not a split.
    """
    parts: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    try:
        reader = csv.DictReader(table_text(path))
        missing = [column for column in _COLUMNS[:2] if column not in (reader.fieldnames or [])]
        if missing:
            message = f"{path} is not a split: it lacks the column {' and '.join(missing)}"
            raise CorpusError(message, code="split-file-columns")
        for row in reader:
            clip_id, part = row["clip_id"], row["part"] or ""
            if others and part == "":
                continue
            if part not in parts:
                where = f"{path}, row {reader.line_num}"
                message = f"{where}: part {shorten(part)!r} is not {' or '.join(parts)}"
                raise CorpusError(message, code="split-file-part")
            parts[part].append(clip_id)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = error.strerror if isinstance(error, OSError) else error
        message = f"{path} cannot be read as a split ({why}). Make the split again"
        raise CorpusError(message, code="split-file-unreadable") from error
    return Split(name, parts["train"], parts["valid"], parts["test"], made)


def table_text(path: Path) -> io.StringIO:
    """Return a CSV file to read; spreadsheets begin it with a byte order mark.

    Raises
    ------
    OSError
        As for `read_regular`.
    UnicodeDecodeError
        If it is not UTF-8.
    """
    return io.StringIO(read_regular(path, LARGEST).decode("utf-8-sig"), newline="")
