"""Files that arrive, grow, move and vanish under a running watcher."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import mutagen.flac
import pytest
from watching import Start, song

from genrelab.library import Library, Tagger


def genre_of(path: Path) -> list[str]:
    return mutagen.flac.FLAC(path).get("genre", [])


def test_what_is_there_and_what_arrives(start: Start, box: Path) -> None:
    first = song(box / "first.flac")
    watcher = start(box)
    watcher.wait("watching", box)
    assert watcher.wait("recognized", first).recognition.genre == "low"
    second = song(box / "new" / "deep" / "second.mp3", "high")
    assert watcher.wait("recognized", second).recognition.genre == "high"
    third = song(box / "new" / "third.ogg", "middle")
    watcher.wait("recognized", third)
    song(box / "cover.flac.jpg.flac", "low")
    (box / "cover.jpg").write_bytes(b"\xff\xd8")
    (box / ".hidden.flac").write_bytes(b"fLaC")
    watcher.wait("recognized", box / "cover.flac.jpg.flac")
    assert watcher.kinds() == ["recognized"] * 4


@pytest.mark.slow
def test_a_file_that_grows_is_recognized_once(start: Start, box: Path, tmp_path: Path) -> None:
    whole = song(tmp_path / "whole.mp3", "high", 30.0).read_bytes()
    watcher = start(box, settle_seconds=1.0)
    path = box / "slow.mp3"
    for piece in range(8):  # opened and closed for each piece, as over a network
        with path.open("ab") as file:
            file.write(whole[piece * len(whole) // 8 : (piece + 1) * len(whole) // 8])
        time.sleep(0.4)
    record = watcher.wait("recognized", path).recognition
    assert (record.genre, round(record.duration)) == ("high", 30)
    song(box / "last.flac")
    watcher.wait("recognized", box / "last.flac")
    assert watcher.kinds(path) == ["recognized"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="leases are Linux's")
def test_a_stalled_download_waits_while_it_is_open(start: Start, box: Path, tmp_path: Path) -> None:
    whole = song(tmp_path / "whole.flac", "high", 10.0).read_bytes()
    watcher = start(box)
    path = box / "stalled.flac"
    with path.open("wb") as file:
        file.write(whole[:50_000])
        file.flush()
        song(box / "other.flac")
        watcher.wait("recognized", box / "other.flac")
        time.sleep(1.0)
        assert watcher.kinds(path) == []
        file.write(whole[50_000:])
    assert watcher.wait("recognized", path).recognition.duration == 10.0


def test_renamed_into_place_as_downloaders_do(start: Start, box: Path, tmp_path: Path) -> None:
    watcher = start(box)
    path = box / "firefox.flac"
    path.touch()  # Firefox reserves the name, and writes beside it
    part = song(tmp_path / "part.flac")
    shutil.copy(part, box / "firefox.flac.part")
    shutil.copy(part, box / "chrome.flac.crdownload")
    shutil.copy(part, box / ".rsync.flac.x1Y2")
    song(box / "other.flac", "middle")
    watcher.wait("recognized", box / "other.flac")
    time.sleep(1.0)
    assert watcher.kinds() == ["recognized"]
    (box / "firefox.flac.part").replace(path)
    (box / "chrome.flac.crdownload").rename(box / "chrome.flac")
    (box / ".rsync.flac.x1Y2").rename(box / "rsync.flac")
    for name in ("firefox.flac", "chrome.flac", "rsync.flac"):
        assert watcher.wait("recognized", box / name).recognition.genre == "low"
    assert watcher.kinds() == ["recognized"] * 4


def test_a_changed_file_is_recognized_again(start: Start, box: Path) -> None:
    path = song(box / "a.flac", "low")
    watcher = start(box)
    watcher.wait("recognized", path)
    song(path, "high")
    assert watcher.wait("recognized", path, count=2).recognition.genre == "high"


@pytest.mark.slow
def test_moves_keep_the_result(start: Start, box: Path, library: Library) -> None:
    one, two = song(box / "one.flac"), song(box / "album" / "two.flac", "high")
    watcher = start(box, forget_missing=True)
    watcher.wait("recognized", one), watcher.wait("recognized", two)
    numbers = {path: library.tracks.entry(os.fsencode(path))[0] for path in (one, two)}
    one.rename(box / "renamed.flac")
    (box / "album").rename(box / "other")
    assert watcher.wait("moved", box / "renamed.flac").before == one
    assert watcher.wait("moved", box / "other" / "two.flac").before == two
    assert library.tracks.entry(os.fsencode(box / "renamed.flac"))[0] == numbers[one]
    time.sleep(3.0)
    assert sorted(watcher.kinds()) == ["moved", "moved", "recognized", "recognized"]


@pytest.mark.slow
def test_a_deleted_file_is_noted_and_forgotten_only_if_asked(
    start: Start, box: Path, library: Library
) -> None:
    path = song(box / "a.flac")
    song(box / "stays.flac", "high")
    watcher = start(box)
    watcher.wait("recognized", path), watcher.wait("recognized", box / "stays.flac")
    path.unlink()
    watcher.wait("gone", path)
    assert library.tracks.entry(os.fsencode(path)) is not None
    watcher.end()
    watcher = start(box, forget_missing=True)
    watcher.wait("forgotten", path)
    assert library.tracks.entry(os.fsencode(path)) is None
    assert [record.path.name for record in library.tracks.all()] == ["stays.flac"]


def test_what_arrived_in_between_is_found_at_the_start(start: Start, box: Path) -> None:
    known = song(box / "known.flac")
    watcher = start(box)
    watcher.wait("recognized", known)
    watcher.end()
    new = song(box / "new.flac", "high")
    known.rename(box / "moved.flac")
    watcher = start(box)
    watcher.wait("recognized", new), watcher.wait("moved", box / "moved.flac")
    watcher.end()
    assert sorted(watcher.kinds()) == ["moved", "recognized"]
    watcher = start(box)
    song(box / "last.flac", "middle")
    watcher.wait("recognized", box / "last.flac")
    assert watcher.kinds() == ["recognized"]


@pytest.mark.parametrize("poll", [None, 0.2])
def test_no_initial_scan(poll: float | None, start: Start, box: Path) -> None:
    old = song(box / "old.flac")
    watcher = start(box, initial_scan=False, poll_seconds=poll)
    watcher.wait("polling" if poll else "watching")
    time.sleep(0.5)  # the first look of a watcher that polls comes after it says so
    new = song(box / "new.flac", "high")
    watcher.wait("recognized", new)
    assert watcher.kinds(old) == []
    song(old, "middle")
    assert watcher.wait("recognized", old).recognition.genre == "middle"


def test_exclude_and_marks_hold(start: Start, box: Path) -> None:
    (box / "audiobooks").mkdir()
    (box / "hidden").mkdir()
    (box / "hidden" / ".nomedia").touch()
    watcher = start(box, exclude=("audiobooks", "*.wav"))
    watcher.wait("watching")
    song(box / "audiobooks" / "a.flac"), song(box / "b.wav"), song(box / "hidden" / "deep" / "c.flac")
    song(box / "d.flac", "high")
    watcher.wait("recognized", box / "d.flac")
    time.sleep(1.0)
    assert watcher.kinds() == ["recognized"]


def test_a_file_that_is_no_sound_fails_once(start: Start, box: Path) -> None:
    path = box / "broken.mp3"
    path.write_bytes(b"nothing like it" * 100)
    watcher = start(box, poll_seconds=0.2)
    assert str(path) in watcher.wait("failed", path).message
    time.sleep(1.5)
    assert watcher.kinds() == ["failed"]


class TestTags:
    def test_they_are_written_once(self, start: Start, box: Path, library: Library) -> None:
        path = song(box / "a.flac")
        watcher = start(box, write=True)
        event = watcher.wait("recognized", path)
        assert (event.tags.status, event.tags.after, genre_of(path)) == ("written", ("low",), ["low"])
        stamp = os.stat(path).st_mtime_ns
        song(box / "b.flac", "high")
        watcher.wait("recognized", box / "b.flac")
        time.sleep(2.0)
        assert watcher.kinds() == ["recognized", "recognized"]
        assert os.stat(path).st_mtime_ns == stamp
        assert library.journal.count() == 2

    def test_without_write_files_do_not_change(self, start: Start, box: Path) -> None:
        from genrelab.library import TagPolicy

        path = song(box / "a.flac")
        before = path.read_bytes()
        event = start(box, policy=TagPolicy()).wait("recognized", path)
        assert (event.tags.status, event.tags.after) == ("would write", ("low",))
        assert path.read_bytes() == before

    def test_an_undone_or_edited_tag_stays(self, start: Start, box: Path, library: Library) -> None:
        undone, edited = song(box / "a.flac"), song(box / "b.flac", "high")
        watcher = start(box, write=True)
        watcher.wait("recognized", undone), watcher.wait("recognized", edited)
        assert [record.status for record in Tagger(library).undo([undone])] == ["undone"]
        tagged = mutagen.flac.FLAC(edited)
        tagged["genre"] = "Mine"
        tagged.save()
        song(box / "c.flac", "middle")
        watcher.wait("recognized", box / "c.flac")
        time.sleep(1.0)
        assert (genre_of(undone), genre_of(edited)) == ([], ["Mine"])
        watcher.end()
        watcher = start(box, write=True)
        song(box / "d.flac", "low", 3.0)
        watcher.wait("recognized", box / "d.flac")
        assert (genre_of(undone), genre_of(edited)) == ([], ["Mine"])

    def test_a_moved_file_is_not_tagged_again_but_a_copy_is(
        self, start: Start, box: Path, tmp_path: Path
    ) -> None:
        path, spare = song(box / "a.flac"), song(tmp_path / "spare.flac")
        watcher = start(box, write=True)
        watcher.wait("recognized", path)
        tagged = mutagen.flac.FLAC(path)
        tagged["genre"] = "Mine"
        tagged.save()
        path.rename(box / "b.flac")
        watcher.wait("moved", box / "b.flac")
        shutil.copy(spare, box / "copy.flac")
        watcher.wait("recognized", box / "copy.flac")
        assert (genre_of(box / "b.flac"), genre_of(box / "copy.flac")) == (["Mine"], ["low"])


@pytest.mark.slow
def test_a_folder_that_vanishes_and_returns(
    start: Start, box: Path, tmp_path: Path, library: Library
) -> None:
    other = tmp_path / "other"
    path, there = song(box / "a.flac"), song(other / "b.flac", "high")
    watcher = start(box, other, forget_missing=True)
    watcher.wait("recognized", path), watcher.wait("recognized", there)
    box.rename(tmp_path / "away")
    assert watcher.wait("folder-gone", box).code == "watch-folder-gone"
    song(other / "c.flac", "middle")
    watcher.wait("recognized", other / "c.flac")
    time.sleep(3.0)
    assert library.tracks.entry(os.fsencode(path)) is not None
    (tmp_path / "away").rename(box)
    watcher.wait("folder-back", box)
    new = song(box / "d.flac", "high", 3.0)
    watcher.wait("recognized", new)
    assert watcher.kinds(path) == ["recognized"]


@pytest.mark.slow
def test_an_empty_folder_where_a_drive_was(start: Start, box: Path, tmp_path: Path, library: Library) -> None:
    """As after an unmount: the mount point is there, empty, and another folder than before."""
    path = song(box / "a.flac")
    watcher = start(box, forget_missing=True)
    watcher.wait("recognized", path)
    box.rename(tmp_path / "away")
    box.mkdir()
    watcher.wait("folder-gone", box)
    time.sleep(3.0)
    assert library.tracks.entry(os.fsencode(path)) is not None
    watcher.end()
    watcher = start(box, forget_missing=True)  # started before the drive is mounted
    time.sleep(3.5)
    assert library.tracks.entry(os.fsencode(path)) is not None and watcher.kinds() == []


@pytest.mark.skipif(os.name != "posix", reason="names of bytes")
@pytest.mark.slow
def test_hostile_names(start: Start, box: Path) -> None:
    watcher = start(box)
    watcher.wait("watching")
    names = [b"\xff\xfe.flac", b"x\x1b[31m\n.flac", b"-rf.flac", "‮cod.flac".encode(), b"{path} $(id).flac"]
    for number, name in enumerate(names):
        spare = song(box.parent / "spare.flac", "low", 2.0 + number)
        shutil.move(spare, Path(os.fsdecode(os.fsencode(box) + b"/" + name)))
    for name in names:
        watcher.wait("recognized", Path(os.fsdecode(os.fsencode(box) + b"/" + name)))
    plain = song(box / "plain.flac", "high")
    watcher.wait("recognized", plain)
    assert watcher.kinds() == ["recognized"] * 6


def test_links_to_folders_are_followed(start: Start, box: Path, tmp_path: Path) -> None:
    path = song(tmp_path / "elsewhere" / "a.flac")
    (box / "link").symlink_to(path.parent)
    (box / "link" / "loop").symlink_to(box)
    watcher = start(box)
    watcher.wait("recognized", box / "link" / "a.flac")
    watcher.wait("problem", code="watch-scan")
    watcher.wait("recognized", song(box / "link" / "b.flac", "high"))
