"""Writing genres where the system refuses: no permission, no room, a disk that can only be read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tagged
from disks import fill, small_disk
from raising import raises
from tagged import only
from unprivileged import as_plain_user, open_folder

from genrelab.library import Library, Tagger, TagPolicy
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="permissions and disks as Linux has them")


def know(library: Library, path: Path) -> None:
    """Let a library have an answer to a file."""
    ranked = (RankedGenre("rock", 0.9),)
    answer = Recognition(path, "m@1", genre="rock", confidence=0.9, genres=ranked)
    library.tracks.store(FileSnapshot(path), answer)


def test_without_permission_files_are_left() -> None:
    """The folder may not be written; another's file may not; nor read."""
    with open_folder() as folder:
        music = folder / "music"
        music.mkdir()
        path = tagged.make(music, "flac")
        whole = path.read_bytes()
        with Library(folder / "l.db") as library:
            know(library, path)
            assert only(Tagger(library).tag([path], TagPolicy())).status == "would write"
        (folder / "l.db").chmod(0o666)

        def write() -> list[Any]:
            with Library(folder / "l.db") as library:
                record = only(Tagger(library).tag([path], TagPolicy(), write=True))
                assert not library.journal.unfinished()
            return [record.status, record.code, record.note]

        for folder_mode, mode, code in (
            (0o555, 0o666, "tag-folder-read-only"),
            (0o777, 0o644, "tag-file-read-only"),
            (0o777, 0o000, "EACCES"),
            (0o000, 0o666, "EACCES"),
        ):
            path.chmod(mode)
            music.chmod(folder_mode)
            status, found, note = as_plain_user(write)
            assert (status, found) == ("error", code) and str(path) in note, note
            music.chmod(0o777)
            assert path.read_bytes() == whole and os.listdir(music) == [path.name]
        path.chmod(0o666)
        assert as_plain_user(write) == ["written", None, None]


def test_a_really_full_disk(library: Library, tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        path = tagged.write_sound(disk / "x.wav", "wav", seconds=5.0)
        know(library, path)
        whole = path.read_bytes()
        record = only(Tagger(library).tag([path], TagPolicy(), write=True))
        assert (record.status, record.code) == ("error", "ENOSPC")
        assert path.read_bytes() == whole and os.listdir(disk) == ["x.wav"]
        assert not library.journal.unfinished()


def test_a_library_on_a_full_disk(tmp_path: Path) -> None:
    """What cannot be written down is not done; what was done can be taken back when there is room again."""
    music = tmp_path / "music"
    music.mkdir()
    paths = [tagged.make(music, kind) for kind in ("flac", "ogg", "mp3-24")]
    whole = {path: path.read_bytes() for path in paths}
    with small_disk(tmp_path) as disk:
        with Library(disk / "l.db") as library:
            for path in paths:
                know(library, path)
            tagger = Tagger(library)
            assert only(tagger.tag(paths[:1], TagPolicy(), write=True)).status == "written"
            filler = fill(disk)
            with raises("library-disk-full", "l.db"):
                for _ in range(100):  # there is some room in files that it has
                    list(tagger.tag(paths[1:], TagPolicy("overwrite"), write=True))
                    list(tagger.undo(paths[1:]))
        filler.unlink()
        with Library(disk / "l.db") as library:
            Tagger(library).recover()
            assert not library.journal.unfinished()
            assert sorted(os.listdir(music)) == sorted(path.name for path in paths)
            list(Tagger(library).undo(paths))
    assert {path: tagged.genres(path) for path in paths} == dict.fromkeys(paths, ())
    assert paths[0].read_bytes() == whole[paths[0]]


def test_a_disk_that_can_only_be_read(library: Library, tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        path = tagged.write_sound(disk / "x.wav", "wav")
        know(library, path)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        record = only(Tagger(library).tag([path], TagPolicy(), write=True))
        assert (record.status, record.code) == ("error", "tag-file-read-only")
        assert os.listdir(disk) == ["x.wav"] and not library.journal.unfinished()
