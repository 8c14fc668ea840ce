"""`genrelab corpora fetch`: download a published corpus, verify it, unpack it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genrelab.cli.progress import counting, note, say, say_json

if TYPE_CHECKING:
    from genrelab.lab.corpora.fetching.sources import Source


def fetch_corpus(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A corpus; without one, all are listed.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the corpus is to lie; by default, its name.")
    ] = None,
    accept_licence: Annotated[
        bool, typer.Option("--accept-licence", help="Accept the terms without a question.")
    ] = False,
    local: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="FOLDER", help="Take the archives from this folder, without a download."
        ),
    ] = None,
    mirror: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Download the archives from this address; they must be the same."),
    ] = None,
    keep_archives: Annotated[
        bool, typer.Option("--keep-archives", help="Keep the archives after they are unpacked.")
    ] = False,
    format: Annotated[Literal["table", "json"], typer.Option(help="Output format.")] = "table",
) -> None:
    """Download a published corpus, check it against published checksums, and unpack it.

    Example: genrelab corpora fetch fma-small --to /data/fma --accept-licence

    The terms of use are shown first. An interrupted command goes on where it stopped. Without a name, the
    corpora are listed, with what their archives are checked against. Of GTZAN no lawful source is known; an
    archive that you have is checked and unpacked with --from.
    """
    from genrelab.errors import UsageError
    from genrelab.lab.corpora.fetching.fetch import Wanted, fetch, find_source

    if name is None:
        _list(format)
        return
    source = find_source(name)
    if local is not None and mirror is not None:
        raise UsageError("--from and --mirror exclude each other", code="from-and-mirror")
    folder = to or Path(source.name)
    wanted = Wanted(folder=folder, local=local, mirror=mirror, keep=keep_archives)
    if source.refused is None or local is not None:
        _require_acceptance(source, accepted=accept_licence)
    with counting() as report:
        done = fetch(source, wanted, report=report)
    spec = source.spec.format(folder)
    if format == "json":
        archives = [vars(each) for each in done]
        say_json({"folder": str(folder), "corpus": spec, "licence": source.licence, "archives": archives})
        return
    for each in done:
        where = "was there" if each.state == "there" else each.state
        say(f"{each.archive}: {where}, {each.files} files; verified by {each.verified}")
    say(f"corpus  {spec}")


def _require_acceptance(source: Source, *, accepted: bool) -> None:
    """Show the terms, and ask whether they are accepted."""
    from genrelab.errors import UsageError

    note(f"{source.title}. Licence: {source.licence}. Page: {source.page}")
    note(source.terms)
    if accepted:
        return
    if not sys.stdin.isatty():
        raise UsageError(
            "the terms must be accepted: give --accept-licence, or use a terminal, which asks",
            code="licence-not-accepted",
        )
    if not typer.confirm("Do you accept these terms?", err=True):
        note("nothing was fetched")
        raise typer.Exit(1)


def _list(format: str) -> None:
    from genrelab.cli.output.listing import write_table
    from genrelab.lab.corpora.fetching.fetch import describe
    from genrelab.lab.corpora.fetching.sources import SOURCES

    if format == "json":
        say_json([describe(each) for each in SOURCES.values()])
        return
    rows = [
        (each.name, f"{each.title}, {each.about}", each.licence, *_checked(each)) for each in SOURCES.values()
    ]
    write_table(("name", "what", "licence", "archives", "checked against"), rows, sys.stdout.buffer)
    for each in SOURCES.values():
        if each.refused is not None:
            note(f"note: {each.name} is not fetched: {each.refused}; --from unpacks an archive that you have")


def _checked(source: Source) -> tuple[str, str]:
    if source.record is not None:
        return f"those of {source.record}", "MD5, published in the same record"
    checks = {
        f"{each.checksum.algorithm.upper()}, {each.checksum.published}"
        if each.checksum is not None
        else f"structure only: {each.unverified}"
        for each in source.archives
    }
    return ", ".join(each.name for each in source.archives), "; ".join(sorted(checks))
