"""A rich console that prints texts literally."""

from __future__ import annotations

import datetime
import io
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, BinaryIO

from rich.cells import cell_len
from rich.console import Console  # noqa: TID251
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from genrelab.printing import plain

WHOLE_LINE = Text("\x1f")
"""The only cell of a row that `write_console` replaces by a text in the width of the whole table. No other
cell can contain this character, since it is not printable."""

_NO_BREAK = "\ue000"  # a space at which no line ends; not printable either, so no text contains it
_INDENT = 2  # columns before such a text
_UNLIMITED = 100_000  # columns: lines are not wrapped outside a terminal


LOG_SECONDS = 30.0
"""Time between two lines of progress where there is no terminal for a bar."""


class Pace:
    """When to print a line of progress, and how much time is left.

    Parameters
    ----------
    done : int
        How much was done before the clock started, as after a restart.
    clock : callable
        Returns the time in seconds.
    """

    def __init__(self, done: int = 0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.begun_with = done
        self.began = self.last = clock()

    def due(self) -> bool:
        """Return whether the last line is long enough ago, and start the time to the next one."""
        now = self.clock()
        if now - self.last < LOG_SECONDS:
            return False
        self.last = now
        return True

    def left(self, done: int, total: int) -> str:
        """Return the remaining time at the pace so far, such as `0:12:40 left`; empty if it is unknown.

        Examples
        --------
        >>> times = iter([0.0, 60.0])
        >>> Pace(clock=lambda: next(times)).left(30, 90)
        '0:02:00 left'
        """
        gone = done - self.begun_with
        if gone <= 0:
            return ""
        seconds = (self.clock() - self.began) / gone * max(0, total - done)
        return f"{datetime.timedelta(seconds=round(seconds))} left"


class PlainConsole(Console):
    """A console that prints every `str` literally, also in tables, headings and titles.

    Markup, emoji codes and highlighting are off, and unprintable characters are escaped. A `rich.text.Text`
    is printed unchanged: create it from `genrelab.printing.plain` text.
    """

    def render_str(self, text: str, *args: Any, **options: Any) -> Text:
        """Return the text to print for a `str`."""
        return super().render_str(
            plain(text), *args, **{**options, "markup": False, "emoji": False, "highlight": False}
        )


def plain_table() -> Table:
    """Return an empty table without borders."""
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def unbroken(text: str) -> str:
    """Return a text with spaces at which `write_console` ends no line."""
    return text.replace(" ", _NO_BREAK)


def below_one_folder(paths: Sequence[str], out: BinaryIO) -> tuple[str, list[str]]:
    """Return the folder that all paths share, and the paths below it, if that makes a table fit a terminal.

    Parameters
    ----------
    paths : sequence of str
        The files of a table.
    out : binary file
        The output of the table.

    Returns
    -------
    folder : str
        For `write_console`. Empty if there is one path, `out` is no terminal, a third of its width has
        room for all paths, or they share no folder.
    names : list of str
        The paths below the folder, or as they are.
    """
    names = list(paths)
    room = shutil.get_terminal_size().columns // 3
    if len(names) < 2 or not out.isatty() or all(cell_len(plain(name)) <= room for name in names):
        return "", names
    try:
        folder = os.path.commonpath([os.path.dirname(name) for name in names])
    except ValueError:  # on several drives, or only some are absolute
        return "", names
    start = folder + os.sep
    if folder in ("", os.sep) or not all(name.startswith(start) for name in names):
        return "", names
    return folder, [name.removeprefix(start) for name in names]


def write_console(
    out: BinaryIO,
    table: Table,
    notes: Iterable[tuple[str, str]] = (),
    *,
    folder: str = "",
    whole_lines: Iterable[Sequence[str]] = (),
) -> None:
    """Write a table, then lines in a style such as `red`: in the width of a terminal, or unwrapped elsewhere.

    Parameters
    ----------
    out : binary file
        The output; left open.
    table : rich.table.Table
    notes : iterable of (str, str)
        Texts and their styles.
    folder : str
        The folder that the paths in the table are below, if any: a line above the table.
    whole_lines : iterable of sequences of str
        The items of each `WHOLE_LINE` in the table, in order. A line breaks only between items.
    """
    terminal, text = out.isatty(), io.StringIO()
    width = shutil.get_terminal_size().columns if terminal else _UNLIMITED
    console = PlainConsole(file=text, width=width, force_terminal=terminal)
    if folder:
        console.print(f"{folder}{os.sep}", style="bold", soft_wrap=True)
    console.print(table)
    rows = text.getvalue().splitlines()
    text.seek(text.truncate(0))
    waiting = iter(whole_lines)
    for row in rows:
        if row.strip(" ") == WHOLE_LINE.plain:
            for line in _joined(next(waiting), console.width - _INDENT):
                console.print(Padding(line, (0, 0, 0, _INDENT), expand=False), style="cyan")
        else:
            text.write(f"{row}\n")
    for line, style in notes:
        console.print(line, style=style, soft_wrap=True)
    lines = "\n".join(line.rstrip() for line in text.getvalue().replace(_NO_BREAK, " ").splitlines()) + "\n"
    out.write(lines.encode("utf-8", errors="backslashreplace"))


def _joined(items: Sequence[str], width: int) -> Iterator[str]:
    """Yield lines of items with commas between them, each at most as wide as the terminal if possible."""
    line = ""
    for number, item in enumerate(items, start=1):
        text = plain(item) + ("," if number < len(items) else "")
        if line and cell_len(f"{line} {text}") > width:
            yield line
            line = ""
        line = f"{line} {text}" if line else text
    if line:
        yield line
