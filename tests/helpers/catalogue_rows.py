"""Listings and rows of a catalogue."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from genrelab.catalogue.listing import list_files
from genrelab.catalogue.reader import read_catalogue
from genrelab.catalogue.schema import FILES


def refuse(message: str) -> None:
    raise AssertionError(message)


def listed(place: str, **options: Any) -> pa.Table:
    """Return the files of a listing that has no problems."""
    return pa.concat_tables([FILES.empty_table(), *list_files(place, problem=refuse, **options)])


def row_of(table: pa.Table, name: str) -> dict[str, Any]:
    """Return the only row of a file by its name."""
    (row,) = [row for row in table.to_pylist() if row["path"].rpartition("/")[2] == name]
    return dict(row)


def rows(place: object) -> list[dict[str, Any]]:
    """Return all rows of a catalogue, as its readers see them."""
    return [row for table in read_catalogue(str(place)) for row in table.to_pylist()]
