"""Steps of the loop, one at a time: what would take luck to see in a running watcher."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from watching import song

from genrelab.library import CachedRecognizer, Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognition, Recognizer
from genrelab.watch import watcher as loop
from genrelab.watch.event import Event
from genrelab.watch.missing import MissingFiles
from genrelab.watch.settings import WatchSettings
from genrelab.watch.watcher import Watcher
from genrelab.watch.work import Work


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def watcher(library: Library, tiny_model: Path, box: Path, events: list[Event]) -> Watcher:
    work = Work(CachedRecognizer(Recognizer.load(tiny_model, threads=1), library, any_model=True))
    return Watcher(WatchSettings((box,), settle_seconds=0.0, poll_seconds=0.1), work, events.append)


def test_files_that_wait_for_recognition_are_queued_once(
    watcher: Watcher, box: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the files are looked at meanwhile, as with a long backlog on a network drive."""
    monkeypatch.setattr(loop, "_TURN_SECONDS", -1.0)  # nothing is ever worked off
    song(box / "a.flac")
    watcher._start()
    for _ in range(4):
        time.sleep(0.15)
        watcher._turn()
    assert [*watcher._ready, *watcher._backlog] == [box / "a.flac"] and len(watcher._settling) == 0


def test_a_new_folder_is_looked_at_again(watcher: Watcher, box: Path, events: list[Event]) -> None:
    """Files may come into it before the system watches it."""
    watcher._start()
    watcher._poll_at = watcher._look_at = float("inf")
    (box / "new").mkdir()
    watcher._note({box / "new"})
    song(box / "new" / "unnoticed.flac")
    deadline = time.monotonic() + 20
    while "recognized" not in [event.kind for event in events] and time.monotonic() < deadline:
        time.sleep(0.1)
        watcher._turn()
    assert [event.path for event in events if event.kind == "recognized"] == [box / "new" / "unnoticed.flac"]


def test_what_is_new_comes_before_what_was_there(watcher: Watcher, box: Path, events: list[Event]) -> None:
    for number in range(40):
        song(box / "old" / f"{number:02}.flac", seconds=1.0 + number / 8)
    watcher._start()
    new = song(box / "new.flac", "high")
    watcher._note({new})
    watcher._turn()
    order = [event.path for event in events if event.kind == "recognized"]
    assert order[0] == new


def test_a_missing_file_is_not_gone_while_it_may_be_moved(library: Library, box: Path) -> None:
    path = box / "a.mp3"
    path.write_bytes(b"x")
    (box / "other.mp3").touch()
    library.tracks.store(FileSnapshot(path), Recognition(path, "m@1", genre="low", confidence=0.9))
    path.unlink()
    missing = MissingFiles(library.tracks, [box], forget=True, wait_seconds=-2.0)
    noticed = time.monotonic()
    missing.look([path])
    assert missing.certain([noticed], [box]) == [] and len(missing) == 1  # a file that appeared then waits
    assert missing.certain([time.monotonic() - 60], []) == [] and len(missing) == 0  # its drive is away
    missing.look([box])
    (event,) = missing.certain([time.monotonic() - 60], [box])
    assert (event.kind, event.path) == ("forgotten", path)
    assert library.tracks.entry(os.fsencode(path)) is None
