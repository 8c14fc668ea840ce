"""A table of descriptors, one row per clip, instead of sound: `features:/data/features_30_sec.csv`.

The columns `filename` and `label` are required. All others must contain numbers, except `length`, the number
of samples of the file, which says nothing about the music and is ignored. The loader recognizes the widely
used table of GTZAN (57 descriptors of 1,000 clips) by its file names, and then takes artists and the
fault-filtered split from the corpus `gtzan`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from genrelab.errors import CorpusError
from genrelab.lab.corpora.genre_table import split_genres
from genrelab.lab.corpora.loaders.csv_rows import check_ids, find_table, read_table
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, GENRES, fault_filtered, packaged_rows
from genrelab.lab.corpora.paths import examples, folder_safe, without_suffix
from genrelab.lab.corpora.types import Clip, Corpus, Waveform
from genrelab.lab.registry import closest

_NEEDED = ("filename", "label")
_NO_DESCRIPTOR = (*_NEEDED, "length")
_USUAL_NAME = "features_30_sec.csv"
_CUT = re.compile(rf"(?:{'|'.join(GENRES)})\.\d{{5}}\.\d+")
_LARGEST = float(np.finfo(np.float32).max)

Values = npt.NDArray[np.float64]


class TableRows:
    """Renderer that returns the values of a clip's row in place of samples.

    Stores keep 16 bits between -1 and 1, so that each column is shifted and scaled to this range, by its
    minimum and maximum in the whole table. This does not affect training: a network standardizes its inputs
    with the training clips, which cancels shift and scale up to a rounding of 1/65,534 of the column's range.

    Parameters
    ----------
    columns : sequence of str
        Names of the descriptors.
    clip_ids : sequence of str
        One per row.
    values : np.ndarray [shape=(rows, columns)]
        Finite; the descriptors in their own units.
    """

    def __init__(self, columns: Sequence[str], clip_ids: Sequence[str], values: Values) -> None:
        self.columns = tuple(columns)
        self.clip_ids = tuple(clip_ids)
        self.values = values
        self._number = {clip_id: number for number, clip_id in enumerate(clip_ids)}
        low, high = values.min(axis=0), values.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        self._scaled: Waveform = (2.0 * (values - low) / span - 1.0).astype(np.float32)

    def __repr__(self) -> str:
        """Return a hash of the content, which identifies stores and runs."""
        names = "\n".join([*self.columns, "", *self.clip_ids]).encode()
        return f"TableRows({hashlib.sha256(names + self.values.tobytes()).hexdigest()})"

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> Waveform:
        """Return a row as float32 `[1, columns]` in -1..1.

        Raises
        ------
        CorpusError
            If the sample rate differs from the number of columns.
        """
        if sample_rate != len(self.columns):
            raise CorpusError(
                f"the table has {len(self.columns)} descriptors per clip and no sound; the recipe asks for "
                f"{sample_rate} samples per second. Use the recipe descriptor-table, with "
                f"--set audio.sample_rate={len(self.columns)}",
                code="features-sample-rate",
            )
        number = self._number[clip.id]
        return self._scaled[number : number + 1].copy()


def load(argument: str) -> Corpus:
    """Read a table of descriptors, or some of its columns.

    Parameters
    ----------
    argument : str
        The CSV file, or a folder that contains `features_30_sec.csv`, optionally followed by a question mark
        and the descriptors to use: `features_30_sec.csv?columns=rms_mean,tempo`.

    Returns
    -------
    Corpus
        Genres in alphabetical order; clips in the order of the table, rendered by `TableRows`. With the file
        names of GTZAN, the clips have the ids (`blues.00000`) and artists of the corpus `gtzan`, and there
        are the published splits `published` and `fault-filtered`. Otherwise the id is the file name.

    Raises
    ------
    CorpusError
        If the file or a column is missing, there is no row, a value is not a finite number, two rows describe
        one clip, or rows are excerpts of GTZAN's clips, which splits would not keep together.
    """
    place, _, selection = argument.partition("?")
    file = find_table(place, corpus="features", usual_name=_USUAL_NAME)
    columns, rows = _read(file)
    chosen = _choose(file, columns, selection)
    clip_ids, of_gtzan = _clip_ids(file, rows)
    artists = (
        {row["clip_id"]: row["artist"] for row in packaged_rows("gtzan-artists.csv")} if of_gtzan else {}
    )
    clips = []
    for clip_id, (_, row) in zip(clip_ids, rows, strict=True):
        genre, *more = split_genres(row["label"]) or (None,)
        artist = artists.get(clip_id) or None
        clips.append(
            Clip(id=clip_id, path=None, genre=genre, artist=artist, more_genres=tuple(filter(None, more)))
        )
    split = fault_filtered(set(clip_ids)) if of_gtzan else None
    name = "gtzan-features" if of_gtzan else folder_safe(file.stem)
    return Corpus(
        name=f"{name}-{len(chosen)}" if selection else name,
        genres=sorted({genre for clip in clips for genre in clip.genres}),
        clips=clips,
        licence="unknown (research use)" if of_gtzan else "unknown (that of the table)",
        citation=f"descriptors of GTZAN's clips, {file.name}" if of_gtzan else f"the table {file.name}",
        published_splits={"published": split, "fault-filtered": split} if split else {},
        renderer=TableRows(chosen, clip_ids, _numbers(file, chosen, rows)),
        kind="features",
        skipped={each: "not in this table" for each in EXPECTED_IDS if each not in clip_ids}
        if of_gtzan
        else {},
    )


_Rows = list[tuple[int, dict[str, str]]]  # line number and cells


def _read(file: Path) -> tuple[list[str], _Rows]:
    columns, rows = read_table(file, corpus="features", needed=_NEEDED)
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        message = f"features: {file} has two columns named {twice[0]!r}. Rename one"
        raise CorpusError(message, code="features-column-twice")
    for number, cells in rows:
        if len(cells) != len(columns):
            message = f"features: {file}, row {number} has {len(cells)} values, the header {len(columns)}"
            raise CorpusError(message, code="features-row-length")
    return columns, [(number, dict(zip(columns, cells, strict=True))) for number, cells in rows]


def _choose(file: Path, columns: Sequence[str], selection: str) -> list[str]:
    """Return the descriptors to use."""
    known = [name for name in columns if name not in _NO_DESCRIPTOR]
    key, _, listed = selection.partition("=")
    if selection and key != "columns":
        message = f"features: unknown selection ?{selection}. Write it as ?columns=rms_mean,tempo"
        raise CorpusError(message, code="features-selection-unknown")
    chosen = [unquote(name) for name in listed.split(",")] if selection else known
    unknown = [name for name in chosen if name not in known]
    if unknown:
        message = f"features: {file} lacks the descriptor {examples(unknown)}; {closest(unknown[0], known)}"
        raise CorpusError(message, code="features-descriptor-unknown")
    if not chosen or len(set(chosen)) < len(chosen):
        message = f"features: {file}: select at least one descriptor, each only once"
        raise CorpusError(message, code="features-selection-empty")
    return chosen


def _clip_ids(file: Path, rows: _Rows) -> tuple[list[str], bool]:
    """Return the id of each row, and whether the clips are GTZAN's."""
    names = [without_suffix(row["filename"]) for _, row in rows]
    for (number, _), name in zip(rows, names, strict=True):
        if not name:
            message = f"features: {file}, row {number} has no filename. Name the clip"
            raise CorpusError(message, code="features-name-missing")
        if _CUT.fullmatch(PurePath(name).name):
            raise CorpusError(
                f"features: {file}, row {number}: {name} is an excerpt of a clip. Random splits would put "
                f"excerpts of one clip in several parts; use the table of whole clips, {_USUAL_NAME}",
                code="features-cut-of-clip",
            )
    short = [PurePath(name).name for name in names]
    of_gtzan = set(short) <= set(EXPECTED_IDS)
    ids = short if of_gtzan else names
    numbers = (number for number, _ in rows)
    check_ids(zip(numbers, ids, strict=True), corpus="features", file=file)
    return ids, of_gtzan


def _numbers(file: Path, columns: Sequence[str], rows: _Rows) -> Values:
    values = np.empty((len(rows), len(columns)))
    for index, (number, row) in enumerate(rows):
        for at, column in enumerate(columns):
            try:
                values[index, at] = value = float(row[column])
            except ValueError:
                value = np.nan
            if not abs(value) < _LARGEST:  # also true for NaN
                message = f"features: {file}, row {number}: {column} is not a finite number: {row[column]!r}"
                raise CorpusError(message, code="features-not-a-number")
    return values
