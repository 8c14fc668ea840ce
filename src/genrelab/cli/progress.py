"""Progress and notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


class Report(Protocol):
    """Takes how far something is."""

    def __call__(self, what: str, done: int, total: int, /, detail: str = "") -> None:
        """Take what is done, how much of it, of how much, and what else to show, such as a rate."""
        ...


def note(text: str) -> None:
    """Print a line for people, away from the results."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def counting() -> Iterator[Report]:
    """Give a function that takes how far something is and shows it as a bar, with the time that is left.

    Nothing is shown before its first call, nor where standard error is no terminal.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
    tasks: dict[str, TaskID] = {}

    def report(what: str, done: int, total: int, /, detail: str = "") -> None:
        if not bar.console.is_terminal:
            return
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
