"""Tables that genrelab writes as CSV, read by pandas."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from genrelab.csv_text import csv_line

CELLS = [
    "a\rb",
    "a\nb",
    "a\r\nb",
    "\r",
    'say "x", y',
    "a,b",
    "=1+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "'tis",
    "",
    "Ünï",
]


def test_cells_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_bytes("".join(csv_line([cell, 1]) for cell in ["text", *CELLS]).encode())
    table = pd.read_csv(path, keep_default_na=False, dtype=str)
    assert [cell.removeprefix("'") for cell in table["text"]] == CELLS
