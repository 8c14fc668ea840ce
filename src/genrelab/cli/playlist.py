"""`genrelab playlist`: playlists by genre, mood and sound."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.library import check_not_empty, files_to_keep, open_library
from genrelab.cli.options import LibraryOption, QuietOption, WhereOption
from genrelab.cli.progress import note

if TYPE_CHECKING:
    from genrelab.library import Library
    from genrelab.library.playlists.make import Seed
    from genrelab.library.playlists.rules import Playlist, Rules
    from genrelab.library.playlists.scope import Scope

Format = Literal["table", "json", "csv", "m3u8", "xspf"]


def playlist(
    genre: Annotated[
        list[str] | None, typer.Option("--genre", metavar="GENRE", help="One of these genres. Repeatable.")
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option("--tag", metavar="KIND=NAME", help="All of these tags: mood=calm. Repeatable."),
    ] = None,
    similar_to: Annotated[
        list[Path] | None,
        typer.Option("--similar-to", metavar="FILE", help="Tracks that sound like FILE. Repeatable."),
    ] = None,
    from_track: Annotated[
        Path | None,
        typer.Option("--from", metavar="FILE", help="First track of a path; with --to-track."),
    ] = None,
    to_track: Annotated[
        Path | None, typer.Option("--to-track", metavar="FILE", help="Last track of a path.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="The playlist to write (.m3u8 or .xspf); default: a list."),
    ] = None,
    length: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help="The maximum number of tracks.")
    ] = 50,
    max_per_artist: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="The maximum number of tracks by one artist.")
    ] = None,
    min_confidence: Annotated[
        float | None, typer.Option(metavar="P", min=0, max=1, help="Omit tracks with a lower confidence.")
    ] = None,
    no_unsure: Annotated[bool, typer.Option("--no-unsure", help="Omit tracks that are unsure.")] = False,
    folders: Annotated[
        list[Path] | None,
        typer.Option("--folder", metavar="PATH", help="Only tracks in this folder. Repeatable."),
    ] = None,
    where: WhereOption = None,
    with_seeds: Annotated[
        bool, typer.Option("--with-seeds", help="Begin with the tracks of --similar-to.")
    ] = False,
    keep_copies: Annotated[
        bool, typer.Option("--keep-copies", help="Do not omit further copies of a recording.")
    ] = False,
    shuffle: Annotated[
        int | None, typer.Option(metavar="SEED", min=0, help="Random order; the same number, the same order.")
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Compare with this model; default: the one that recognized the tracks. "
            "For a new FILE: $GENRELAB_MODEL, or the bundled model.",
        ),
    ] = None,
    format: Annotated[
        Format | None,
        typer.Option(help="Format of the list, or of the playlist.", show_default="table, or as --to ends"),
    ] = None,
    absolute: Annotated[bool, typer.Option("--absolute", help="Use absolute paths for all files.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing playlist.")] = False,
    library: LibraryOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make a playlist from the library: by genre and tags, similar to tracks, or a path between two tracks.

    Example: genrelab playlist --genre jazz --max-per-artist 2 --to jazz.m3u8

    A playlist begins with the best examples. A path leads through the sound from one track to the other in
    small, even steps.

    Exit code: 0 if the playlist has tracks; 1 if not, or FILE cannot be recognized; 2 for wrong use.
    """
    from genrelab.library.playlists.files import save_playlist
    from genrelab.library.playlists.rules import Rules
    from genrelab.library.playlists.scope import Scope
    from genrelab.library.store.file_snapshot import real_path

    _check_kind(similar_to, from_track, to_track, with_seeds=with_seeds, shuffle=shuffle)
    _check_target(to, format, overwrite=overwrite, absolute=absolute)
    for folder in folders or ():
        _check_folder(folder)
    scope = Scope(
        genre or (), tag or (), where or (), min_confidence, no_unsure, tuple(map(real_path, folders or ()))
    )
    rules = Rules(length, max_per_artist, no_copies=not keep_copies, shuffle=shuffle)
    with open_library(library, must_exist=True) as opened:
        check_not_empty(opened)
        ends = None if from_track is None or to_track is None else (from_track, to_track)
        seeds = _seeds(opened, [*(ends or similar_to or ())], model)
        found = _make(opened, seeds, scope, rules, is_path=ends is not None, with_seeds=with_seeds)
        skipped = []
        if found.items and to is not None:
            keep = [*files_to_keep(opened, to), *(similar_to or ()), *(ends or ())]
            skipped = save_playlist(
                found.items, to, keep=keep, absolute=absolute, overwrite=overwrite, title=to.stem
            )
    if to is None or format in ("table", "json", "csv"):
        skipped += _write(found, format or "table")
    if not quiet:
        _note(found, to, skipped, asked=length if ends else None)
    if len(found.items) == len(skipped):
        raise typer.Exit(1)


def _check_kind(
    similar_to: list[Path] | None,
    from_track: Path | None,
    to_track: Path | None,
    *,
    with_seeds: bool,
    shuffle: int | None,
) -> None:
    """Raise if options contradict each other."""
    from genrelab.errors import UsageError

    if (from_track is None) != (to_track is None):
        message = "a path needs both ends: --from FILE and --to-track FILE"
        raise UsageError(message, code="playlist-path-end-missing")
    if from_track is not None and similar_to:
        message = "--similar-to and --from exclude each other. Omit one."
        raise UsageError(message, code="playlist-kinds")
    if with_seeds and not similar_to:
        message = "--with-seeds is for --similar-to. Omit it, or name tracks with --similar-to FILE."
        raise UsageError(message, code="playlist-without-seeds")
    if shuffle is not None and from_track is not None:
        message = "--shuffle would destroy the path. Omit it."
        raise UsageError(message, code="playlist-path-shuffled")


def _check_target(to: Path | None, format: Format | None, *, overwrite: bool, absolute: bool) -> None:
    """Raise if the playlist cannot be written to its file, before anything is computed."""
    from genrelab.errors import UsageError
    from genrelab.library.playlists.files import format_of

    if to is not None:
        format_of(to, format if format in ("m3u8", "xspf") else None)
        if to.exists() and not overwrite:
            message = f"{to} exists already. Name another file, or --overwrite it."
            raise UsageError(message, code="output-exists")
        return
    for option, is_set in (("--overwrite", overwrite), ("--absolute", absolute)):
        if is_set:
            message = f"{option} is for a playlist in a file. Name it with --to FILE, or omit {option}."
            raise UsageError(message, code="playlist-option-without-file")


def _check_folder(folder: Path) -> None:
    from genrelab.errors import UsageError

    if not folder.exists():
        raise UsageError(f"--folder {folder} does not exist. Check the path.", code="folder-missing")


def _make(
    opened: Library,
    seeds: list[Seed],
    scope: Scope,
    rules: Rules,
    *,
    is_path: bool,
    with_seeds: bool,
) -> Playlist:
    from genrelab.library.playlists.journey import find_path
    from genrelab.library.playlists.make import by_fit
    from genrelab.library.playlists.make import similar_to as similar

    if is_path:
        start, end = seeds
        return find_path(opened, start, end, scope, rules)
    if seeds:
        return similar(opened, seeds, scope, rules, with_seeds=with_seeds)
    return by_fit(opened, scope, rules)


def _seeds(opened: Library, files: list[Path], model: Path | None) -> list[Seed]:
    """Look up files, and recognize those that the library does not know."""
    from genrelab.library.explore.similar import find_reference
    from genrelab.library.playlists.make import seed_of
    from genrelab.recognize import Recognizer

    loaded = [Recognizer.load(model)] if model is not None and files else []
    identity = loaded[0].bundle.identity if loaded else None

    def load() -> Recognizer:
        if not loaded:
            loaded.append(Recognizer.load())
        return loaded[0]

    return [seed_of(find_reference(opened, file, load, model=identity)) for file in files]


def _write(found: Playlist, format: Format) -> list[tuple[Path, str]]:
    """Write the list, or the playlist, to standard output."""
    from genrelab.cli.output.listing import write_csv, write_json, write_table
    from genrelab.library.playlists.files import write_playlist
    from genrelab.library.playlists.rules import Item
    from genrelab.recognize.writers.table import clock

    out = sys.stdout.buffer
    if format in ("m3u8", "xspf"):
        return write_playlist(found.items, out, format)
    rows = [item.to_dict() for item in found.items]
    if format == "json":
        write_json(rows, out)
    elif format == "csv":
        write_csv(Item.COLUMNS, rows, out)
    elif rows:
        has_similarity = any(item.similarity is not None for item in found.items)
        cells = [
            [
                os.fspath(item.path),
                clock(item.duration),
                item.genre,
                f"{100 * item.confidence:.0f} %",
                *(["" if item.similarity is None else f"{item.similarity:.3f}"] if has_similarity else []),
            ]
            for item in found.items
        ]
        titles = ["file", "length", "genre", "confidence", *(["similarity"] if has_similarity else [])]
        write_table(titles, cells, out, right=["length", "confidence", "similarity"], paths="file")
    return []


def _note(found: Playlist, to: Path | None, skipped: list[tuple[Path, str]], *, asked: int | None) -> None:
    """Print what was written and what was omitted."""
    omitted, written = found.omitted, len(found.items) - len(skipped)
    if not found.items:
        note("note: no track fits")
    elif to is not None:
        note(f"{written} track{'s' * (written != 1)} written: {to}")
    if asked is not None and len(found.items) < asked:
        note(f"note: the path has {len(found.items)} tracks, not {asked}: no more fit between its ends")
    for count, what in (
        (omitted.vanished, "whose file no longer exists; `genrelab library forget --missing` removes them"),
        (omitted.copies, "copies of other tracks; --keep-copies keeps them"),
        (omitted.crowded, "whose artist has enough tracks (--max-per-artist)"),
        (omitted.unexamined, "that were not examined: too many others came first"),
    ):
        if count:
            note(f"note: left out: {count} {what}")
    for path, reason in skipped:
        note(f"note: {os.fspath(path)!r} is not in the playlist: {reason}")
