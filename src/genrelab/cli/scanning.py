"""Options of commands that look for sound files, and what they say about what was passed over."""

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
        help="Pass over files and folders that match, as in .gitignore; may be given several times.",
    ),
]

NoIgnoreOption = Annotated[
    bool,
    typer.Option(
        "--no-ignore",
        help="Look also in what .nomedia, .ndignore and .plexignore hide, and in folders such as @eaDir.",
    ),
]


def note_passed_over(log: ScanLog) -> None:
    """Say what was passed over, if anything was."""
    if log.passed_over:
        remedy = "; --no-ignore looks at all but what is excluded" if log.ignored else ""
        note(f"note: passed over: {log.summary()}{remedy}")
