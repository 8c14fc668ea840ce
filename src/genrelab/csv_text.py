r"""Rows of CSV that Python, pandas and spreadsheets read back as they were.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line break for a formula, which
may run programs or send data away. As OWASP advises ("CSV Injection"), such a text gets an apostrophe in
front. So does a text that begins with an apostrophe: take one apostrophe away from each cell that begins with
one, and you have the texts again. Numbers never get one.
"""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterable
from typing import BinaryIO

from genrelab.printing import plain

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")  # the wide ones count for some of East Asia's spreadsheets
_MARK = "'"


def csv_line(cells: Iterable[object], *, formulas: bool = False) -> str:
    r"""Return a row with its line end, a line feed.

    Parameters
    ----------
    cells : iterable
        Texts, numbers, and None for an empty cell.
    formulas : bool
        Whether texts stay that a spreadsheet takes for formulas: for tables that only programs read.

    Returns
    -------
    str

    Examples
    --------
    >>> csv_line(["=1+1", -1.5, None, "a\rb", "'tis"])
    '\'=1+1,-1.5,,"a\rb",\'\'tis\n'
    """
    line = io.StringIO()
    # Before Python 3.13 the module quotes a line break only if it is in `lineterminator`.
    csv.writer(line, lineterminator="\r\n").writerow(_cell(cell, formulas=formulas) for cell in cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def csv_lines(rows: Iterable[Iterable[object]], *, formulas: bool = False) -> str:
    """Return a table; see `csv_line`."""
    return "".join(csv_line(row, formulas=formulas) for row in rows)


def write_csv_line(cells: Iterable[object], out: BinaryIO) -> None:
    """Write a row as UTF-8, at once; bytes of file names that are no UTF-8 stay as they are.

    On a terminal, which obeys what is written to it, texts are escaped as in tables for people.
    """
    if out.isatty():
        cells = [plain(cell) if isinstance(cell, str) else cell for cell in cells]
    out.write(csv_line(cells).encode("utf-8", errors=sys.getfilesystemencodeerrors()))
    out.flush()


def _cell(cell: object, *, formulas: bool) -> object:
    if isinstance(cell, str) and not formulas and cell.startswith((*_FORMULA, _MARK)):
        return _MARK + cell
    return cell
