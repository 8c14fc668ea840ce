"""What is made of each file's parts besides its record: pictures and CUE sheets, a file for each."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from genrelab.errors import UsageError
from genrelab.recognize.cue import cue_sheet
from genrelab.recognize.output import open_output
from genrelab.recognize.parts import cut_parts
from genrelab.recognize.picture import draw_timeline
from genrelab.recognize.recognition import Notice, Recognition


class PartsWriter:
    """Adds parts to records, and writes pictures and CUE sheets of them.

    Parameters
    ----------
    min_seconds : float > 0
        The least length of a part.
    record_parts : bool
        Whether records get their parts.
    pictures, cues : Path or None
        The folders for pictures and for CUE sheets; made if they are not there. The files are called
        `<name of the sound file>.svg` and `.cue`; of several sound files of one name, the second is
        called `<name>-2.svg`. Files that are there are replaced.
    keep : sequence of path-like
        Files that must not be replaced.

    Raises
    ------
    UsageError
        If the least length is not positive, or a folder cannot be made.
    """

    def __init__(
        self,
        min_seconds: float,
        *,
        record_parts: bool,
        pictures: Path | None,
        cues: Path | None,
        keep: Iterable[Path] = (),
    ) -> None:
        if not 0 < min_seconds < float("inf"):
            raise UsageError(f"a part must be longer than 0 s, not {min_seconds} s")
        self._min_seconds = min_seconds
        self._record_parts = record_parts
        self._pictures, self._cues = pictures, cues
        self._keep = list(keep)
        self._names: dict[str, int] = {}
        for folder in (pictures, cues):
            if folder is not None:
                _make(folder)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do, for which records need their probabilities."""
        return self._record_parts or self._pictures is not None or self._cues is not None

    def follow(self, records: Iterable[Recognition]) -> Iterator[Recognition]:
        """Pass records on, those without an error with what was asked for."""
        for record in records:
            if not self.wanted or record.error is not None:
                yield record
                continue
            name = self._name(record.path)
            if self._pictures is not None:
                text = draw_timeline(record, min_seconds=self._min_seconds)
                self._write(self._pictures / f"{name}.svg", text)
            if self._cues is not None and record.track is not None:
                lost = Notice("output", "no CUE sheet was written: this is a track of one")
                record = dataclasses.replace(record, notices=(*record.notices, lost))
            elif self._cues is not None:
                sheet = self._cues / f"{name}.cue"
                sound = _seen_from(sheet.parent, record.path)
                self._write(sheet, cue_sheet(record, sound, min_seconds=self._min_seconds))
            if self._record_parts:
                record = dataclasses.replace(record, parts=cut_parts(record, min_seconds=self._min_seconds))
            yield record

    def _name(self, path: Path) -> str:
        count = self._names[path.name] = self._names.get(path.name, 0) + 1
        return path.name if count == 1 else f"{path.name}-{count}"

    def _write(self, path: Path, text: str) -> None:
        with open_output(path, keep=self._keep) as file:
            file.write(text.encode("utf-8"))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made a folder: {error.strerror}. Name another.") from error


def _seen_from(folder: Path, sound: Path) -> str:
    """Return the path of a sound file relative to a folder, or absolute where there is no such path."""
    try:
        return os.path.relpath(sound.resolve(), folder.resolve())
    except ValueError:  # another drive
        return os.path.abspath(sound)
