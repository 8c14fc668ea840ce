"""What commands print: results on standard output, progress and notes on standard error.

All of it is escaped; see `genrelab.printing`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from genrelab.console import PlainConsole
from genrelab.printing import json_text, plain


class Report(Protocol):
    """Takes how far something is."""

    def __call__(self, what: str, done: int, total: int, /, detail: str = "") -> None:
        """Take what is done, how much of it, of how much, and what else to show, such as a rate."""
        ...


def note(text: str) -> None:
    """Print a line for people, away from the results."""
    print(plain(text), file=sys.stderr, flush=True)  # noqa: T201


def say(*lines: str) -> None:
    """Print results for people: a line of each text, whatever it holds."""
    for line in lines:
        print(plain(line))  # noqa: T201


def say_text(text: str) -> None:
    """Print a text of several lines, in which line feeds are meant."""
    say(*text.removesuffix("\n").split("\n"))


def say_json(value: Any) -> None:
    """Print a result for programs."""
    print(json_text(value, indent=2))  # noqa: T201


@contextmanager
def counting() -> Iterator[Report]:
    """Give a function that takes how far something is and shows it as a bar, with the time that is left.

    Nothing is shown before its first call, nor where standard error is no terminal.
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

    def report(what: str, done: int, total: int, /, detail: str = "") -> None:
        if not bar.console.is_terminal:
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
        if tasks:  # stopping prints an empty line even if nothing was shown
            bar.stop()
