"""`genrelab library`: what is kept about files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.progress import note

if TYPE_CHECKING:
    from genrelab.library import Library

app = typer.Typer(help="What was recognized and written so far.", no_args_is_help=True)

LibraryOption = Annotated[
    Path | None,
    typer.Option("--library", metavar="FILE", help="The library; else the one in the user's data folder."),
]


@contextmanager
def open_library(path: Path | None, *, must_exist: bool = False) -> Iterator[Library]:
    """Open a library, and put right what a killed process left.

    Parameters
    ----------
    path : Path or None
        None means the user's.
    must_exist : bool
        Whether a library that is not there is an error, or made.
    """
    from genrelab.errors import UsageError
    from genrelab.library import Library, Tagger
    from genrelab.library.database import default_path

    if must_exist and not (path or default_path()).exists():
        raise UsageError(
            f"there is no library {path or default_path()}. `genrelab recognize` makes it; or name another "
            "--library FILE."
        )
    with Library(path) as library:
        Tagger(library).recover()
        yield library


@contextmanager
def open_or_none(path: Path | None, *, without: bool, quiet: bool) -> Iterator[Library | None]:
    """Open the library that a command uses on the side; a user's own that cannot be used is done without."""
    from genrelab.errors import UsageError
    from genrelab.library import LibraryError

    if without and path is not None:
        raise UsageError("--library and --no-library are one too many")
    with ExitStack() as opened:
        shelf = None
        if not without:
            try:
                shelf = opened.enter_context(open_library(path))
            except LibraryError as error:
                if path is not None:
                    raise
                if not quiet:
                    note(f"note: no answers are kept: {error}")
        yield shelf


@app.command("show")
def show(
    library: LibraryOption = None,
    format: Annotated[Literal["table", "json"], typer.Option(help="How to print.")] = "table",
) -> None:
    """Show where the library is, and how many tracks of which genre it has."""
    with open_library(library, must_exist=True) as shelf:
        counts = shelf.tracks.counts()
        figures = {
            "library": str(shelf.path),
            "tracks": sum(count for *_, count in counts),
            "writes": shelf.journal.count(),
            "genres": [{"model": model, "genre": genre, "tracks": count} for model, genre, count in counts],
        }
    if format == "json":
        print(json.dumps(figures, indent=2, ensure_ascii=False))
        return
    print(
        f"{figures['library']}: {figures['tracks']} tracks; {figures['writes']} writes of tags can be undone"
    )
    for model, genre, count in counts:
        print(f"{count:8}  {genre}  ({model})")


@app.command("list")
def list_tracks(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH...]", help="Files and folders; else everything.")
    ] = None,
    library: LibraryOption = None,
    top: Annotated[int, typer.Option(metavar="K", min=1, help="How many genres to give for a file.")] = 3,
    timeline: Annotated[bool, typer.Option("--timeline", help="Give the genre of each segment too.")] = False,
    format: Annotated[
        Literal["table", "json", "jsonl", "csv", "parquet"], typer.Option(help="How to write the records.")
    ] = "table",
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write to this file, not to standard output.")
    ] = None,
) -> None:
    """List what was recognized, as `genrelab recognize` writes it; files are not looked at."""
    from genrelab.recognize.formats import check_format, write_records
    from genrelab.recognize.output import open_output

    check_format(format, top=top, timeline=timeline)
    with (
        open_library(library, must_exist=True) as shelf,
        open_output(out, keep=[shelf.path]) as stream,
    ):
        write_records(shelf.tracks.all(paths or ()), stream, format=format, top=top, timeline=timeline)


@app.command("forget")
def forget(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH...]", help="Files and folders.")
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Only files that are not there any more.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Everything that was recognized.")] = False,
    library: LibraryOption = None,
) -> None:
    """Forget what was recognized. No file is touched, and what was written into tags can still be undone."""
    from genrelab.errors import UsageError

    if bool(paths) == everything and not (missing and not paths):
        raise UsageError("name PATHs to forget, or --missing, or --all")
    with open_library(library, must_exist=True) as shelf:
        count = shelf.tracks.forget(paths or (), missing=missing)
    note(f"{count} tracks forgotten")
