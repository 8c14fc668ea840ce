"""Progress and notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn


def note(text: str) -> None:
    """Print a line for people, away from the results."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def counting() -> Iterator[Callable[[str, int, int], None]]:
    """Give a function that takes what is done, how much of it and of how much, and shows it as a bar.

    Nothing is shown before its first call, nor where standard error is no terminal.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
    tasks: dict[str, TaskID] = {}

    def report(what: str, done: int, total: int) -> None:
        if not bar.console.is_terminal:
            return
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
            bar.start()
        bar.update(tasks[what], completed=done, total=total)
        if done >= total:
            bar.remove_task(tasks.pop(what))
            bar.stop()

    try:
        yield report
    finally:
        if tasks:  # stopping prints an empty line even if nothing was shown
            bar.stop()
