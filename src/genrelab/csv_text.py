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


def write_csv_line(cells: Iterable[object], out: BinaryIO) -> None:
    """Write a row as UTF-8 and flush it; bytes of file names that are not UTF-8 are kept.

    On a terminal, which interprets control characters, texts are escaped as in tables for people.
    """
    if out.isatty():
        cells = [plain(cell) if isinstance(cell, str) else cell for cell in cells]
    out.write(csv_line(cells).encode("utf-8", errors=sys.getfilesystemencodeerrors()))
    out.flush()


def _cell(cell: object, *, formulas: bool) -> object:
    if isinstance(cell, str) and not formulas and cell.startswith((*_FORMULA, _MARK)):
        return _MARK + cell
    return cell
