"""The neighbours of all points among themselves are those that scikit-learn finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from genrelab.library.explore.chart import neighbours as module
from genrelab.library.explore.chart.neighbours import neighbour_graph, smallest
from genrelab.library.explore.chart.quality import nearest_places, nearest_rows


def clustered(count: int, numbers: int = 12, *, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    centres = draw.normal(size=(30, numbers))
    return (centres[draw.integers(30, size=count)] + 0.4 * draw.normal(size=(count, numbers))).astype(
        np.float32
    )


def reference(points: np.ndarray, count: int) -> np.ndarray:
    return NearestNeighbors(n_neighbors=count).fit(points).kneighbors()[1]


def test_few_points_have_exactly_their_nearest_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    points = clustered(600)
    monkeypatch.setattr(module, "_ENTRIES", 600 * 70)  # several blocks
    np.testing.assert_array_equal(neighbour_graph(points, 8), reference(points, 8))


def test_most_neighbours_are_found_among_many_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT", 1000)
    monkeypatch.setattr(module, "_CELL", 50)
    points = clustered(4000)
    found, wanted = neighbour_graph(points, 10), reference(points, 10)
    assert not (found == np.arange(4000)[:, None]).any(), "no point is its own neighbour"
    assert all(len(set(row)) == 10 for row in found.tolist())
    shared = np.mean([len(np.intersect1d(a, b)) for a, b in zip(found, wanted, strict=True)]) / 10
    assert shared > 0.8
    np.testing.assert_array_equal(found, neighbour_graph(points, 10))


def test_crowds_of_equal_points_stay_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EXACT", 1000)
    monkeypatch.setattr(module, "_CELL", 50)
    largest: list[int] = []
    cells = module._cells

    def watched(*given: object) -> object:
        for own, candidates in cells(*given):  # type: ignore[arg-type]
            largest.append(len(candidates))
            yield own, candidates

    monkeypatch.setattr(module, "_cells", watched)
    points = clustered(3000)
    points[:2000] = points[0]
    found = neighbour_graph(points, 5)
    assert max(largest) <= module._PROBES * module._LARGEST * 50
    assert (found[:2000] < 2000).all() and not (found == np.arange(3000)[:, None]).any()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5), st.integers(1, 400), st.integers(1, 12), st.booleans())
def test_the_smallest_entries_in_order(rows: int, columns: int, count: int, coarse: bool) -> None:
    values = np.random.default_rng(columns).random((rows, columns), dtype=np.float32)
    if coarse:
        values = np.round(values, 1)
    count = min(count, columns)
    found = smallest(values, count)
    np.testing.assert_array_equal(np.take_along_axis(values, found, 1), np.sort(values, axis=1)[:, :count])
    assert all(len(set(row)) == count for row in found.tolist())


def test_the_judge_of_a_map_searches_exactly() -> None:
    points = clustered(5000)
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    chosen, rows = np.array([0, 17, 999]), np.arange(4000, 5000)
    some = points[rows]
    wanted = reference(some, 6)[chosen]
    np.testing.assert_array_equal(nearest_rows(points, rows, chosen, 6), wanted)
    np.testing.assert_array_equal(nearest_places(some[:, :2], chosen, 6), reference(some[:, :2], 6)[chosen])
