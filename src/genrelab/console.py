"""A rich console that prints texts literally."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable
from typing import Any, BinaryIO

from rich.console import Console  # noqa: TID251
from rich.table import Table
from rich.text import Text

from genrelab.printing import plain

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


def write_console(out: BinaryIO, table: Table, notes: Iterable[tuple[str, str]] = ()) -> None:
    """Write a table, then lines in a style such as `red`: in the width of a terminal, or unwrapped elsewhere.

    Parameters
    ----------
    out : binary file
        The output; left open.
    table : rich.table.Table
    notes : iterable of (str, str)
        Texts and their styles.
    """
    terminal, text = out.isatty(), io.StringIO()
    width = shutil.get_terminal_size().columns if terminal else _UNLIMITED
    console = PlainConsole(file=text, width=width, force_terminal=terminal)
    console.print(table)
    for line, style in notes:
        console.print(line, style=style, soft_wrap=True)
    lines = "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"
    out.write(lines.encode("utf-8", errors="backslashreplace"))
