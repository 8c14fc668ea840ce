"""A table of descriptors, a row a clip, in place of the sound: `features:/data/features_30_sec.csv`.

Columns `filename` and `label` are needed; all others must hold numbers, but for `length`, which says how
many samples the file has and nothing of the music, and is left out. The widely used table of GTZAN (57
descriptors of 1,000 clips) is known by its file names: artists and the fault-filtered split are those of
the corpus `gtzan`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.errors import CorpusError
from genrelab.lab.corpora.loaders.gtzan import EXPECTED_IDS, GENRES, fault_filtered, packaged_rows
from genrelab.lab.corpora.paths import examples, folder_safe, given_path
from genrelab.lab.corpora.types import Clip, Corpus, Waveform

_NEEDED = ("filename", "label")
_NO_DESCRIPTOR = (*_NEEDED, "length")
_USUAL_NAME = "features_30_sec.csv"
_CUT = re.compile(rf"(?:{'|'.join(GENRES)})\.\d{{5}}\.\d+")
_LARGEST = float(np.finfo(np.float32).max)

Values = npt.NDArray[np.float64]


class TableRows:
    """Gives the values of a clip's row in place of samples.

    Stores keep 16 bits between -1 and 1, so each column is moved and stretched to just that range, by its
    least and largest value in the whole table. What a network learns does not depend on it: the
    standardization that it fits to its training clips takes both away again, but for the rounding to
    1/65,534 of a column's range.

    Parameters
    ----------
    columns : sequence of str
        Names of the descriptors.
    clip_ids : sequence of str
        One a row.
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
        """Name the content: stores and runs are known by it."""
        names = "\n".join([*self.columns, "", *self.clip_ids]).encode()
        return f"TableRows({hashlib.sha256(names + self.values.tobytes()).hexdigest()})"

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> Waveform:
        """Return a row as float32 `[1, columns]` in -1..1.

        Raises
        ------
        CorpusError
            If a second is not to have as many samples as the table has columns.
        """
        if sample_rate != len(self.columns):
            raise CorpusError(
                f"the table has {len(self.columns)} descriptors and no sound; the recipe asks for "
                f"{sample_rate} samples a second. Take descriptor-table, with --set "
                f"audio.sample_rate={len(self.columns)} unless it has that",
                code="features-sample-rate",
            )
        number = self._number[clip.id]
        return self._scaled[number : number + 1].copy()


def load(argument: str) -> Corpus:
    """Read a table of descriptors, or some of its columns.

    Parameters
    ----------
    argument : str
        The CSV file, or a folder that holds `features_30_sec.csv`; optionally which descriptors to take,
        after a question mark: `features_30_sec.csv?columns=rms_mean,tempo`.

    Returns
    -------
    Corpus
        Genres in alphabetical order; clips in the table's order, rendered by `TableRows`. With GTZAN's
        file names, clips are called as in the corpus `gtzan` (`blues.00000`), have its artists, and the
        published splits `published` and `fault-filtered`; else a clip is called by its file name.

    Raises
    ------
    CorpusError
        If the file or a column is missing, there is no row, a value is not a finite number, a file name
        stands twice, or rows are cuts of GTZAN's clips, which splits would not keep together.
    """
    place, _, selection = argument.partition("?")
    path = given_path(place, corpus="features")
    file = path / _USUAL_NAME if path.is_dir() else path
    if not file.is_file():
        raise CorpusError(
            f"features: {file} is missing. Give a CSV file, or a folder that holds {_USUAL_NAME}",
            code="features-file-missing",
        )
    columns, rows = _read(file)
    chosen = _choose(file, columns, selection)
    clip_ids, of_gtzan = _clip_ids(file, rows)
    artists = (
        {row["clip_id"]: row["artist"] for row in packaged_rows("gtzan-artists.csv")} if of_gtzan else {}
    )
    clips = [
        Clip(id=clip_id, path=None, genre=row["label"] or None, artist=artists.get(clip_id) or None)
        for clip_id, (_, row) in zip(clip_ids, rows, strict=True)
    ]
    split = fault_filtered(set(clip_ids)) if of_gtzan else None
    name = "gtzan-features" if of_gtzan else folder_safe(file.stem)
    return Corpus(
        name=f"{name}-{len(chosen)}" if selection else name,
        genres=sorted({clip.genre for clip in clips if clip.genre}),
        clips=clips,
        licence="unknown (research use)" if of_gtzan else "unknown (that of the table)",
        citation=f"descriptors of GTZAN's clips, {file.name}" if of_gtzan else f"the table {file.name}",
        published_splits={"published": split, "fault-filtered": split} if split else {},
        renderer=TableRows(chosen, clip_ids, _numbers(file, chosen, rows)),
        skipped={each: "not in this table" for each in EXPECTED_IDS if each not in clip_ids}
        if of_gtzan
        else {},
    )


_Rows = list[tuple[int, dict[str, str]]]  # with the line's number, the header being 1


def _read(file: Path) -> tuple[list[str], _Rows]:
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            columns = [name.strip() for name in next(reader, [])]
            rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader if cells]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(
            f"features: {file} is not a CSV file in UTF-8 ({error}). Save it as one",
            code="features-unreadable",
        ) from error
    missing = [name for name in _NEEDED if name not in columns]
    if missing:
        raise CorpusError(
            f"features: {file} lacks the column {' and '.join(missing)}; "
            f"it has {', '.join(columns) or 'none'}",
            code="features-columns-missing",
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise CorpusError(
            f"features: {file} has two columns called {twice[0]!r}. Give each its own name",
            code="features-column-twice",
        )
    if not rows:
        raise CorpusError(f"features: {file} has no row. It needs a row a clip", code="features-empty")
    for number, cells in rows:
        if len(cells) != len(columns):
            raise CorpusError(
                f"features: {file}, row {number} has {len(cells)} values, and the header has {len(columns)}",
                code="features-row-length",
            )
    return columns, [(number, dict(zip(columns, cells, strict=True))) for number, cells in rows]


def _choose(file: Path, columns: Sequence[str], selection: str) -> list[str]:
    """Return the descriptors to take."""
    there = [name for name in columns if name not in _NO_DESCRIPTOR]
    key, _, listed = selection.partition("=")
    if selection and key != "columns":
        raise CorpusError(
            f"features: ?{selection} is not understood; write ?columns=rms_mean,tempo",
            code="features-selection-unknown",
        )
    chosen = [unquote(name) for name in listed.split(",")] if selection else there
    unknown = [name for name in chosen if name not in there]
    if unknown:
        raise CorpusError(
            f"features: {file} has no descriptor {examples(unknown)}; it has {', '.join(there) or 'none'}",
            code="features-descriptor-unknown",
        )
    if not chosen or len(set(chosen)) < len(chosen):
        raise CorpusError(
            f"features: {file}: take at least one descriptor, and none twice", code="features-selection-empty"
        )
    return chosen


def _clip_ids(file: Path, rows: _Rows) -> tuple[list[str], bool]:
    """Return what the clips are called, and whether they are GTZAN's."""
    names = [_without_ending(row["filename"]) for _, row in rows]
    short = [PurePath(name).name for name in names]
    of_gtzan = set(short) <= set(EXPECTED_IDS)
    first: dict[str, int] = {}
    for (number, _), name, clip_id in zip(rows, names, short if of_gtzan else names, strict=True):
        if not name:
            raise CorpusError(
                f"features: {file}, row {number} has no filename. Name the clip", code="features-name-missing"
            )
        if _CUT.fullmatch(PurePath(name).name):
            raise CorpusError(
                f"features: {file}, row {number}: {name} is a cut of a clip. Random splits would put cuts of "
                f"one clip on both sides; take the table of whole clips, {_USUAL_NAME}",
                code="features-cut-of-clip",
            )
        if clip_id in first:
            raise CorpusError(
                f"features: {file}, rows {first[clip_id]} and {number}: both are the clip {clip_id}. "
                "Leave one out",
                code="features-clip-twice",
            )
        first[clip_id] = number
    return list(first), of_gtzan


def _without_ending(name: str) -> str:
    suffix = PurePath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in AUDIO_SUFFIXES else name


def _numbers(file: Path, columns: Sequence[str], rows: _Rows) -> Values:
    values = np.empty((len(rows), len(columns)))
    for index, (number, row) in enumerate(rows):
        for at, column in enumerate(columns):
            try:
                values[index, at] = value = float(row[column])
            except ValueError:
                value = np.nan
            if not abs(value) < _LARGEST:  # nor is NaN
                raise CorpusError(
                    f"features: {file}, row {number}: {column} is {row[column]!r}, not a finite number. "
                    "Correct it, or leave the row out",
                    code="features-not-a-number",
                )
    return values
