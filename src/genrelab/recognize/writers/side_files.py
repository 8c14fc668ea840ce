"""Write charts and CUE sheets of parts, one file per audio file."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from genrelab.errors import UsageError
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.segmentation import check_min_seconds, cut_parts
from genrelab.recognize.writers.cue import cue_sheet
from genrelab.recognize.writers.output import open_output
from genrelab.recognize.writers.picture import draw_timeline

_USUAL_LIMIT, _SHORTEST_LIMIT = 255, 32  # bytes of a file name


class PartsWriter:
    """Adds parts to records, and writes charts and CUE sheets of them.

    Parameters
    ----------
    min_seconds : float > 0
        Minimum length of a part.
    record_parts : bool
        Whether to add parts to records.
    pictures, cues : Path or None
        The folders for charts and CUE sheets; created if missing. The files are named
        `<name of the audio file>.svg` and `.cue`. If several audio files have the same name, the second
        becomes `<name>-2.svg`. Long names are shortened by `side_name`. Existing files are replaced.
    keep : sequence of path-like
        Files that must not be replaced.

    Raises
    ------
    UsageError
        If the minimum length is not positive, or a folder cannot be created.
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
        check_min_seconds(min_seconds)
        self._min_seconds = min_seconds
        self._record_parts = record_parts
        self._pictures, self._cues = pictures, cues
        self._keep = list(keep)
        self._names: set[str] = set()
        for folder in (pictures, cues):
            if folder is not None:
                _make(folder)

    @property
    def wanted(self) -> bool:
        """Whether there is anything to do; records then need their probabilities."""
        return self._record_parts or self._pictures is not None or self._cues is not None

    def follow(self, records: Iterable[Recognition]) -> Iterator[Recognition]:
        """Yield the records, and write or add what was requested for those without an error.

        If an output of a record fails, the record gets a notice of the kind `output`.
        """
        for record in records:
            if not self.wanted or record.error is not None:
                yield record
                continue
            name = self._name(record.path)
            if self._pictures is not None:
                record = self._try("picture", self._draw, record, self._pictures, name)
            if self._cues is not None and record.track is not None:
                record = record.with_notice(
                    "playlist", "no CUE sheet was written: this record is a track of one"
                )
            elif self._cues is not None:
                record = self._try("CUE sheet", self._write_sheet, record, self._cues, name)
            if self._record_parts:
                record = self._try("list of parts", self._add_parts, record)
            yield record

    def _try(
        self, what: str, make: Callable[..., Recognition], record: Recognition, *places: Path | str
    ) -> Recognition:
        try:
            return make(record, *places)
        except UsageError as error:
            why = str(error)
        except OSError as error:
            why = f"{error.strerror or error}. Check the folder and the free space on its disk."
        return record.with_notice("output", f"the {what} was not written: {why}")

    def _draw(self, record: Recognition, folder: Path, name: str) -> Recognition:
        text = draw_timeline(record, min_seconds=self._min_seconds)
        self._write(folder / side_name(name, ".svg", longest=longest_name(folder)), text)
        return record

    def _write_sheet(self, record: Recognition, folder: Path, name: str) -> Recognition:
        text = cue_sheet(record, _relative(folder, record.path), min_seconds=self._min_seconds)
        self._write(folder / side_name(name, ".cue", longest=longest_name(folder)), text)
        return record

    def _add_parts(self, record: Recognition) -> Recognition:
        return dataclasses.replace(record, parts=cut_parts(record, min_seconds=self._min_seconds))

    def _name(self, path: Path) -> str:
        """Return a name that is unique in this run: the file name, if necessary with a number."""
        name, count = path.name, 1
        while name in self._names:
            count += 1
            name = f"{path.name}-{count}"
        self._names.add(name)
        return name

    def _write(self, path: Path, text: str) -> None:
        with open_output(path, keep=self._keep) as file:
            file.write(text.encode("utf-8"))


def side_name(name: str, suffix: str, *, longest: int) -> str:
    """Return the name of a file that belongs to an audio file.

    Parameters
    ----------
    name : str
        A name that is unique to the audio file.
    suffix : str
        Suffix to append.
    longest : int
        Longest name in bytes, more than 20.

    Returns
    -------
    str
        Name and suffix. A name that is too long is cut between two characters, followed by `~` and the first
        eight digits of the SHA-256 of the whole name, which keeps different names different.
    """
    whole = os.fsencode(name)
    if len(whole) + len(suffix) <= longest:
        return name + suffix
    tail = f"~{hashlib.sha256(whole).hexdigest()[:8]}{suffix}"
    while len(os.fsencode(name)) + len(tail) > longest:
        name = name[:-1]
    return name + tail


def longest_name(folder: Path) -> int:
    """Return the longest file name in a folder, in bytes."""
    if sys.platform == "win32":
        return _USUAL_LIMIT
    try:
        return max(int(os.pathconf(folder, "PC_NAME_MAX")), _SHORTEST_LIMIT)
    except (OSError, ValueError):  # such as a missing folder
        return _USUAL_LIMIT


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"the folder {folder} cannot be created: {error.strerror}. Name another."
        raise UsageError(message, code="output-folder") from error


def _relative(folder: Path, sound: Path) -> str:
    """Return the path of an audio file relative to a folder, or absolute if there is none."""
    try:
        return os.path.relpath(sound.resolve(), folder.resolve())
    except ValueError:  # on another drive
        return os.path.abspath(sound)
