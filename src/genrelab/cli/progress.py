"""Progress and notes on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def note(text: str) -> None:
    """Print a line for people, away from the results."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that takes the number done and the number in all and shows them as a bar.

    Nothing is shown before its first call, nor where standard error is no terminal.
    """
    columns = TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn("left"), TimeRemainingColumn()
    bar = Progress(*columns, console=Console(file=sys.stderr), transient=True)
    task = bar.add_task(what, total=None, start=False)

    def report(done: int, total: int) -> None:
        if not bar.console.is_terminal:
            return
        if not bar.live.is_started:
            bar.start()
            bar.start_task(task)
        bar.update(task, completed=done, total=total)
        if done >= total:
            bar.stop()

    try:
        yield report
    finally:
        if bar.live.is_started:  # stopping prints an empty line even if nothing was shown
            bar.stop()
