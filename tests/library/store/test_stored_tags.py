"""Tags in the library: stored, found again, absent in libraries and models of before."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from old_library import make_old
from tiny_onnx import write_tiny

from genrelab.library import CachedRecognizer, Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.schema.formats import SCHEMA_VERSION
from genrelab.recognize import Recognition, Recognizer, scan
from genrelab.recognize.recognition import TagScore

TAGS = (TagScore("mood", "ruhig – ☮", 0.9, True), TagScore("style", "R&B", 0.25, False))


@pytest.fixture(scope="module")
def tagging(tagged_model: Path) -> Recognizer:
    return Recognizer.load(tagged_model, threads=1)


def test_the_second_run_returns_the_same_tags_and_reasons(
    tagging: Recognizer, library: Library, music: Path
) -> None:
    cached = CachedRecognizer(tagging, library)
    first = list(cached.recognize_many(scan([music])))
    second = list(cached.recognize_many(scan([music])))
    assert cached.recalled == 4 and first == second
    assert [record.tags for record in second] == [record.tags for record in first]
    assert [record.reason for record in second].count("no music") == 1
    assert all(record.tags for record in second)


def test_a_copy_keeps_its_tags(library: Library, music: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(music / "b.flac", tmp_path / "one.flac"))
    library.tracks.store(FileSnapshot(path), Recognition(path, "m@1", 2.0, "rock", 0.5, tags=TAGS))
    other = Path(shutil.copy(path, tmp_path / "two.flac"))
    moved = path.rename(tmp_path / "three.flac")
    for name in (other, moved):
        found = library.tracks.find(FileSnapshot(name))
        assert found is not None and found.tags == TAGS


def test_a_model_without_tags_stores_none(recognizer: Recognizer, library: Library, music: Path) -> None:
    records = list(CachedRecognizer(recognizer, library).recognize_many(scan([music])))
    assert {record.tags for record in records} == {()}
    assert {record.tags for record in library.tracks.all()} == {()}
    assert library.tracks.tags() == set() and library.tracks.count_tags() == []


def test_a_new_model_recognizes_the_music_again(
    recognizer: Recognizer, tagging: Recognizer, library: Library, music: Path, tmp_path: Path
) -> None:
    list(CachedRecognizer(recognizer, library).recognize_many(scan([music])))
    list(CachedRecognizer(tagging, library).recognize_many(scan([music])))
    assert library.tracks.tags() == {"mood:calm", "style:punk", "genre:folk"}
    assert library.tracks.count_tags() == [("genre", "folk", 2), ("mood", "calm", 2), ("style", "punk", 1)]
    other = write_tiny(tmp_path / "other.onnx", recipe="other")
    cached = CachedRecognizer(Recognizer.load(other, threads=1), library)
    list(cached.recognize_many(scan([music / "b.flac"])))
    assert library.tracks.count_tags() == [("genre", "folk", 2), ("mood", "calm", 2), ("style", "punk", 0)]


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_libraries_of_before_are_upgraded(version: int, tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    make_old(path)
    with sqlite3.connect(path) as connection:  # as the formats in between had it
        if version >= 2:
            connection.execute("ALTER TABLE tracks ADD COLUMN full INTEGER NOT NULL DEFAULT 1")
            connection.execute("ALTER TABLE tracks ADD COLUMN probabilities BLOB")
        if version >= 3:
            connection.execute("ALTER TABLE tracks ADD COLUMN notices TEXT NOT NULL DEFAULT '[]'")
        if version >= 4:
            connection.execute("ALTER TABLE tracks ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'")
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with Library(path) as library:
        (record,) = library.tracks.all()
        assert (record.genre, record.tags, record.error) == ("jazz", (), None)
        assert library.tracks.known_tags().tags == {}
        assert library.database.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]


def test_a_read_only_library_of_before_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    make_old(path)
    path.chmod(0o444)
    with Library(path, must_write=False) as library:
        (record,) = library.tracks.all()
        assert record.tags == ()
    path.chmod(0o644)
