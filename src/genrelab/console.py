"""A rich console that prints texts literally."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable, Iterator, Sequence
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

_INDENT = 2  # columns before such a text
_UNLIMITED = 100_000  # columns: lines are not wrapped outside a terminal


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


def write_console(
    out: BinaryIO,
    table: Table,
    notes: Iterable[tuple[str, str]] = (),
    *,
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
    whole_lines : iterable of sequences of str
        The items of each `WHOLE_LINE` in the table, in order. A line breaks only between items.
    """
    terminal, text = out.isatty(), io.StringIO()
    width = shutil.get_terminal_size().columns if terminal else _UNLIMITED
    console = PlainConsole(file=text, width=width, force_terminal=terminal)
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
    lines = "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
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
