"""Nearest tracks come in exact order, follow the library, and obey filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from embedded import add, clustered

from genrelab.library import Library
from genrelab.library.explore import nearest
from genrelab.library.explore.nearest import Near, Nearest, with_folders
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.track_filter import TrackFilter
from genrelab.library.vectors import open_vectors, opening
from genrelab.recognize import Recognition

MODEL, OTHER = f"m@{'1' * 12}", f"n@{'2' * 12}"
COUNT = 400


def put(library: Library, path: Path, embedding: np.ndarray, *, model: str = MODEL) -> None:
    path.write_text(path.name)
    said = Recognition(
        path, model, duration=1.0, genre="rock", confidence=0.5, embedding=embedding.astype(np.float32)
    )
    library.tracks.store(FileSnapshot(path), said)


def draw(count: int = COUNT, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 12)).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)).astype(np.float32)


@pytest.fixture
def filled(library: Library) -> Library:
    add(library.path, draw() * np.arange(1, 1 + COUNT)[:, None], name="")
    return library


def names(found: list[Near]) -> list[str]:
    return [near.track.path.decode().rpartition("/")[2] for near in found]


def ranked(library: Library, wanted: np.ndarray, count: int, where: TrackFilter | None = None) -> list[Near]:
    found = Nearest(library, MODEL, unit(np.atleast_2d(wanted)), where).ranked()
    return [near for near, _ in zip(found, range(count), strict=False)]


@pytest.mark.parametrize("count", [1, 63, 64, 65, COUNT, COUNT + 9])
def test_the_order_is_that_of_all_cosines(filled: Library, count: int) -> None:
    for number in (0, 5, 399):
        cosines = (unit(draw()) @ unit(draw()[number])).round(6)  # further digits do not decide the order
        found = ranked(filled, draw()[number], count)
        assert names(found) == [f"{each:07}" for each in np.argsort(-cosines, kind="stable")[:count]]
        np.testing.assert_allclose(
            [near.similarity for near in found], np.sort(cosines)[::-1][:count], atol=2e-6
        )


def test_several_directions_give_the_highest_similarity_with_any(filled: Library) -> None:
    cosines = (unit(draw()) @ unit(draw()[[3, 8, 200]]).T).max(axis=1)
    found = ranked(filled, draw()[[3, 8, 200]], 150)
    assert names(found) == [f"{each:07}" for each in np.argsort(-cosines.round(6), kind="stable")[:150]]


def test_equal_tracks_come_in_the_order_of_paths_however_many(library: Library) -> None:
    add(library.path, np.ones((300, 4)), name="b")
    add(library.path, np.ones((300, 4)), name="a")
    assert names(ranked(library, np.ones(4), 301)) == [*(f"a{n:07}" for n in range(300)), "b0000000"]


@pytest.mark.parametrize("rare", [1, 1000])  # few candidates pass: all tracks that pass are read, or never
@pytest.mark.parametrize("genre", ["rock", "jazz", "polka"])
def test_filters_are_exact(filled: Library, monkeypatch: pytest.MonkeyPatch, rare: int, genre: str) -> None:
    monkeypatch.setattr(nearest, "_RARE", rare)
    filled.database.execute("UPDATE tracks SET genre = 'jazz' WHERE id % 40 = 7")
    passing = [
        at for at in range(COUNT) if {"rock": (at + 1) % 40 != 7, "jazz": (at + 1) % 40 == 7}.get(genre)
    ]
    cosines = unit(draw()[passing]) @ unit(draw()[0])
    where = with_folders(None, [b"/music"], genres=[genre])
    wanted = [f"{passing[at]:07}" for at in np.argsort(-cosines, kind="stable")]
    assert names(ranked(filled, draw()[0], COUNT, where)) == wanted


def test_folders_are_neither_their_neighbours_nor_patterns(library: Library) -> None:
    for folder in ("/a/b", "/a/b c", "/a/b/c", "/a/%", "/a/b0"):
        add(library.path, np.ones((1, 3)), folder=folder, name=folder.replace("/", "_"))
    add(library.path, np.ones((1, 3)), folder="/a", name="b")

    def below(*folders: bytes) -> set[str]:
        found = ranked(library, np.ones(3), 99, with_folders(None, folders))
        return {near.track.path.decode().rpartition("/")[0] for near in found}

    assert below(b"/a/b") == {"/a/b", "/a/b/c"} == below(b"/a/b/")
    assert below(b"/a/%", b"/a/b c") == {"/a/%", "/a/b c"}
    assert below(b"/a/b0000000") == {"/a"}
    assert len(below(b"/")) == 6
    assert with_folders(None, []) is None


def test_it_follows_the_library(filled: Library, tmp_path: Path) -> None:
    wanted = draw()[3]
    assert names(ranked(filled, wanted, 1)) == ["0000003"]
    put(filled, tmp_path / "new", 7 * wanted)
    assert set(names(ranked(filled, wanted, 2))) == {"0000003", "new"}
    filled.tracks.forget(["/music/0000003"])
    assert names(ranked(filled, wanted, 1)) == ["new"]
    put(filled, tmp_path / "new", -wanted)  # recognized again
    assert names(ranked(filled, wanted, 1)) != ["new"]
    put(filled, tmp_path / "other", wanted, model=OTHER)
    assert "other" not in names(ranked(filled, wanted, COUNT))
    filled.tracks.forget()
    assert ranked(filled, wanted, 1) == []


def test_a_matrix_that_is_wrong_is_made_again(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file was changed by a program that left no trace: a disk with a defect."""
    monkeypatch.setattr(opening, "STORED_FROM", 1)
    drawn = clustered(500, 40)
    add(library.path, drawn)
    assert names(ranked(library, drawn[4], 1)) == ["t0000004"]
    vectors = open_vectors(library, MODEL)
    assert vectors is not None
    wrong = np.array(vectors.matrix)
    wrong[:] = wrong[::-1]
    vectors.matrix = wrong
    assert open_vectors(library, MODEL) is vectors
    assert names(ranked(library, drawn[4], 1)) == ["t0000004"]
    assert open_vectors(library, MODEL) is not vectors


def test_embeddings_of_another_length_are_not_compared(filled: Library) -> None:
    assert ranked(filled, np.ones(5), 9) == []
    assert Nearest(filled, MODEL, np.ones((2, 5), np.float32)).top(3) == [[], []]
