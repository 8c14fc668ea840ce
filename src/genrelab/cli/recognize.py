"""`genrelab recognize`: the genre of files and folders."""

from __future__ import annotations

import os
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.albums import ByOption, find_places
from genrelab.cli.library import open_or_none
from genrelab.cli.options import (
    ExcludeOption,
    LibraryOption,
    ModelOption,
    NoIgnoreOption,
    OutOption,
    QuietOption,
    RecordFormatOption,
    TagsOption,
    TopOption,
)
from genrelab.cli.progress import Report, counting, note, note_skipped

if TYPE_CHECKING:
    from genrelab.recognize import Recognition
    from genrelab.recognize.albums import Album

MOST_JOBS = 8  # the default limit: each job needs memory
_RATE_SECONDS = 30.0  # the displayed rate is the mean over this time


def recognize(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...",
            help="Audio files, playlists, CUE sheets, and folders to search for audio files.",
        ),
    ],
    model: ModelOption = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Process whole files. The default samples segments of long files."),
    ] = False,
    top: TopOption = 3,
    tags: TagsOption = False,
    by: ByOption = None,
    timeline: Annotated[
        bool, typer.Option("--timeline", help="Include the genre of each segment; implies --full.")
    ] = False,
    parts: Annotated[
        bool,
        typer.Option("--parts", help="Split each file into parts where its genre changes; implies --full."),
    ] = False,
    min_part: Annotated[float, typer.Option(metavar="SECONDS", help="Length of the shortest part.")] = 20.0,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write an SVG chart of genres over time per file into DIR; implies --full."
        ),
    ] = None,
    cue: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write a CUE sheet of the parts per file into DIR; implies --full."),
    ] = None,
    format: RecordFormatOption = "table",
    out: OutOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of files processed at once.",
            show_default=f"number of cores, at most {MOST_JOBS}",
        ),
    ] = None,
    library: LibraryOption = None,
    no_library: Annotated[
        bool, typer.Option("--no-library", help="Do not use stored results, and store none.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Recognize known files again.")] = False,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    quiet: QuietOption = False,
) -> None:
    """Recognize the genre of music; unchanged files are not processed again.

    Exit code: 0 if every file has a genre; 1 if a file failed, is unsure or lacks an output; 2 for wrong use.
    With --by, an unsure file does not count, but an unsure album does.
    """
    from genrelab.bundle.find import find_model
    from genrelab.errors import UsageError
    from genrelab.library import CachedRecognizer
    from genrelab.recognize import Problem, Recognizer, ScanLog, SheetTrack, scan
    from genrelab.recognize.albums import follow_albums
    from genrelab.recognize.writers.albums import write_albums
    from genrelab.recognize.writers.formats import check_format, write_records
    from genrelab.recognize.writers.output import open_output
    from genrelab.recognize.writers.side_files import PartsWriter

    if by and (timeline or parts):
        message = f"--by has no room for --{'timeline' if timeline else 'parts'}. Omit one of them."
        raise UsageError(message, code="albums-with-timeline")
    check_format(format, top=top, timeline=timeline or parts)
    model_file = find_model(model)
    log = ScanLog()
    found = list(scan(paths, exclude=exclude or (), ignore=not no_ignore, log=log))
    if not quiet:
        note_skipped(log)
    cores = os.cpu_count() or 1
    jobs = jobs or min(cores, max(1, len(found)), MOST_JOBS)
    read = [model_file, *log.lists]
    read += [
        file.path if isinstance(file, SheetTrack) else file for file in found if not isinstance(file, Problem)
    ]
    writer = PartsWriter(min_part, record_parts=parts, pictures=picture, cues=cue, keep=read)
    full = full or timeline or writer.wanted
    recognizer = Recognizer.load(model_file, full=full, threads=max(1, cores // jobs))
    if tags:
        recognizer.bundle.check_tags()
    progress = _Progress(len(found))
    lines_on_terminal = format in ("jsonl", "csv") and out is None and sys.stdout.isatty()
    bar = sys.stderr.isatty() and not quiet and not lines_on_terminal  # mixed with lines, the bar would break
    with open_or_none(library, without=no_library, quiet=quiet) as opened:
        cached = None
        if opened is not None:
            cached = CachedRecognizer(recognizer, opened, probabilities=writer.wanted, again=again)
        with (
            open_output(out, keep=[*read, opened.path] if opened else read) as stream,
            counting() if bar else nullcontext() as report,
        ):
            places = find_places(found, by, report) if by else None
            records = (cached or recognizer).recognize_many(found, jobs=jobs)
            records = writer.follow(records)
            records = progress.follow(records, report)
            if places is not None:
                combined = follow_albums(places, records, recognizer.bundle.metadata)
                write_albums(progress.count_albums(combined), stream, format=format, top=top, tags=tags)
            else:
                write_records(records, stream, format=format, top=top, timeline=timeline, tags=tags)
        if cached is not None and cached.recalled and not quiet:
            known = f"{cached.recalled} of {progress.total} were known"
            note(f"note: {known} (library {cached.library.path}); --again repeats them")
    failures = progress.failures(albums=by is not None)
    if not quiet:
        for failure in failures:
            note(f"note: {failure}; their records say why")
    if failures:
        raise typer.Exit(1)


class _Progress:
    """Counts records and albums, those without a genre or an output, and measures the rate."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.failed = 0
        self.unanswered = 0
        self.unwritten = 0
        self.albums = 0
        self.unsure_albums = 0
        self._recent = deque([(time.monotonic(), 0, 0.0)])  # when, records so far, seconds of sound so far

    def follow(self, records: Iterable[Recognition], report: Report | None) -> Iterator[Recognition]:
        """Yield the records while counting and reporting them."""
        for done, record in enumerate(records, start=1):
            self.failed += record.error is not None
            self.unanswered += not record.answered
            self.unwritten += any(notice.kind == "output" for notice in record.notices)
            if report is not None:
                report("recognizing", done, self.total, self._rate(done, record.duration or 0.0))
            yield record

    def count_albums(self, albums: Iterable[Album]) -> Iterator[Album]:
        """Yield the albums while counting them; what failed before it was a track is none."""
        for album in albums:
            self.albums += album.tracks > 0
            self.unsure_albums += album.tracks > 0 and not album.has_genre
            yield album

    def failures(self, *, albums: bool) -> list[str]:
        """Return what failed, in words; empty if nothing did."""
        unsure, failed = (self.unsure_albums, self.failed) if albums else (self.unanswered, 0)
        counts = (
            (unsure, f"{self.albums} albums" if albums else f"{self.total}", "have no genre"),
            (failed, f"{self.total} files", "failed"),
            (self.unwritten, f"{self.total} files" if albums else f"{self.total}", "lack an output"),
        )
        return [f"{count} of {total} {what}" for count, total, what in counts if count]

    def _rate(self, done: int, seconds: float) -> str:
        """Return the number of files and the amount of audio processed per second."""
        now = time.monotonic()
        while len(self._recent) > 1 and self._recent[0][0] < now - _RATE_SECONDS:
            self._recent.popleft()
        self._recent.append((now, done, self._recent[-1][2] + seconds))
        (begun, done_then, sound_then), (_, _, sound) = self._recent[0], self._recent[-1]
        elapsed = max(now - begun, 1e-3)
        return f"{(done - done_then) / elapsed:.1f} files/s, {(sound - sound_then) / elapsed:.0f}x real time"
