"""The table of `genrelab library export`: what Embedding Atlas and spreadsheets read."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from many_tracks import MODEL, fill

from genrelab.library import Library
from genrelab.library.explore.chart.columns import Wanted
from genrelab.library.explore.export import COLUMNS, write_export
from genrelab.library.explore.layout import Layout, lay_out_library

COUNT = 700


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    path = fill(tmp_path_factory.mktemp("library") / "l.db", COUNT, numbers=16)
    with Library(path) as library:
        row = library.database.rows("SELECT id, path FROM tracks ORDER BY path LIMIT 1")[0]
        library.database.execute(
            "UPDATE tracks SET path = ? WHERE id = ?", (row[1] + b"\n=\xff,\"'.mp3", row[0])
        )
        return lay_out_library(library, Wanted(MODEL, tags=True))


def table(layout: Layout) -> tuple[io.BytesIO, object]:
    out = io.BytesIO()
    write_export(layout, out, format="parquet")
    return out, pq.read_table(io.BytesIO(out.getvalue()))


def test_neighbours_are_rows_and_cosine_distances(layout: Layout) -> None:
    _, found = table(layout)
    rows = found.to_pylist()  # type: ignore[attr-defined]
    assert len(rows) == COUNT - 1 == len({row["path_bytes"] for row in rows})
    assert found.schema.field("neighbors").type.field("ids").type.value_type == "int64"  # type: ignore[attr-defined]
    assert layout.vectors is not None
    directions = layout.vectors.matrix[layout.rows].astype(np.float64)
    apart = 1 - directions @ directions.T
    np.fill_diagonal(apart, np.inf)
    for number, row in enumerate(rows):
        ids, distances = row["neighbors"]["ids"], row["neighbors"]["distances"]
        assert len(ids) == 15 and distances == sorted(distances) and number not in ids
        np.testing.assert_allclose(distances, apart[number, ids], atol=1e-3)
    shared = [
        len(set(row["neighbors"]["ids"]) & set(np.argsort(apart[n])[:15])) for n, row in enumerate(rows)
    ]
    assert np.mean(shared) > 14


def test_each_row_is_its_track(layout: Layout) -> None:
    _, found = table(layout)
    rows = found.to_pylist()  # type: ignore[attr-defined]
    for number in (0, 1, 600, COUNT - 2):
        row = rows[number]
        assert row["path_bytes"] == layout.tracks.paths[number]
        assert row["genre"] == layout.tracks.genres[layout.tracks.genre[number]]
        assert row["tags"] == layout.tracks.tags_of(number)
        assert (row["x"], row["y"]) == tuple(layout.places[number])
        assert row["confidence"] == layout.tracks.confidence[number]
    assert rows[0]["name"].endswith("\n=\\xff,\"'.mp3"), "bytes that are not UTF-8 are escapes"
    assert any(row["tags"] for row in rows)


def test_csv_has_the_same_rows(layout: Layout) -> None:
    out = io.BytesIO()
    write_export(layout, out, format="csv")
    rows = list(csv.DictReader(io.StringIO(out.getvalue().decode(), newline="")))
    _, found = table(layout)
    assert tuple(rows[0]) == COLUMNS
    for row, wanted in zip(rows, found.to_pylist(), strict=True):  # type: ignore[attr-defined]
        assert json.loads(row["neighbors"])["ids"] == wanted["neighbors"]["ids"]
        assert (row["path"], row["tags"]) == (wanted["path"], ";".join(wanted["tags"]))
        assert float(row["x"]) == pytest.approx(wanted["x"], abs=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_tracks(count: int, tmp_path: Path) -> None:
    with Library(fill(tmp_path / "few.db", count, numbers=4)) as library:
        found = lay_out_library(library, Wanted(MODEL))
    rows = table(found)[1].to_pylist()  # type: ignore[attr-defined]
    assert [sorted(row["neighbors"]["ids"]) for row in rows] == [
        [other for other in range(count) if other != own] for own in range(count)
    ]
    out = io.BytesIO()
    write_export(found, out, format="csv")
    assert out.getvalue().count(b"\n") == count + 1
