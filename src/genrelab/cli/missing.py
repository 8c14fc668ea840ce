"""Recognize the files that a library does not know yet, before `genrelab tag` writes their tags."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genrelab.cli.progress import Report

if TYPE_CHECKING:
    from genrelab.library import Library
    from genrelab.recognize import Recognizer
    from genrelab.recognize.scan import Found

MOST_JOBS = 8  # the default limit: each job needs memory


def choose_jobs(jobs: int | None, files: int) -> tuple[int, int]:
    """Return how many files to process at once, and how many threads each may use."""
    cores = os.cpu_count() or 1
    jobs = jobs or min(cores, max(1, files), MOST_JOBS)
    return jobs, max(1, cores // jobs)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which stored results suffice.

    Parameters
    ----------
    model : Path or None
        The model file, as `find_model` takes it.
    any_model : bool
        Whether results of other models suffice.
    full : bool
        Whether only results of whole files suffice.
    jobs : int > 0 or None
        How many files to recognize at once; None chooses.
    """

    model: Path | None
    any_model: bool
    full: bool
    jobs: int | None


@dataclass(frozen=True, slots=True)
class Recognized:
    """What was done: the identity of the model, if it was needed, and how many files were new.

    `unstored` says why a result could not be stored.
    """

    model: str | None = None
    new: int = 0
    unstored: str | None = None


def recognize_missing(
    library: Library, found: Sequence[Found], wanted: Wanted, report: Report | None
) -> Recognized:
    """Recognize what the library does not know, and store the results.

    The model is loaded only if it is needed. Each result is stored before the next one is computed, so an
    interrupted run continues where it stopped; no result is kept in memory.

    Parameters
    ----------
    library : Library
        It must be writable.
    found : sequence of Path, SheetTrack or Problem
        From `genrelab.recognize.scan`; only paths are recognized.
    wanted : Wanted
    report : Report or None
        Shows progress.

    Raises
    ------
    ModelFileError
        If the model file cannot be used.
    LibraryError
        If the library cannot be used.
    """
    from genrelab.library import CachedRecognizer

    files = [file for file in found if isinstance(file, Path)]
    if wanted.any_model:
        files = files[_count_known(library, files, report, full=wanted.full) :]
        if not files:
            return Recognized()
    jobs, threads = choose_jobs(wanted.jobs, len(files))
    cached = CachedRecognizer(_load(wanted, threads=threads), library, any_model=wanted.any_model)
    unstored = None
    for done, record in enumerate(cached.recognize_many(files, jobs=jobs), start=1):
        unstored = unstored or next((text for kind, text in record.notices if kind == "output"), None)
        if report is not None:
            report("recognizing", done, len(files))
    return Recognized(cached.bundle.identity, len(files) - cached.recalled, unstored)


def _load(wanted: Wanted, *, threads: int) -> Recognizer:
    from genrelab.recognize import Recognizer

    return Recognizer.load(wanted.model, full=wanted.full, threads=threads)


def _count_known(library: Library, files: Sequence[Path], report: Report | None, *, full: bool) -> int:
    """Return how many files before the first unknown one have a result by any model."""
    from genrelab.library.store.file_snapshot import FileSnapshot
    from genrelab.library.store.track_row import RecordFilter

    for done, file in enumerate(files):
        try:
            known = library.tracks.find(FileSnapshot(file), RecordFilter(None, full=full)) is not None
        except (OSError, ValueError):
            continue  # the record of tagging says what is wrong
        if not known:
            return done
        if report is not None:
            report("looking up", done + 1, len(files))
    return len(files)
