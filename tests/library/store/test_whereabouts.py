"""What a watcher asks the table of tracks: whether a file is known, is the same, or is missing."""

from __future__ import annotations

import os
from pathlib import Path

from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.track_row import RecordFilter
from genrelab.recognize import Recognition


def store(library: Library, path: Path, *, model: str = "m@1", full: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(os.urandom(100))
    record = Recognition(path, model, genre="low", confidence=0.9, full=full)
    library.tracks.store(FileSnapshot(path), record)


def test_known_without_reading_the_audio(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    store(library, path)
    tracks = library.tracks
    assert tracks.knows(FileSnapshot(path)) and tracks.knows(FileSnapshot(path), RecordFilter("m@1"))
    assert not tracks.knows(FileSnapshot(path), RecordFilter("other@2"))
    assert not tracks.knows(FileSnapshot(path), RecordFilter(None, full=True))
    os.utime(path, ns=(1, 1))
    assert not tracks.knows(FileSnapshot(path))
    (tmp_path / "b.mp3").touch()
    assert not tracks.knows(FileSnapshot(tmp_path / "b.mp3"))


def test_the_entry_stays_the_same_while_a_file_is_moved(library: Library, tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    store(library, path)
    before = library.tracks.entry(os.fsencode(path))
    assert before is not None and before[2] == "m@1"
    moved = path.rename(tmp_path / "b.mp3")
    assert library.tracks.find(FileSnapshot(moved)) is not None
    assert library.tracks.entry(os.fsencode(moved)) == before
    assert library.tracks.entry(os.fsencode(path)) is None
    library.tracks.store(FileSnapshot(moved), Recognition(moved, "m@2", genre="high", confidence=0.9))
    assert library.tracks.entry(os.fsencode(moved)) != before


def test_missing_files(library: Library, tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "1.mp3", tmp_path / "a" / "2.mp3", tmp_path / "ab" / "3.mp3"]
    for path in paths:
        store(library, path)
    assert library.tracks.missing([tmp_path]) == []
    for path in paths[1:]:
        path.unlink()
    assert [path for _, path in library.tracks.missing([tmp_path])] == paths[1:]
    assert [path for _, path in library.tracks.missing([tmp_path / "a"])] == [paths[1]]
    assert library.tracks.missing([paths[1]]) == [(library.tracks.entry(os.fsencode(paths[1]))[0], paths[1])]
    assert library.tracks.missing([paths[0]]) == []
