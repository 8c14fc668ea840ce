"""`genrelab similar`: tracks of the library that sound like given ones."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.library import check_not_empty, files_to_keep, open_library, read_where
from genrelab.cli.options import FormatOption, LibraryOption, QuietOption, WhereOption
from genrelab.cli.progress import note

if TYPE_CHECKING:
    from genrelab.cli.output.listing import ListFormat
    from genrelab.library import Library
    from genrelab.library.explore.similar import ReferenceTrack, Similar
    from genrelab.recognize import Recognizer


def similar(
    tracks: Annotated[
        list[Path], typer.Argument(metavar="TRACK...", help="Audio files, in the library or not.")
    ],
    count: Annotated[int, typer.Option(metavar="K", min=1, help="Number of tracks to list.")] = 10,
    same_genre: Annotated[
        bool, typer.Option("--same-genre", help="Only tracks with the same predicted genre as a TRACK.")
    ] = False,
    any_of: Annotated[
        bool,
        typer.Option(
            "--any", help="With several TRACKs: similar to any of them; default: to their mean direction."
        ),
    ] = False,
    folders: Annotated[
        list[Path] | None,
        typer.Option("--folder", metavar="PATH", help="Only tracks in this folder. Repeatable."),
    ] = None,
    where: WhereOption = None,
    m3u: Annotated[
        Path | None, typer.Option("--m3u", metavar="FILE", help="Also write the tracks to a playlist (M3U8).")
    ] = None,
    absolute: Annotated[
        bool, typer.Option("--absolute", help="With --m3u: use absolute paths for all files.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare with this model; default: the one that recognized TRACK. "
            "For a new TRACK: $GENRELAB_MODEL, or the bundled model.",
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option(
            "--full",
            help="Process the whole TRACK, unless the library has such a result.",
        ),
    ] = False,
    library: LibraryOption = None,
    no_library: Annotated[
        bool, typer.Option("--no-library", help="Do not add a new TRACK to the library.")
    ] = False,
    format: FormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """List the tracks of the library that sound most like TRACK, or like several TRACKs.

    Example: genrelab similar song.mp3 --m3u like-it.m3u8

    Exit code: 0 if tracks were found; 1 if none were, or TRACK cannot be recognized; 2 for wrong use.
    """
    from genrelab.errors import UsageError
    from genrelab.library.explore.similar import SimilarQuery, find_similar_to

    if absolute and m3u is None:
        message = "--absolute applies to a playlist. Name one with --m3u FILE, or omit it."
        raise UsageError(message, code="absolute-without-m3u")
    for folder in folders or ():
        if not folder.exists():
            raise UsageError(f"--folder {folder} does not exist. Check the path.", code="folder-missing")
    with open_library(library, must_exist=True) as opened:
        chosen = read_where(opened, where)
        references = _find_references(opened, tracks, model, full=full, keep=not no_library)
        query = SimilarQuery(count, same_genre, folders or (), chosen, any_of)
        found = find_similar_to(opened, references, query)
        if found.tracks and m3u is not None:
            keep = [*files_to_keep(opened, m3u), *tracks]
            _write_playlist(found, m3u, keep=keep, absolute=absolute, quiet=quiet)
    _write(found, format)
    if not quiet:
        _note_left_out(found, references)
    if not found.tracks:
        raise typer.Exit(1)


def _find_references(
    opened: Library, tracks: list[Path], model: Path | None, *, full: bool, keep: bool
) -> list[ReferenceTrack]:
    from genrelab.errors import UsageError
    from genrelab.library.explore.similar import MOST_REFERENCES, find_reference
    from genrelab.recognize import Recognizer

    if len(tracks) > MOST_REFERENCES:
        message = f"{len(tracks)} tracks are given; similar takes up to {MOST_REFERENCES}."
        raise UsageError(message, code="similar-tracks-number")
    check_not_empty(opened)
    loaded = [] if model is None else [Recognizer.load(model)]
    identity = loaded[0].bundle.identity if loaded else None

    def load() -> Recognizer:
        if not loaded:
            loaded.append(Recognizer.load())
        return loaded[0]

    return [
        find_reference(opened, track, load, model=identity, full=full, keep=keep)
        for track in dict.fromkeys(tracks)
    ]


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
        write_table(titles, cells, out, right=["similarity", "length", "confidence"], paths="file")


def _write_playlist(found: Similar, m3u: Path, *, keep: list[Path], absolute: bool, quiet: bool) -> None:
    from genrelab.library.explore.playlist import Entry, write_m3u
    from genrelab.recognize.writers.output import open_output

    entries = [Entry(track.path, track.duration) for track in found.tracks]
    with open_output(m3u, keep=[*keep, *(entry.path for entry in entries)]) as out:
        skipped = write_m3u(entries, out, folder=m3u.parent, absolute=absolute)
    if not quiet:
        for path, reason in skipped:
            note(f"note: {os.fspath(path)!r} is not in the playlist: {reason}")


def _note_left_out(found: Similar, references: list[ReferenceTrack]) -> None:
    """Print what was omitted, and why."""
    model = references[0].recognition.model
    given = references[0].path if len(references) == 1 else "one of the given tracks"
    if not found.tracks:
        note(f"note: no similar track has a result of the model {model}")
    if found.same:
        note(f"note: omitted: {len(found.same)} with the same recording as {given}")
    copies = sum(len(track.also) for track in found.tracks)
    if copies:
        note(f"note: {copies} copies of recordings are omitted; --format json lists them")
    if found.vanished:
        note(
            f"note: omitted: {found.vanished} whose file no longer exists; "
            "`genrelab library forget --missing` removes them"
        )
    if found.others:
        note(
            f"note: omitted: {found.others} recognized by another model; run `genrelab recognize` with "
            f"{model}"
        )
    if found.without:
        note(f"note: omitted: {found.without} that are silent or damaged")
