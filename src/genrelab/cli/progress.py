"""Print results to standard output, and progress and notes to standard error.

Everything is escaped; see `genrelab.printing`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from genrelab.console import Pace, PlainConsole
from genrelab.printing import json_text, plain

if TYPE_CHECKING:
    from genrelab.recognize import ScanLog


class Report(Protocol):
    """A function that shows progress."""

    def __call__(self, what: str, done: int, total: int, /, detail: str = "") -> None:
        """Show that `done` of `total` items are done, with a detail such as the rate."""
        ...


def note(text: str) -> None:
    """Print one line for people to standard error."""
    print(plain(text), file=sys.stderr, flush=True)  # noqa: T201


def say(*lines: str) -> None:
    """Print results for people, one line per text, even if a text contains line breaks."""
    for line in lines:
        print(plain(line))  # noqa: T201


def say_text(text: str) -> None:
    """Print a text with its line breaks."""
    say(*text.removesuffix("\n").split("\n"))


def say_json(value: Any) -> None:
    """Print a result for programs as JSON."""
    print(json_text(value, indent=2))  # noqa: T201


def note_skipped(log: ScanLog) -> None:
    """Print what a scan skipped, if anything."""
    if log.passed_over:
        remedy = "; --no-ignore includes all except --exclude" if log.ignored else ""
        note(f"note: skipped: {log.summary()}{remedy}")


@contextmanager
def counting() -> Iterator[Report]:
    """Yield a function that shows progress as a bar with the remaining time.

    Nothing is shown before its first call. If standard error is not a terminal, a line appears every 30 s.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}", markup=False),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=PlainConsole(file=sys.stderr), transient=True)
    tasks: dict[str, TaskID] = {}
    paces: dict[str, Pace] = {}

    def report(what: str, done: int, total: int, /, detail: str = "") -> None:
        if not bar.console.is_terminal:
            pace = paces.setdefault(what, Pace(done))
            if pace.due():
                note("  ".join(filter(None, [f"{what}: {done} of {total}", detail, pace.left(done, total)])))
            if done >= total:
                del paces[what]
            return
        what, detail = plain(what), plain(detail)
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total, detail=detail)
            bar.start()
        bar.update(tasks[what], completed=done, total=total, detail=detail)
        if done >= total:
            bar.remove_task(tasks.pop(what))
            bar.stop()

    try:
        yield report
    finally:
        if tasks:  # stopping a bar that was never started prints an empty line
            bar.stop()
