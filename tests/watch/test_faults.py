"""A full disk, a locked library, a watcher that is killed: nothing is lost."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

import pytest
from disks import fill, small_disk
from raising import raises
from watching import Running, Start, song

from genrelab.files import only_one
from genrelab.library import Library
from genrelab.library.store import database
from genrelab.watch.folders import check_folders
from genrelab.watch.owed import Owed, watching_alone


@pytest.mark.needs("mount")
def test_a_full_disk_under_the_library(box: Path, tmp_path: Path, tiny_model: Path) -> None:
    with small_disk(tmp_path, kib=512) as disk, Library(disk / "library.db") as library:
        filler = fill(disk)
        path = song(box / "a.flac")
        watcher = Running(library, tiny_model, [box])
        assert watcher.wait("problem").code in ("watch-unstored", "library-disk-full", "library-disk-fault")
        filler.unlink()
        watcher.wait("recognized", path)
        watcher.end()
        assert library.tracks.entry(os.fsencode(path)) is not None


@pytest.mark.needs("mount")
def test_a_full_disk_under_the_music(tmp_path: Path, library: Library, tiny_model: Path) -> None:
    with small_disk(tmp_path, kib=1024) as disk:
        path = song(disk / "a.mp3", seconds=8.0)
        filler = fill(disk)
        before = path.read_bytes()
        watcher = Running(library, tiny_model, [disk], write=True)
        assert watcher.wait("problem", path).code == "ENOSPC"
        assert path.read_bytes() == before
        filler.unlink()
        assert watcher.wait("recognized", path).tags.status == "written"
        watcher.end()


def test_a_library_that_is_locked(
    box: Path, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_WAIT_SECONDS", 0.5)
    with Library(tmp_path / "library.db") as library:
        watcher = Running(library, tiny_model, [box])
        watcher.wait("watching")
        other = sqlite3.connect(library.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        path = song(box / "a.flac")
        watcher.wait("problem")
        other.execute("ROLLBACK")
        other.close()
        watcher.wait("recognized", path)
        watcher.end()


def test_tags_wait_for_another_process(start: Start, box: Path, library: Library) -> None:
    path = song(box / "a.flac")
    with only_one(library.path.with_name(f"{library.path.name}.tagging")):
        watcher = start(box, write=True)
        assert watcher.wait("problem", path).code == "library-tagging-elsewhere"
    assert watcher.wait("recognized", path).tags.status == "written"
    assert watcher.kinds() == ["problem", "recognized"]


def test_owed_tags_outlive_the_process(tmp_path: Path) -> None:
    place = tmp_path / "owed"
    Owed(place).add([Path("/a"), Path(os.fsdecode(b"/\xff"))])
    found = Owed(place)
    assert [*found] == [Path("/a"), Path(os.fsdecode(b"/\xff"))] and Path("/a") in found
    found.settle([Path("/a")])
    assert Path("/a") not in Owed(place)


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1}', b"[1, null]", b'["relative"]', b"[" * 100_000])
def test_a_damaged_list_is_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "owed").write_bytes(content)
    assert [*Owed(tmp_path / "owed")] == []


def test_tags_that_are_owed_are_written_at_the_start(start: Start, box: Path, library: Library) -> None:
    """As after a kill between the recognition and the tags."""
    path, known = song(box / "a.flac"), song(box / "b.flac", "high")
    watcher = start(box)
    watcher.wait("recognized", path), watcher.wait("recognized", known)
    watcher.end()
    library.path.with_name("owed").write_text(json.dumps([str(path), str(box / "vanished.flac")]))
    watcher = start(box, write=True)
    assert watcher.wait("recognized", path).tags.status == "written"
    watcher.end()
    assert watcher.kinds() == ["recognized"]
    assert path not in Owed(library.path.with_name("owed"))


def test_two_watchers_of_one_folder(tmp_path: Path) -> None:
    library = tmp_path / "library.db"
    with (
        watching_alone(library, [tmp_path]),
        raises("watch-elsewhere", library),
        watching_alone(library, [tmp_path]),
    ):
        pass
    with watching_alone(library, [tmp_path]), watching_alone(library, [tmp_path / "other"]):
        pass


def test_folders_that_cannot_be_watched(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "a" / "b").mkdir(parents=True)
    with raises("watch-no-folder", "missing"):
        check_folders([tmp_path / "missing"])
    with raises("watch-no-folder", "file"):
        check_folders([tmp_path / "file"])
    with raises("watch-nothing"):
        check_folders([])
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert check_folders([tmp_path / "a" / "b", tmp_path / "a", tmp_path / "a", tmp_path / "link"]) == [
        tmp_path / "a"
    ]
