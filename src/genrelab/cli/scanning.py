"""Options of commands that search folders for audio files, and their note about what was skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from genrelab.cli.progress import note

if TYPE_CHECKING:
    from genrelab.recognize import ScanLog

ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Skip files and folders that match, as in .gitignore; may be repeated.",
    ),
]

NoIgnoreOption = Annotated[
    bool,
    typer.Option(
        "--no-ignore",
        help="Include what .nomedia, .ndignore and .plexignore hide, and folders such as @eaDir.",
    ),
]


def note_passed_over(log: ScanLog) -> None:
    """Print what was skipped, if anything."""
    if log.passed_over:
        remedy = "; --no-ignore includes all except --exclude" if log.ignored else ""
        note(f"note: skipped: {log.summary()}{remedy}")
