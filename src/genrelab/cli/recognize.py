"""`genrelab recognize`: the genre of files and folders."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.albums import ByOption, find_places
from genrelab.cli.hints import hint_of_unsure
from genrelab.cli.library import open_library, open_or_none
from genrelab.cli.missing import choose_jobs
from genrelab.cli.options import (
    ExcludeOption,
    GuessOption,
    JobsOption,
    LibraryOption,
    ModelOption,
    NoIgnoreOption,
    OutOption,
    ProviderOption,
    QuietOption,
    RecordFormatOption,
    Spelling,
    TagsOption,
    TopOption,
    is_typed,
)
from genrelab.cli.progress import Report, counting, note, note_skipped
from genrelab.cli.tagging import TAG_PANEL, prepare_tag

if TYPE_CHECKING:
    from genrelab.recognize import Recognition
    from genrelab.recognize.albums import Album

_RATE_SECONDS = 30.0  # the displayed rate is the mean over this time


def recognize(
    context: typer.Context,
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
    guess: GuessOption = False,
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
    jobs: JobsOption = None,
    provider: ProviderOption = "cpu",
    library: LibraryOption = None,
    no_library: Annotated[
        bool, typer.Option("--no-library", help="Do not use stored results, and store none.")
    ] = False,
    again: Annotated[bool, typer.Option("--again", help="Recognize known files again.")] = False,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    quiet: QuietOption = False,
    tag: Annotated[
        bool,
        typer.Option(
            "--tag",
            rich_help_panel=TAG_PANEL,
            help="Then show what `genrelab tag` would write, instead of the results.",
        ),
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", rich_help_panel=TAG_PANEL, help="Write the genres into the files.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", rich_help_panel=TAG_PANEL, help="Replace existing values.")
    ] = False,
    combine: Annotated[
        bool, typer.Option("--combine", rich_help_panel=TAG_PANEL, help="Append to existing values.")
    ] = False,
    genres: Annotated[
        int | None,
        typer.Option(metavar="K", min=1, rich_help_panel=TAG_PANEL, help="Most genres per file."),
    ] = None,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            min=0,
            max=1,
            rich_help_panel=TAG_PANEL,
            help="Do not write genres with a lower probability.",
        ),
    ] = None,
    moods: Annotated[
        bool, typer.Option("--moods", rich_help_panel=TAG_PANEL, help="Also write moods.")
    ] = False,
    styles: Annotated[
        bool, typer.Option("--styles", rich_help_panel=TAG_PANEL, help="Also write styles.")
    ] = False,
    map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=TAG_PANEL,
            help="YAML file with your names and parents for genres.",
        ),
    ] = None,
    spelling: Annotated[
        Spelling | None,
        typer.Option(rich_help_panel=TAG_PANEL, help="How to write genres that --map does not name."),
    ] = None,
    parents: Annotated[
        bool, typer.Option("--parents", rich_help_panel=TAG_PANEL, help="Also write the parents of genres.")
    ] = False,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=TAG_PANEL,
            help="YAML file with your own genres, spellings and parents.",
        ),
    ] = None,
) -> None:
    """Recognize the genre of music; unchanged files are not processed again.

    Example: genrelab recognize ~/Music --format csv --out genres.csv

    Exit code: 0 if every file has a genre, with --guess at least a guess; 1 if a file failed, is unsure or
    lacks an output; 2 for wrong use. With --by, an unsure file does not count, but an unsure album does.
    With --tag, also 1 if a tag could not be written.
    """
    from genrelab.bundle.find import find_model
    from genrelab.errors import UsageError
    from genrelab.library import CachedRecognizer
    from genrelab.library.store.schema.shown import Shown
    from genrelab.recognize import Recognizer, ScanLog, scan
    from genrelab.recognize.albums import follow_albums
    from genrelab.recognize.inputs.found_files import FoundFiles
    from genrelab.recognize.writers.albums import write_albums
    from genrelab.recognize.writers.formats import check_format, write_records
    from genrelab.recognize.writers.output import open_output
    from genrelab.recognize.writers.side_files import PartsWriter

    tagging = prepare_tag(context, paths)
    if by and (timeline or parts):
        message = f"--by has no room for --{'timeline' if timeline else 'parts'}. Omit one of them."
        raise UsageError(message, code="albums-with-timeline")
    check_format(format, top=top, timeline=timeline or parts)
    model_file = find_model(model)
    log = ScanLog()
    found = FoundFiles(scan(paths, exclude=exclude or (), ignore=not no_ignore, log=log))
    if tagging:
        tagging.check_lists(log.lists)
    elif not quiet:
        note_skipped(log)
    jobs, threads = choose_jobs(jobs, len(found))
    read = [model_file, *log.lists]
    inputs = chain(read, found.files()) if picture or cue else ()
    writer = PartsWriter(min_part, record_parts=parts, pictures=picture, cues=cue, keep=inputs)
    full = full or timeline or writer.wanted
    recognizer = Recognizer.load(model_file, full=full, threads=threads, provider=provider)
    if tags:
        recognizer.bundle.check_tags()
    progress = _Progress(len(found))
    lines_on_terminal = format in ("jsonl", "csv") and out is None and sys.stdout.isatty()
    bar = sys.stderr.isatty() and not quiet and not lines_on_terminal  # mixed with lines, the bar would break
    if no_library and not is_typed(context, "library"):
        library = None  # one of the config file
    with (
        open_library(library, must_write=True)
        if tagging
        else open_or_none(library, without=no_library, quiet=quiet)
    ) as opened:
        cached = None
        if opened is not None:
            cached = CachedRecognizer(recognizer, opened, probabilities=writer.wanted, again=again)
            if not (by or writer.wanted or timeline):  # otherwise, more of each result is used
                whole = tagging is not None or format not in ("table", "csv")
                cached.shown = Shown(timeline=False) if whole else Shown(top, timeline=False, tags=tags)
            read.append(opened.path)
        with (
            open_output(out, keep=chain(read, found.files())) as stream,
            counting() if bar else nullcontext() as report,
        ):
            places = find_places(list(found), by, report) if by else None
            records = (cached or recognizer).recognize_many(found, jobs=jobs)
            records = writer.follow(records)
            if guess and not by:  # albums combine results without guesses
                records = (record.with_guess() for record in records)
            records = progress.follow(records, report)
            is_shown = not tagging or out is not None  # otherwise, the records of tagging follow
            if places is not None:
                combined = follow_albums(places, records, recognizer.bundle.metadata)
                if guess:
                    combined = (album.with_guess() for album in combined)
                albums = progress.count_albums(combined)
                if is_shown:
                    write_albums(albums, stream, format=format, top=top, tags=tags)
                else:
                    deque(albums, maxlen=0)
            elif not is_shown:
                deque(records, maxlen=0)
            else:
                write_records(records, stream, format=format, top=top, timeline=timeline, tags=tags)
        if cached is not None and cached.recalled and not quiet:
            known = f"{cached.recalled} of {progress.total} were known"
            note(f"note: {known} (library {cached.library.path}); --again repeats them")
    failures = progress.failures(albums=by is not None)
    if failures and not quiet and not tagging:
        note(f"note: {', '.join(failures)}; the results say why")
    if tagging:
        failures += tagging.run()
    elif not quiet:
        progress.hint(context, albums=by is not None)
    if failures:
        raise typer.Exit(1)


class _Progress:
    """Counts records and albums, those without a genre or an output, and measures the rate."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.failed = 0
        self.unanswered = 0
        self.unwritten = 0
        self.low = 0  # of the unsure ones, those whose confidence is too low
        self.sampled = 0  # of these, those that were not processed as a whole
        self.albums = 0
        self.unsure_albums = 0
        self.low_albums = 0
        self._recent = deque([(time.monotonic(), 0, 0.0)])  # when, records so far, seconds of sound so far

    def follow(self, records: Iterable[Recognition], report: Report | None) -> Iterator[Recognition]:
        """Yield the records while counting and reporting them."""
        for done, record in enumerate(records, start=1):
            self.failed += record.error is not None
            self.unanswered += not record.answered
            self.low += record.below_threshold
            self.sampled += record.below_threshold and not record.full
            self.unwritten += any(notice.kind == "output" for notice in record.notices)
            if report is not None:
                report("recognizing", done, self.total, self._rate(done, record.duration or 0.0))
            yield record

    def count_albums(self, albums: Iterable[Album]) -> Iterator[Album]:
        """Yield the albums while counting them; what failed before it was a track is none."""
        for album in albums:
            self.albums += album.tracks > 0
            self.unsure_albums += album.tracks > 0 and not album.has_genre
            self.low_albums += album.below_threshold
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

    def hint(self, context: typer.Context, *, albums: bool) -> None:
        """Print which options help with what is unsure."""
        useless = frozenset(() if self.sampled else ("full",))
        hint_of_unsure(context, self.low_albums if albums else self.low, without=useless)

    def _rate(self, done: int, seconds: float) -> str:
        """Return the number of files and the amount of audio processed per second."""
        now = time.monotonic()
        while len(self._recent) > 1 and self._recent[0][0] < now - _RATE_SECONDS:
            self._recent.popleft()
        self._recent.append((now, done, self._recent[-1][2] + seconds))
        (begun, done_then, sound_then), (_, _, sound) = self._recent[0], self._recent[-1]
        elapsed = max(now - begun, 1e-3)
        return f"{(done - done_then) / elapsed:.1f} files/s, {(sound - sound_then) / elapsed:.0f}x real time"
