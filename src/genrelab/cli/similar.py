"""`genrelab similar`: which tracks of the library sound like one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.library import LibraryOption, check_not_empty, open_library
from genrelab.cli.progress import note

if TYPE_CHECKING:
    from genrelab.cli.output.listing import ListFormat
    from genrelab.library import Library
    from genrelab.library.explore.similar import ReferenceTrack, Similar
    from genrelab.recognize import Recognizer


def similar(
    track: Annotated[Path, typer.Argument(metavar="TRACK", help="A sound file, in the library or not.")],
    count: Annotated[int, typer.Option(metavar="K", min=1, help="How many tracks to list, at most.")] = 10,
    same_genre: Annotated[
        bool, typer.Option("--same-genre", help="Only tracks that were recognized as TRACK's genre.")
    ] = False,
    folders: Annotated[
        list[Path] | None,
        typer.Option("--folder", metavar="PATH", help="Only tracks below it; may be given several times."),
    ] = None,
    m3u: Annotated[
        Path | None, typer.Option("--m3u", metavar="FILE", help="Write them as a playlist too (M3U8).")
    ] = None,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="With --m3u: absolute paths also for files below the playlist.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare by this model; else by the one that TRACK was recognized with, "
            "or, if TRACK is new, the one that $GENRELAB_MODEL names, or that comes along.",
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Hear all of TRACK, not only segments spread over it; what is known from these alone "
            "is not enough.",
        ),
    ] = False,
    library: LibraryOption = None,
    no_library: Annotated[
        bool, typer.Option("--no-library", help="If TRACK is new, do not put it into the library.")
    ] = False,
    format: Annotated[
        Literal["table", "json", "csv"], typer.Option(help="How to write what was found.")
    ] = "table",
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Say nothing on standard error but what stops the work.")
    ] = False,
) -> None:
    """List the tracks of the library that sound most like TRACK.

    Ends with 0 if there are any, 1 if there are none or TRACK cannot be recognized, 2 after wrong use.
    """
    from genrelab.errors import UsageError
    from genrelab.library.explore.similar import find_similar

    if absolute and m3u is None:
        raise UsageError(
            "--absolute applies to a playlist. Name one with --m3u FILE, or omit --absolute.",
            code="absolute-without-m3u",
        )
    for folder in folders or ():
        if not folder.exists():
            raise UsageError(f"--folder {folder} does not exist. Check the path.", code="folder-missing")
    with open_library(library, must_exist=True) as opened:
        reference = _find_reference(opened, track, model, full=full, keep=not no_library)
        found = find_similar(opened, reference, count=count, same_genre=same_genre, folders=folders or ())
        if found.tracks and m3u is not None:
            _write_playlist(found, m3u, keep=[opened.path, track], absolute=absolute, quiet=quiet)
    _write(found, format)
    if not quiet:
        _note_left_out(found, reference)
    if not found.tracks:
        raise typer.Exit(1)


def _find_reference(
    opened: Library, track: Path, model: Path | None, *, full: bool, keep: bool
) -> ReferenceTrack:
    from genrelab.library.explore.similar import find_reference
    from genrelab.recognize import Recognizer

    check_not_empty(opened)
    named = None if model is None else Recognizer.load(model)

    def load() -> Recognizer:
        return named or Recognizer.load()

    identity = named.bundle.identity if named else None
    return find_reference(opened, track, load, model=identity, full=full, keep=keep)


def _write(found: Similar, format: ListFormat) -> None:
    from genrelab.cli.output.listing import write_csv, write_json, write_table
    from genrelab.library.explore.similar import SimilarTrack
    from genrelab.recognize.writers.table import clock

    out = sys.stdout.buffer
    rows = [track.to_dict() for track in found.tracks]
    if format == "json":
        write_json(rows, out)
    elif format == "csv":
        write_csv(SimilarTrack.COLUMNS, rows, out)
    elif rows:
        titles = ["similarity", "file", "length", "genre", "confidence"]
        has_copies = any(track.also for track in found.tracks)
        cells = [
            [
                f"{track.similarity:.3f}",
                os.fspath(track.path),
                clock(track.duration),
                track.genre,
                f"{100 * track.confidence:.0f} %",
                *([f"and {len(track.also)} more" if track.also else ""] if has_copies else []),
            ]
            for track in found.tracks
        ]
        titles += ["same recording"] * has_copies
        write_table(titles, cells, out, right=["similarity", "length", "confidence"])


def _write_playlist(found: Similar, m3u: Path, *, keep: list[Path], absolute: bool, quiet: bool) -> None:
    from genrelab.library.explore.playlist import Entry, write_m3u
    from genrelab.recognize.writers.output import open_output

    entries = [Entry(track.path, track.duration) for track in found.tracks]
    with open_output(m3u, keep=[*keep, *(entry.path for entry in entries)]) as out:
        skipped = write_m3u(entries, out, folder=m3u.parent, absolute=absolute)
    if not quiet:
        for path, reason in skipped:
            note(f"note: {os.fspath(path)!r} is not in the playlist: {reason}")


def _note_left_out(found: Similar, reference: ReferenceTrack) -> None:
    """Say what was left out, and why."""
    if not found.tracks:
        note(f"note: no track that was recognized by {reference.recognition.model} is like this")
    if found.same:
        note(f"note: left out: {len(found.same)} with the same recording as {reference.path}")
    copies = sum(len(track.also) for track in found.tracks)
    if copies:
        note(f"note: {copies} copies of recordings are not listed; --format json names them")
    if found.vanished:
        note(
            f"note: left out: {found.vanished} whose file is gone; `genrelab library forget --missing` "
            "forgets them"
        )
    if found.others:
        note(
            f"note: left out: {found.others} that another model recognized; `genrelab recognize` them with "
            f"{reference.recognition.model}"
        )
    if found.without:
        note(f"note: left out: {found.without} that are silent or broken")
