"""`genrelab library`: results stored for files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.library_dj import export_for_djs
from genrelab.cli.library_export import export_tracks, watched
from genrelab.cli.options import (
    FormatOption,
    GuessOption,
    LibraryOption,
    MapOption,
    OutOption,
    PathsArgument,
    PlaceholdersOption,
    QuietOption,
    RecordFormatOption,
    TagsOption,
    TopOption,
    VocabularyOption,
    WhereOption,
    read_placeholders,
)
from genrelab.cli.progress import counting, note, say, say_json

if TYPE_CHECKING:
    from genrelab.library import Library
    from genrelab.library.store.track_filter import TrackFilter

app = typer.Typer(help="Show, check, draw and clear stored results.", no_args_is_help=True)


@contextmanager
def open_library(
    path: Path | None, *, must_exist: bool = False, must_write: bool = False
) -> Iterator[Library]:
    """Open a library.

    Parameters
    ----------
    path : Path or None
        None means the default library of the user.
    must_exist : bool
        Whether a missing library is an error; otherwise it is created.
    must_write : bool
        Whether a read-only library is an error.
    """
    from genrelab.errors import UsageError
    from genrelab.library import Library
    from genrelab.library.store.database import default_path

    if must_exist and not (path or default_path()).exists():
        message = (
            f"there is no library {path or default_path()}. Check the path; `genrelab recognize` makes one."
        )
        raise UsageError(message, code="library-missing")
    with counting() as report, Library(path, must_write=must_write, report=report) as library:
        yield library


@contextmanager
def open_or_none(path: Path | None, *, without: bool, quiet: bool) -> Iterator[Library | None]:
    """Open the library of a command that also works without one.

    Yields None if the default library cannot be used.
    """
    from genrelab.errors import UsageError
    from genrelab.library import LibraryError

    if without and path is not None:
        raise UsageError("--library and --no-library exclude each other", code="library-and-no-library")
    with ExitStack() as stack:
        opened = None
        if not without:
            try:
                opened = stack.enter_context(open_library(path))
            except LibraryError as error:
                if path is not None:
                    raise
                if not quiet:
                    note(f"note: results are not stored: {error}")
        if opened is not None and not opened.writable and not quiet:
            note(f"note: the library {opened.path} is read-only: new results are not stored")
        yield opened


@app.command("show")
def show(
    library: LibraryOption = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """Show where the library is and how many tracks of each genre it contains.

    Example: genrelab library show
    """
    with open_library(library, must_exist=True) as opened:
        counts = opened.tracks.counts()
        figures = {
            "library": str(opened.path),
            "tracks": sum(count for *_, count in counts),
            "writes": opened.journal.count(),
            "genres": [{"model": model, "genre": genre, "tracks": count} for model, genre, count in counts],
        }
    if format == "json":
        say_json(figures)
        return
    say(f"{figures['library']}: {figures['tracks']} tracks; {figures['writes']} tag writes can be undone")
    for model, rows in groupby(counts, key=lambda row: row[0]):
        say(f"recognized by {model}:")
        for _, genre, count in rows:
            say(f"{count:8}  {genre}")


@app.command("tags")
def list_tags(library: LibraryOption = None, format: FormatOption = "table") -> None:
    """List the tags that --where can name, with the number of tracks that have each.

    Example: genrelab library tags
    """
    from genrelab.cli.output.listing import write_csv, write_json, write_table

    with open_library(library, must_exist=True) as opened:
        tags = opened.tracks.count_tags()
    rows = [{"kind": kind, "name": name, "tracks": count} for kind, name, count in tags]
    if format == "json":
        write_json(rows, sys.stdout.buffer)
    elif format == "csv":
        write_csv(("kind", "name", "tracks"), rows, sys.stdout.buffer)
    elif rows:
        cells = [(kind, name, str(count)) for kind, name, count in tags]
        write_table(["kind", "name", "tracks"], cells, sys.stdout.buffer, right=["tracks"])
    else:
        note("note: no track has tags; `genrelab recognize` finds them with a model that has tags")


@app.command("list")
def list_tracks(
    paths: PathsArgument = None,
    library: LibraryOption = None,
    where: WhereOption = None,
    top: TopOption = 3,
    guess: GuessOption = False,
    tags: TagsOption = False,
    timeline: Annotated[bool, typer.Option("--timeline", help="Include the genre of each segment.")] = False,
    format: RecordFormatOption = "table",
    out: OutOption = None,
) -> None:
    """List stored results in the format of `genrelab recognize`, without reading the files.

    Example: genrelab library list ~/Music --where "genre=jazz, confidence>0.6"
    """
    from genrelab.library.store.schema.shown import Shown
    from genrelab.recognize.writers.formats import check_format, write_csv, write_records
    from genrelab.recognize.writers.output import open_output

    check_format(format, top=top, timeline=timeline)
    with open_library(library, must_exist=True) as opened:
        chosen = (paths or (), read_where(opened, where))
        if format == "csv":
            briefs = opened.tracks.briefly(*chosen, Shown(top, timeline=False, tags=tags))
            with open_output(out, keep=files_to_keep(opened, out)) as stream:
                write_csv(
                    (each.with_guess() if guess else each for each in briefs), stream, top=top, tags=tags
                )
            return
        records = opened.tracks.all(*chosen, Shown(timeline=timeline))
        if guess:
            records = (record.with_guess() for record in records)
        with open_output(out, keep=files_to_keep(opened, out)) as stream:
            write_records(records, stream, format=format, top=top, timeline=timeline, tags=tags)


@app.command("playlist")
def write_playlist(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The playlist to write (M3U8).")],
    paths: PathsArgument = None,
    where: WhereOption = None,
    absolute: Annotated[bool, typer.Option("--absolute", help="Use absolute paths for all files.")] = False,
    library: LibraryOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write a playlist of the tracks that fulfil conditions, ordered by path.

    Example: genrelab library playlist calm.m3u8 --where mood=calm

    Exit code: 0 if the playlist has tracks; 1 if none fulfils the conditions; 2 for wrong use.
    """
    from genrelab.library.explore.playlist import Entry, write_m3u
    from genrelab.library.store.schema.shown import Shown
    from genrelab.recognize.writers.output import open_output

    counts = Counter[bool]()

    def is_there(entry: Entry) -> bool:
        found = entry.path.is_file()
        counts[found] += 1
        return found

    with open_library(library, must_exist=True) as opened:
        check_not_empty(opened, paths)
        chosen = opened.tracks.briefly(paths or (), read_where(opened, where), Shown(1, False, False))
        found = (Entry(Path(each.path), each.duration) for each in chosen if each.error is None)
        present = (entry for entry in found if is_there(entry))
        first = next(present, None)
        skipped: list[tuple[Path, str]] = []
        if first is not None:
            with open_output(out, keep=files_to_keep(opened, out)) as stream:
                skipped = write_m3u(chain([first], present), stream, folder=out.parent, absolute=absolute)
    vanished, written = counts[False], counts[True] - len(skipped)
    if not quiet:
        note(
            f"{written} track{'s' * (written != 1)} written: {out}" if counts[True] else "note: no track fits"
        )
        if vanished:
            note(f"note: left out: {vanished} whose file no longer exists")
        for path, reason in skipped:
            note(f"note: {str(path)!r} is not in the playlist: {reason}")
    if not written:
        raise typer.Exit(1)


@app.command("forget")
def forget(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH...]", help="Files and folders to forget.")
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Forget only files that no longer exist.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Forget all results.")] = False,
    library: LibraryOption = None,
) -> None:
    """Remove results from the library; tag writes can still be undone.

    Example: genrelab library forget --missing
    """
    from genrelab.errors import UsageError

    if bool(paths) == everything and not (missing and not paths):
        raise UsageError("give the PATHs to forget, or --missing, or --all", code="nothing-to-forget")
    with open_library(library, must_exist=True, must_write=True) as opened:
        count = opened.tracks.forget(paths or (), missing=missing)
    note(f"{count} track{'s' * (count != 1)} forgotten")


@app.command("check")
def check_files(
    paths: PathsArgument = None,
    map: MapOption = None,
    min_confidence: Annotated[
        float, typer.Option(metavar="P", min=0, max=1, help="Omit tracks with a lower confidence.")
    ] = 0.0,
    placeholders: PlaceholdersOption = None,
    vocabulary: VocabularyOption = None,
    library: LibraryOption = None,
    format: FormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """List tracks whose genre tag differs from the predicted genre, most confident first.

    Example: genrelab library check ~/Music --min-confidence 0.7

    Exit code: 0 if no track is listed; 1 if some are or tags could not be read; 2 for wrong use.
    """
    from genrelab.cli.output.check_report import summary_lines, write_report
    from genrelab.library import GenreMap
    from genrelab.library.tagging.consistency import check_tags

    genre_map = GenreMap.load(map) if map else GenreMap()
    ignored = read_placeholders(placeholders)
    with open_library(library, must_exist=True) as opened:
        check_not_empty(opened, paths)
        report = check_tags(
            opened, paths or (), genre_map=genre_map, min_confidence=min_confidence, placeholders=ignored
        )
    write_report(report, sys.stdout.buffer, format=format)
    if not quiet:
        for line in summary_lines(report):
            note(f"note: {line}")
    if report.disagreements or report.problems:
        raise typer.Exit(1)


@app.command("map")
def draw_map(
    paths: PathsArgument = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The page to write.")] = Path("library-map.html"),
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Draw the results of this model; default: the model with the most tracks."
        ),
    ] = None,
    where: WhereOption = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Also draw tracks whose file is missing, such as on another disk."),
    ] = False,
    library: LibraryOption = None,
    quiet: QuietOption = False,
) -> None:
    """Draw the collection as an HTML page: similar tracks are close together, coloured by genre.

    Example: genrelab library map --out map.html

    The page is one file and loads nothing from the network. It contains the names of your files.
    """
    from genrelab.bundle.bundle import Bundle
    from genrelab.library.explore.map import Survey, write_map
    from genrelab.recognize.writers.output import open_output

    identity = None if model is None else Bundle.load(model).identity
    with open_library(library, must_exist=True) as opened, counting() as report:
        check_not_empty(opened, paths)
        with open_output(out, keep=files_to_keep(opened, out)) as stream:
            survey = Survey.take(
                opened, paths or (), model=identity, where=read_where(opened, where), missing=missing,
                progress=watched(report),
            )  # fmt: skip
            write_map(survey, stream)
    if not quiet:
        note(f"{len(survey.tracks)} track{'s' * (len(survey.tracks) != 1)} drawn: {out}")
        kept = f"{100 * survey.layout.kept:.0f} % of nearest neighbours"
        note(f"note: the map keeps {kept}, measured on a sample")
        for line in survey.left_out():
            note(f"note: {line}")


app.command("export")(export_tracks)
app.command("dj")(export_for_djs)


def read_where(opened: Library, where: list[str] | None) -> TrackFilter | None:
    """Return the filter of a `--where` option, or None."""
    from genrelab.library.explore.where import parse_where

    return parse_where(where, opened.tracks.known_tags()) if where else None


def files_to_keep(opened: Library, out: Path | None) -> list[Path]:
    """Return files that an output must not replace: the library, and the output if it is a track of it."""
    tracks = opened.tracks.all([out]) if out is not None and out.is_file() else ()
    return [opened.path, *(track.path for track in tracks)]


def check_not_empty(opened: Library, paths: list[Path] | None = None) -> None:
    """Raise unless the library contains tracks, and some at or below each path."""
    from genrelab.errors import UsageError

    if opened.tracks.is_empty():
        message = f"the library {opened.path} contains no tracks. `genrelab recognize FOLDER` adds them."
        raise UsageError(message, code="library-empty")
    for path in paths or ():
        if not opened.tracks.has_any(path):
            raise UsageError(
                f"the library {opened.path} contains nothing at or below {path}. Check the path, or run "
                "`genrelab recognize` on it.",
                code="path-not-in-library",
            )
