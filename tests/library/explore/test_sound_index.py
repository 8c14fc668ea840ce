"""The index in memory finds what a scan of the library finds, and follows the library."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from genrelab.library import Library
from genrelab.library.explore import sound_index
from genrelab.library.explore.similar import ReferenceTrack, find_similar
from genrelab.library.explore.sound_index import SoundIndex
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition

MODEL, OTHER = f"m@{'1' * 12}", f"n@{'2' * 12}"
COUNT = 400


def put(
    library: Library, path: Path, embedding: np.ndarray | None, *, model: str = MODEL, sound: str = ""
) -> bytes:
    """Store a file of its own bytes, or of those that are given."""
    path.write_text(sound or path.name)
    vector = None if embedding is None else embedding.astype(np.float32)
    said = Recognition(path, model, duration=1.0, genre="rock", confidence=0.5, embedding=vector)
    snapshot = FileSnapshot(path)
    library.tracks.store(snapshot, said)
    return snapshot.real


def draw(count: int = COUNT, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 12))


@pytest.fixture
def filled(library: Library, tmp_path: Path) -> Library:
    for number, vector in enumerate(draw()):
        put(library, tmp_path / f"{number:04}", vector * (1 + number))
    return library


def names(found) -> list[str]:
    return [track.path.decode().rpartition("/")[2] for track in found]


@pytest.mark.parametrize("block", [4096, 7])
def test_it_finds_what_a_scan_finds(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(sound_index, "_BLOCK", block)
    index = SoundIndex(filled)
    for number in (0, 5, 399):
        wanted = draw()[number].astype(np.float32)
        path = tmp_path / f"{number:04}"
        sound = FileSnapshot(path).hash_sound()
        scanned = find_similar(
            filled, ReferenceTrack(path, sound, Recognition(path, MODEL), wanted), count=50
        )
        found = index.nearest(MODEL, wanted, count=50, omit=sound)
        assert names(found) == [track.path.name for track in scanned.tracks]
        assert [each.similarity for each in found] == pytest.approx(
            [track.similarity for track in scanned.tracks], abs=2e-6
        )


def test_it_follows_the_library(filled: Library, tmp_path: Path) -> None:
    index = SoundIndex(filled)
    wanted = draw()[3].astype(np.float32)
    assert names(index.nearest(MODEL, wanted, count=1)) == ["0003"]
    put(filled, tmp_path / "new", 7 * wanted)
    assert names(index.nearest(MODEL, wanted, count=2)) == ["0003", "new"]
    filled.tracks.forget([tmp_path / "0003"])
    assert names(index.nearest(MODEL, wanted, count=1)) == ["new"]
    put(filled, tmp_path / "new", -wanted)  # recognized again
    assert names(index.nearest(MODEL, wanted, count=1)) != ["new"]
    filled.tracks.forget()
    assert index.nearest(MODEL, wanted, count=1) == []


def test_a_number_that_is_used_again_leads_to_no_wrong_track(filled: Library, tmp_path: Path) -> None:
    index = SoundIndex(filled)
    last = draw()[COUNT - 1].astype(np.float32)
    assert names(index.nearest(MODEL, last, count=1)) == [f"{COUNT - 1:04}"]
    filled.tracks.forget([tmp_path / f"{COUNT - 1:04}"])
    put(filled, tmp_path / "other", -last)
    with closing(sqlite3.connect(filled.path)) as connection:
        (number,) = connection.execute("SELECT max(id) FROM tracks").fetchone()
    assert number == COUNT, "SQLite gives the number to another track"
    found = index.nearest(MODEL, last, count=1)
    assert names(found) != ["other"] and found[0].similarity < 0.99


def test_files_that_are_gone_copies_and_other_folders_are_left_out(filled: Library, tmp_path: Path) -> None:
    wanted = draw()[8].astype(np.float32)
    index = SoundIndex(filled)
    (tmp_path / "inner").mkdir()
    put(filled, tmp_path / "copy", wanted, sound="0008")
    inner = put(filled, tmp_path / "inner" / "x", wanted)
    sound = FileSnapshot(tmp_path / "0008").hash_sound()
    assert names(index.nearest(MODEL, wanted, count=2, omit=sound))[0] == "x"
    found = index.nearest(MODEL, wanted, count=2)
    assert sorted(names(found)) == ["0008", "x"]
    (tmp_path / "0008").unlink()
    assert sorted(names(index.nearest(MODEL, wanted, count=2))) == ["copy", "x"]
    below = index.nearest(MODEL, wanted, count=5, folders=(inner.rpartition(b"/")[0],))
    assert names(below) == ["x"]


def test_other_models_zeros_and_damage_are_left_out(library: Library, tmp_path: Path) -> None:
    wanted = np.arange(1.0, 5.0, dtype=np.float32)
    put(library, tmp_path / "right", wanted)
    put(library, tmp_path / "other", wanted, model=OTHER)
    put(library, tmp_path / "zeros", 0 * wanted)
    put(library, tmp_path / "silent", None)
    put(library, tmp_path / "long", np.arange(1.0, 6.0))
    put(library, tmp_path / "damaged", wanted)
    library.database.execute("UPDATE tracks SET embedding = x'00' WHERE CAST(path AS TEXT) LIKE '%damaged'")
    index = SoundIndex(library)
    assert names(index.nearest(MODEL, wanted, count=9)) == ["right"]
    assert names(index.nearest(OTHER, wanted, count=9)) == ["other"]
    assert names(index.nearest(MODEL, np.arange(1.0, 6.0, dtype=np.float32), count=9)) == ["long"]


def test_a_library_that_is_too_large_is_not_kept(filled: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = draw()[0].astype(np.float32)
    index = SoundIndex(filled)
    assert index.nearest(MODEL, wanted, count=1)
    monkeypatch.setattr(sound_index, "MOST_BYTES", COUNT * 12 * 2 - 1)
    assert index.nearest(MODEL, wanted, count=1) is None
    assert index._blocks == []
