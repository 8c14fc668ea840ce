"""Exact search in the matrix of embeddings."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.vectors import open_vectors
from genrelab.library.vectors.half import widen
from genrelab.recognize import Recognition

MODEL, OTHER = f"m@{'1' * 12}", f"n@{'2' * 12}"


def put(library: Library, path: Path, embedding: np.ndarray | None, model: str = MODEL) -> None:
    path.write_text(path.name)
    vector = None if embedding is None else embedding.astype(np.float32)
    said = Recognition(path, model, duration=1.0, genre="rock", confidence=0.5, embedding=vector)
    library.tracks.store(FileSnapshot(path), said)


def test_every_half_precision_number_is_widened_as_numpy_does() -> None:
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    numbers = numbers[np.isfinite(numbers)]
    np.testing.assert_array_equal(widen(numbers).view(np.uint32), numbers.astype(np.float32).view(np.uint32))


def test_search_finds_what_scikit_learn_finds(library: Library, tmp_path: Path) -> None:
    drawn = np.random.default_rng(1).standard_normal((700, 12)) * np.linspace(0.1, 50, 700)[:, None]
    for number, vector in enumerate(drawn):
        put(library, tmp_path / f"{number:04}", vector)
    vectors = open_vectors(library, MODEL)
    assert vectors is not None and len(vectors) == 700
    found = vectors.search(drawn[:5].astype(np.float32), 20)
    wanted = cosine_similarity(drawn[:5], drawn)
    order = np.argsort(-wanted, kind="stable")[:, :20]
    assert (found.rows == vectors.rows[order]).mean() > 0.97  # rounding may swap two that are nearly alike
    np.testing.assert_allclose(found.cosines, np.sort(wanted)[:, :-21:-1], atol=6e-4)


def test_only_allowed_rows_are_found(library: Library, tmp_path: Path) -> None:
    for number, angle in enumerate(np.linspace(0, 1, 9)):
        put(library, tmp_path / f"{number}", np.array([np.cos(angle), np.sin(angle)]))
    vectors = open_vectors(library, MODEL)
    assert vectors is not None
    allowed = vectors.mask(np.array([2, 7, 99, -1], np.int64))
    found = vectors.search(np.array([[1.0, 0.0]], np.float32), 3, allowed)
    assert found.rows.tolist() == [[2, 7, -1]]
    assert found.cosines[0, 2] == -np.inf


def test_other_models_silence_and_damage_are_left_out(library: Library, tmp_path: Path) -> None:
    wanted = np.arange(1.0, 5.0)
    put(library, tmp_path / "right", wanted)
    put(library, tmp_path / "other", wanted, model=OTHER)
    put(library, tmp_path / "zeros", 0 * wanted)
    put(library, tmp_path / "silent", None)
    put(library, tmp_path / "long", np.arange(1.0, 6.0))
    put(library, tmp_path / "damaged", wanted)
    library.database.execute("UPDATE tracks SET embedding = x'00' WHERE path LIKE ?", ("%damaged",))
    library.database.execute(
        "UPDATE tracks SET embedding = x'00' WHERE path = ?", (os.fsencode(tmp_path / "damaged"),)
    )
    vectors = open_vectors(library, MODEL)
    assert vectors is not None and vectors.matrix.shape == (1, 4)
    np.testing.assert_allclose(vectors.matrix[0], wanted / np.linalg.norm(wanted), atol=5e-4)
    assert open_vectors(library, f"x@{'3' * 12}") is None


@pytest.mark.parametrize("shape", [(0, 3), (2, 3)])
def test_more_than_there_are_may_be_asked_for(
    library: Library, tmp_path: Path, shape: tuple[int, int]
) -> None:
    put(library, tmp_path / "one", np.ones(3))
    vectors = open_vectors(library, MODEL)
    assert vectors is not None
    found = vectors.search(np.ones(shape, np.float32), 4)
    assert found.rows.shape == (shape[0], 4) and (found.rows[:, 1:] == -1).all()
