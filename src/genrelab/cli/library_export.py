"""`genrelab library export`: the tracks of the library with their places on the map, as a table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from genrelab.cli.options import LibraryOption, PathsArgument, QuietOption, WhereOption
from genrelab.cli.progress import Report, note


def watched(report: Report) -> Callable[[float], bool]:
    """Return a function that shows how far a map is and lets it go on."""

    def show(share: float) -> bool:
        report("map", round(100 * share), 100)
        return True

    return show


def export_tracks(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help="The table to write.")],
    paths: PathsArgument = None,
    format: Annotated[
        Literal["parquet", "csv"],
        typer.Option(help="Format of the table; Parquet needs the extra `parquet`."),
    ] = "parquet",
    model: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Export the results of this model; default: the model with the most tracks."
        ),
    ] = None,
    where: WhereOption = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Include tracks whose file is not there, such as on another disk."),
    ] = False,
    library: LibraryOption = None,
    quiet: QuietOption = False,
) -> None:
    """Export tracks with places on the map and nearest neighbours, in the form that Embedding Atlas reads.

    Example: genrelab library export --to tracks.parquet

    Positions are those on the map of `genrelab library map`. The table contains the names of your files.
    """
    from genrelab.bundle.bundle import Bundle
    from genrelab.cli.library import check_not_empty, files_to_keep, open_library, read_where
    from genrelab.cli.progress import counting
    from genrelab.library.explore.export import write_export
    from genrelab.library.explore.map import Survey
    from genrelab.recognize.writers.formats import check_format
    from genrelab.recognize.writers.output import open_output

    check_format(format, top=1, timeline=False)
    identity = None if model is None else Bundle.load(model).identity
    with open_library(library, must_exist=True) as opened, counting() as report:
        check_not_empty(opened, paths)
        with open_output(to, keep=files_to_keep(opened, to)) as stream:
            survey = Survey.take(
                opened, paths or (), model=identity, where=read_where(opened, where), missing=missing,
                progress=watched(report),
            )  # fmt: skip
            write_export(survey.layout, stream, format=format)
    if not quiet:
        count = len(survey.tracks)
        note(f"{count} track{'s' * (count != 1)} exported: {to}")
        for line in survey.left_out():
            note(f"note: {line}")
