"""`genrelab catalogue`: large collections, on many processes or machines, in folders or object stores."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genrelab.cli.options import (
    ExcludeOption,
    ModelOption,
    NoIgnoreOption,
    ProviderOption,
    QuietOption,
    RayAddressOption,
)
from genrelab.cli.progress import Report, counting, note, say, say_json
from genrelab.printing import counted

if TYPE_CHECKING:
    import pyarrow as pa

    from genrelab.catalogue.run import RunCounts

app = typer.Typer(
    help="Recognize a large collection into Parquet files: many processes or machines, folders or S3.",
    no_args_is_help=True,
)

ListingArgument = Annotated[
    str,
    typer.Argument(
        metavar="LISTING",
        help="A folder, an s3:// prefix, or a Parquet or CSV file with a column of paths.",
    ),
]
PlaceArgument = Annotated[str, typer.Argument(metavar="PLACE", help="The catalogue: a folder or s3:// URI.")]
PathColumnOption = Annotated[str, typer.Option(metavar="NAME", help="Column of a table with the paths.")]
Format = Annotated[Literal["table", "json"], typer.Option("--format", help="Output format.")]


@app.command("run")
def run(
    listing: ListingArgument,
    to: Annotated[str, typer.Option(metavar="PLACE", help="The catalogue: a folder or s3:// URI.")],
    engine: Annotated[Literal["local", "ray"], typer.Option(help="What runs the workers.")] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Number of processes; default: cores, or those of the cluster."
        ),
    ] = None,
    model: ModelOption = None,
    provider: ProviderOption = "cpu",
    ray_address: RayAddressOption = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Process whole files. The default samples segments of long files."),
    ] = False,
    approximate: Annotated[
        bool,
        typer.Option(
            "--approximate-seeking",
            help="Seek in MP3 files of variable bit rate in object stores, to within about 1 % of the file, "
            "instead of reading all of it.",
        ),
    ] = False,
    path_column: PathColumnOption = "path",
    shard_rows: Annotated[
        int, typer.Option(metavar="N", help="Rows of a Parquet file, 1000 to 5000.")
    ] = 2000,
    file_seconds: Annotated[
        float, typer.Option(metavar="SECONDS", help="Longest time for one file; then it gets an error row.")
    ] = 900.0,
    retry_errors: Annotated[
        bool, typer.Option("--retry-errors", help="Also try the files again that gave an error row.")
    ] = False,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    quiet: QuietOption = False,
) -> None:
    """Recognize the files of a listing that a catalogue lacks, and add them to it.

    Example: genrelab catalogue run s3://archive/music --to s3://results/music

    Give the same command again to continue after an interruption, or to add new and changed files. Each file
    gets one row, also one that cannot be read. Credentials come from the environment: AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_REGION, AWS_ENDPOINT_URL.

    Exit code: 0 if every new file was recognized, also if unsure; 1 if a file or folder failed; 2 for wrong
    use; 130 after an interrupt.
    """
    from genrelab.catalogue.listing import ScanOptions
    from genrelab.catalogue.run import Job, find_engine, run_catalogue, with_identity
    from genrelab.catalogue.settings import Settings, default_workers
    from genrelab.catalogue.storage import Storage

    job = Job(listing, Storage.at(to), shard_rows, retry_errors)
    settings = Settings(
        model=None if model is None else str(model),
        full=full,
        approximate=approximate,
        workers=workers or default_workers(),
        file_seconds=file_seconds,
        provider=provider,
    )
    chosen = find_engine(engine, ray_address=ray_address, workers=workers)
    settings = with_identity(settings)
    problems: list[str] = []
    files = _files(listing, path_column, ScanOptions(tuple(exclude or ()), not no_ignore), problems)
    bar = sys.stderr.isatty() and not quiet
    with counting() if bar else nullcontext() as shown:
        counts = run_catalogue(files, job, chosen, settings, partial(_show, shown))
    if not quiet:
        note(f"note: {_describe(counts)} ({job.storage.place})")
        if counts.errors:
            codes = ", ".join(f"{code} {count}" for code, count in counts.errors.most_common())
            note(f"note: {counted(counts.errors.total(), 'file')} failed: {codes}; rows say why")
    if counts.errors or problems:
        raise typer.Exit(1)


@app.command("status")
def status(
    place: PlaceArgument,
    listing: Annotated[
        str | None, typer.Option(metavar="LISTING", help="Count how many of its files are left.")
    ] = None,
    model: ModelOption = None,
    path_column: PathColumnOption = "path",
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    format: Format = "table",
) -> None:
    """Show how far a catalogue is: its runs, shards and rows, and what is left of a listing.

    Example: genrelab catalogue status results/music --listing ~/Music

    Exit code: 0; 1 if files of the listing are left.
    """
    from genrelab.catalogue.listing import ScanOptions
    from genrelab.catalogue.report import status as find_status
    from genrelab.catalogue.run import with_identity
    from genrelab.catalogue.settings import Settings
    from genrelab.catalogue.storage import Storage

    files, identity = None, ""
    if listing is not None:
        settings = with_identity(Settings(model=None if model is None else str(model)))
        identity = settings.identity or ""
        files = _files(listing, path_column, ScanOptions(tuple(exclude or ()), not no_ignore), [])
    found = find_status(Storage.at(place), files, identity)
    if format == "json":
        say_json(found)
    else:
        parts = (
            counted(found["shards"], "shard"),
            counted(found["rows"], "row"),
            counted(found["bytes"], "byte"),
        )
        say(f"{found['place']}: {', '.join(parts)}")
        for entry in found["runs"]:
            say(_describe_run(entry))
        if found["left"] is not None:
            say(f"{found['left']:,} of {counted(found['listed'], 'listed file')} left")
    if found["left"]:
        raise typer.Exit(1)


@app.command("report")
def report(
    place: PlaceArgument,
    top: Annotated[int, typer.Option(metavar="K", min=1, help="Number of genres to show.")] = 20,
    format: Format = "table",
) -> None:
    """Show what a catalogue has: files, genres, errors, hours of sound, bytes read.

    Example: genrelab catalogue report s3://results/music

    Each file counts once, by its newest row. JSON has all genres.
    """
    from genrelab.catalogue.report import report as make_report
    from genrelab.catalogue.storage import Storage

    found = make_report(Storage.at(place))
    if format == "json":
        say_json(found)
        return
    say(
        f"{found['place']}: {counted(found['files'], 'file')}, {found['hours']:,.1f} hours",
        f"recognized {found['recognized']:,}, unsure {found['unsure']:,}, failed {found['failed']:,}",
        f"{counted(found['bytes'], 'byte')} in all, {found['bytes_read']:,} read from object stores",
    )
    for title, most in (("genres", top), ("reasons", None), ("errors", None), ("models", None)):
        counts = list(found[title].items())[:most]
        if counts:
            say(f"{title}:")
            say(*(f"  {count:>11,} {name}" for name, count in counts))


def _files(listing: str, path_column: str, scan: Any, problems: list[str]) -> Iterator[pa.Table]:
    """Return the files of a listing; print what cannot be listed."""
    from genrelab.catalogue.listing import list_files

    def problem(message: str) -> None:
        problems.append(message)
        note(f"note: {message}")

    return list_files(listing, path_column=path_column, scan=scan, problem=problem)


def _show(shown: Report | None, counts: RunCounts) -> None:
    if shown is not None:  # the length of a listing is known only at its end
        shown("recognizing", counts.files, counts.files + 1, f"{counts.errors.total()} failed")


def _describe(counts: RunCounts) -> str:
    done = counted(counts.files, "file")
    text = f"{done} processed, {counts.unsure:,} unsure, {counts.seconds / 3600:,.1f} hours"
    return f"{text}, {counted(counts.bytes_read, 'byte')} read" if counts.bytes_read else text


def _describe_run(entry: dict[str, Any]) -> str:
    """Return a line about a run; any of its facts may be missing or of another kind."""
    state = entry.get("state", "unreadable")
    shards = entry.get("shards")
    rows = f", {counted(len(shards), 'shard')}" if isinstance(shards, dict) else ""
    return (
        f"run {entry['generation']}: {state}, {entry.get('engine', '?')}, "
        f"started {entry.get('started', '?')}, {entry.get('files', '?')} files{rows}"
    )
