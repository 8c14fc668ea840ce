r"""CSV that Python, pandas and spreadsheets read back without loss.

A spreadsheet interprets a cell that starts with `=`, `+`, `-`, `@`, a tab or a line break as a formula, which
may run programs or send data. As OWASP recommends ("CSV Injection"), such a text gets a leading apostrophe.
So does a text that starts with an apostrophe: to restore the texts, remove one apostrophe from each cell that
starts with one. Numbers never get an apostrophe.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable
from typing import BinaryIO

from genrelab.printing import plain

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # spreadsheets in East Asia also accept the wide ones
_MARK = "'"
_MARKED = frozenset((*_FORMULA, _MARK))


def csv_line(cells: Iterable[object], *, formulas: bool = False) -> str:
    r"""Return a row that ends with a line feed.

    Parameters
    ----------
    cells : iterable
        Texts, numbers, and None for an empty cell.
    formulas : bool
        Whether to leave texts that look like formulas unchanged: for tables that only programs read.

    Returns
    -------
    str

    Examples
    --------
    >>> csv_line(["=1+1", -1.5, None, "a\rb", "'tis"])
    '\'=1+1,-1.5,,"a\rb",\'\'tis\n'
    """
    line = io.StringIO()
    # Before Python 3.13, the module quotes a line break only if it is in `lineterminator`.
    csv.writer(line, lineterminator="\r\n").writerow(_cell(cell, formulas=formulas) for cell in cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def csv_lines(rows: Iterable[Iterable[object]], *, formulas: bool = False) -> str:
    """Return a table; see `csv_line`."""
    return "".join(csv_line(row, formulas=formulas) for row in rows)


class CsvWriter:
    """Writes rows as UTF-8 and flushes each; bytes of file names that are not UTF-8 are kept.

    On a terminal, which interprets control characters, texts are escaped as in tables for people.

    Parameters
    ----------
    out : binary file
        The output; left open.
    """

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._is_terminal = out.isatty()
        self._errors = sys.getfilesystemencodeerrors()
        # Before Python 3.13, the module quotes a line break only if it is in `lineterminator`.
        self._writer = csv.writer(self, lineterminator="\r\n")

    def write_row(self, cells: Iterable[object]) -> None:
        """Write a row."""
        if self._is_terminal:
            cells = [plain(cell) if isinstance(cell, str) else cell for cell in cells]
        self._writer.writerow(
            [_MARK + cell if type(cell) is str and cell[:1] in _MARKED else cell for cell in cells]
        )
        self._out.flush()

    def write(self, line: str) -> None:
        """Write a line of the `csv` module."""
        self._out.write(f"{line[:-2]}\n".encode("utf-8", self._errors))


def write_csv_line(cells: Iterable[object], out: BinaryIO) -> None:
    """Write one row; see `CsvWriter`."""
    CsvWriter(out).write_row(cells)


def _cell(cell: object, *, formulas: bool) -> object:
    if isinstance(cell, str) and cell[:1] in _MARKED and not formulas:
        return _MARK + cell
    return cell
