"""What figures are drawn from: songs, runs, and records of reproduced tables."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genrelab.audio.decode import decode
from genrelab.audio.pad import Padding, fit_length
from genrelab.audio.segments import Waveform
from genrelab.errors import RunError, UsageError
from genrelab.lab.corpora import synthetic
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.runs import folders
from genrelab.lab.runs.folders import Run
from genrelab.lab.studies.reproduce.page import RECORD, read_record

STYLE = "jazz"
"""Style of the composed piece that stands in for a song, as from `genrelab demo --compose`."""

_PIECES = "tracks=3,seconds=30,seed=0"
_MOST_RUNS = 500
_MOST_FOLDERS = 20_000


@dataclass(frozen=True)
class Song:
    """A sound file, or a composed piece.

    Attributes
    ----------
    name : str
    path : Path or None
        None is the piece of a style.
    style : str
    start : float, in seconds
        Where the drawn part begins.
    """

    name: str
    path: Path | None
    style: str = STYLE
    start: float = 0.0

    def read(self, *, seconds: float, sample_rate: int, channels: int) -> Waveform:
        """Return at most so many seconds of it, `[channels, samples]`.

        Raises
        ------
        AudioError
            If the file cannot be read, or ends before `start`.
        UsageError
            If a composed piece ends before `start`.
        """
        if self.path is not None:
            return decode(
                self.path, start=self.start, duration=seconds, sample_rate=sample_rate, channels=channels
            )[0]
        pieces = synthetic.load(_PIECES)
        assert pieces.renderer is not None
        whole = pieces.renderer(pieces.by_id()[f"{self.style}/0000"], sample_rate, channels)
        first = round(self.start * sample_rate)
        if first >= whole.shape[1]:
            raise UsageError(
                f"--start {self.start:g} is behind the end of the composed piece, which has "
                f"{whole.shape[1] / sample_rate:g} s. Give a --song, or an earlier --start",
                code="start-behind-piece",
            )
        return whole[:, first : first + round(seconds * sample_rate)]

    def segment(self, audio: Audio) -> Waveform:
        """Return one segment as a recipe cuts and pads it, from `start` on.

        What has no padding, because its network takes any duration, is as short as the song.
        """
        waveform = self.read(
            seconds=audio.segment_seconds, sample_rate=audio.sample_rate, channels=audio.channels
        )
        if audio.padding == "none":
            return np.ascontiguousarray(waveform)
        padding: Padding = audio.padding
        rng = np.random.default_rng(0)
        return fit_length(waveform, audio.segment_samples, padding=padding, rng=rng)


@dataclass(frozen=True)
class Material:
    """Songs, runs and records.

    Attributes
    ----------
    songs : tuple of Song
        As given; empty if none.
    start : float, in seconds
        Of composed pieces.
    runs : tuple of Run
    records : mapping of Path to dict
        Of reproduced tables, by file.
    """

    songs: tuple[Song, ...] = ()
    start: float = 0.0
    runs: tuple[Run, ...] = ()
    records: Mapping[Path, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def given(cls, *, songs: Sequence[Path] = (), start: float = 0.0, runs: Sequence[Path] = ()) -> Material:
        """Read what a command names.

        Parameters
        ----------
        songs : sequence of Path
            Sound files.
        start : float >= 0, in seconds
        runs : sequence of Path
            Run folders, folders of runs (with their `reproduce`), and folders with the record of a reproduced
            table.

        Raises
        ------
        RunError
            If a folder does not exist, or holds neither a finished run nor a record.
        """
        found: dict[Path, Run] = {}
        records: dict[Path, dict[str, Any]] = {}
        for folder in runs:
            listed = list(_run_folders(folder))
            found |= {each.resolve(): Run.load(each) for each in listed}
            files = _record_files(folder)
            records |= {file: read_record(file) for file in files}
            if not files and not listed:
                raise RunError(
                    f"{folder} holds no finished run and no record of a reproduced table. Give a folder that "
                    "`genrelab train` or `genrelab reproduce` wrote",
                    code="no-run-to-draw",
                )
        listed_songs = tuple(Song(path.name, path, start=start) for path in songs)
        return cls(listed_songs, start, tuple(found.values()), records)

    def song(self, styles: Sequence[str] = ()) -> Song:
        """Return the first song, or the composed piece of the first style."""
        return self.songs[0] if self.songs else self._piece(styles[0] if styles else STYLE)

    def several(self, styles: Sequence[str]) -> list[Song]:
        """Return the songs, or the composed pieces of all styles."""
        return list(self.songs) or [self._piece(style) for style in styles]

    def _piece(self, style: str) -> Song:
        return Song(f"composed {style} piece", None, style, self.start)

    def of(self, recipes: Iterable[str]) -> dict[str, list[Run]]:
        """Return the runs of recipes by recipe, in the order of the recipes; without those that have none."""
        by_recipe = {name: [run for run in self.runs if run.recipe.name == name] for name in recipes}
        return {name: runs for name, runs in by_recipe.items() if runs}

    def record(self, table: str) -> dict[str, Any] | None:
        """Return the record of a reproduced table, None if none was given.

        Raises
        ------
        UsageError
            If there are several, as of two budgets.
        """
        found = {file: each for file, each in self.records.items() if each["table"] == table}
        if len(found) > 1:
            first, second, *_ = (str(file.parent) for file in found)
            raise UsageError(
                f"{len(found)} records of {table} were given, such as {first} and {second}. Name one of them "
                "with --run",
                code="several-records",
            )
        return next(iter(found.values()), None)


def _record_files(folder: Path) -> list[Path]:
    """Return the record in a folder, or those that `genrelab reproduce` wrote below it."""
    if (folder / RECORD).is_file():
        return [folder / RECORD]
    return sorted(file for file in folder.glob(f"reproduce/*/{RECORD}") if file.is_file())


def _run_folders(folder: Path) -> Iterable[Path]:
    """Yield the folder itself if it is a run, else the runs below it, a bounded number."""
    if not folder.is_dir():
        raise RunError(f"there is no folder {folder}", code="run-folder-missing")
    if (folder / folders.METRICS).is_file():
        yield folder
        return
    runs = 0
    for looked, (place, below, names) in enumerate(os.walk(folder)):
        below.sort()
        if looked >= _MOST_FOLDERS or runs >= _MOST_RUNS:
            raise RunError(
                f"{folder} holds more than {_MOST_RUNS} runs, or {_MOST_FOLDERS:,} folders. Name the folders "
                "of the runs to draw",
                code="too-many-runs",
            )
        if folders.METRICS in names and folders.RECIPE in names:
            runs += 1
            below.clear()
            yield Path(place)
