"""Exact search in the matrix of embeddings, with and without a sketch."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from embedded import MODEL, add, clustered
from sklearn.metrics.pairwise import cosine_similarity

from genrelab.library import Library
from genrelab.library.vectors import Vectors, open_vectors, sketch
from genrelab.library.vectors.half import widen
from genrelab.library.vectors.sketch import Sketch, find_axes, project
from genrelab.library.vectors.vectors import ROUNDING

OTHER = f"n@{'2' * 12}"


def matrix_of(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def sketched(vectors: np.ndarray, alive: np.ndarray | None = None) -> Vectors:
    matrix = matrix_of(vectors)
    axes = find_axes(matrix)
    rows = np.arange(len(vectors), dtype=np.int64) * 3
    return Vectors("m", rows, matrix, alive, sketch=Sketch(axes, project(widen(matrix), axes)))


def test_every_half_precision_number_is_widened_as_numpy_does() -> None:
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    np.testing.assert_array_equal(widen(numbers).view(np.uint32), numbers.astype(np.float32).view(np.uint32))


def test_search_finds_what_scikit_learn_finds(library: Library) -> None:
    drawn = np.random.default_rng(1).standard_normal((700, 12)) * np.linspace(0.1, 50, 700)[:, None]
    add(library.path, drawn)
    vectors = open_vectors(library, MODEL)
    assert vectors is not None and len(vectors) == 700
    found = vectors.search(drawn[:5].astype(np.float32), 20)
    wanted = cosine_similarity(drawn[:5], drawn)
    order = np.argsort(-wanted, kind="stable")[:, :20]
    assert (found.rows == vectors.rows[order]).mean() > 0.97  # rounding may swap two that are nearly alike
    np.testing.assert_allclose(found.cosines, np.sort(wanted)[:, :-21:-1], atol=ROUNDING)


def test_a_sketch_changes_no_answer_and_spares_most_comparisons(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = clustered(6000, 300)
    with_sketch, without = sketched(drawn), Vectors("m", np.arange(6000) * 3, matrix_of(drawn))
    compared: list[int] = []
    count = with_sketch._cosines
    monkeypatch.setattr(
        with_sketch, "_cosines", lambda rows, query: compared.append(len(rows)) or count(rows, query)
    )
    queries = np.concatenate([drawn[:40], np.random.default_rng(5).standard_normal((5, 300))])
    for k in (1, 10, 200):
        found, wanted = (each.search(queries.astype(np.float32), k) for each in (with_sketch, without))
        np.testing.assert_allclose(found.cosines, wanted.cosines, atol=1e-6)
        assert (found.rows == wanted.rows).mean() > 0.999  # two that are equal up to rounding may swap
        if k == 10:
            assert 0 < sum(compared) < 0.2 * len(queries) * 6000, sum(compared)
        compared.clear()


@pytest.mark.parametrize("share", [0.9, 0.35, 0.05])
def test_a_sketch_changes_no_answer_among_allowed_and_living_rows(share: float) -> None:
    drawn = clustered(5000, 256, 3)
    draw = np.random.default_rng(4)
    alive, allowed = draw.random(5000) < 0.8, draw.random(5000) < share
    found = sketched(drawn, alive).search(drawn[:20], 600, allowed)
    wanted = Vectors("m", np.arange(5000) * 3, matrix_of(drawn), alive).search(drawn[:20], 600, allowed)
    np.testing.assert_allclose(found.cosines, wanted.cosines, atol=1e-6)
    places = found.rows[found.rows >= 0] // 3
    assert (alive & allowed)[places].all()
    assert (found.rows >= 0).sum() == 20 * min(600, np.count_nonzero(alive & allowed))


def test_the_bound_of_a_sketch_is_never_below_the_cosine() -> None:
    drawn = clustered(3000, 256, 9)
    matrix = widen(matrix_of(drawn))
    strangers = np.random.default_rng(2).standard_normal((50, 256)).astype(np.float32)
    queries = np.concatenate([matrix[:50], strangers / np.linalg.norm(strangers, axis=1, keepdims=True)])
    poor = np.linalg.qr(np.random.default_rng(1).standard_normal((256, 63)))[0].astype(np.float32)
    for axes in (find_axes(matrix_of(drawn)), poor):  # poor axes make the bound wide, not wrong
        bounds = project(queries, axes) @ project(matrix, axes).T
        assert (bounds >= queries @ matrix.T - sketch.SLACK).all()


def test_only_allowed_rows_are_found(library: Library) -> None:
    angles = np.linspace(0, 1, 9)
    add(library.path, np.stack([np.cos(angles), np.sin(angles)], axis=1))
    vectors = open_vectors(library, MODEL)
    assert vectors is not None
    allowed = vectors.mask(np.array([3, 8, 99, -1], np.int64))
    found = vectors.search(np.array([[1.0, 0.0]], np.float32), 3, allowed)
    assert found.rows.tolist() == [[3, 8, -1]]
    assert found.cosines[0, 2] == -np.inf


def test_other_models_silence_and_damage_are_left_out(library: Library) -> None:
    wanted = np.arange(1.0, 5.0)
    add(library.path, wanted[None], name="right")
    add(library.path, wanted[None], name="other", model=OTHER)
    add(library.path, 0 * wanted[None], name="zeros")
    add(library.path, wanted[None], name="silent")
    add(library.path, wanted[None] * np.nan, name="nothing")
    add(library.path, np.arange(1.0, 6.0)[None], name="long")
    add(library.path, wanted[None], name="damaged")
    for name, value in (("silent", None), ("damaged", b"\0")):
        path = os.fsencode(Path("/music") / f"{name}{0:07}")
        library.database.execute("UPDATE tracks SET embedding = ? WHERE path = ?", (value, path))
    vectors = open_vectors(library, MODEL)
    assert vectors is not None and vectors.matrix.shape == (1, 4)
    np.testing.assert_allclose(vectors.matrix[0], wanted / np.linalg.norm(wanted), atol=5e-4)
    assert open_vectors(library, f"x@{'3' * 12}") is None


@pytest.mark.parametrize("shape", [(0, 3), (2, 3)])
def test_more_than_there_are_may_be_asked_for(library: Library, shape: tuple[int, int]) -> None:
    add(library.path, np.ones((1, 3)))
    vectors = open_vectors(library, MODEL)
    assert vectors is not None
    found = vectors.search(np.ones(shape, np.float32), 4)
    assert found.rows.shape == (shape[0], 4) and (found.rows[:, 1:] == -1).all()
