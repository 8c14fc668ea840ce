"""When a file counts as complete."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from genrelab.watch.settling import (
    UNFINISHED_SUFFIXES,
    Settling,
    Stamp,
    is_unfinished,
    is_written,
    stamp_of,
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def write(path: Path, content: bytes = b"x") -> Stamp:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    stamp = stamp_of(path)
    assert stamp is not None
    return stamp


def test_complete_after_some_seconds_without_change(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.mp3"
    settling = Settling(5.0, clock=clock)
    settling.add(path, write(path))
    clock.now = 104.0
    assert settling.complete() == {}
    write(path, b"more")
    clock.now = 105.0
    assert settling.complete() == {}  # it has changed unnoticed
    clock.now = 109.9
    assert settling.complete() == {} and path in settling
    clock.now = 110.0
    assert settling.complete() == {path: 100.0}
    assert len(settling) == 0 and settling.complete() == {}


def test_a_notice_of_no_change_does_not_start_again(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.mp3"
    settling = Settling(5.0, clock=clock)
    stamp = write(path)
    settling.add(path, stamp)
    clock.now = 104.0
    settling.add(path, stamp)
    clock.now = 105.0
    assert settling.complete() == {path: 100.0}


def test_a_file_that_vanishes_waits_no_longer(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.mp3"
    settling = Settling(1.0, clock=clock)
    settling.add(path, write(path))
    path.unlink()
    clock.now += 2
    assert settling.complete() == {} and len(settling) == 0


def test_together(tmp_path: Path, clock: Clock) -> None:
    """An album is complete when its last track is; another folder does not wait for it."""
    one, two, other = tmp_path / "a" / "1.mp3", tmp_path / "a" / "2.mp3", tmp_path / "b" / "1.mp3"
    settling = Settling(5.0, together=True, clock=clock)
    settling.add(one, write(one))
    settling.add(other, write(other))
    clock.now = 103.0
    settling.add(two, write(two))
    clock.now = 105.0
    assert [*settling.complete()] == [other]
    clock.now = 108.0
    assert [*settling.complete()] == [one, two]


@pytest.mark.parametrize("suffix", UNFINISHED_SUFFIXES)
def test_an_unfinished_name_beside_it(suffix: str, tmp_path: Path, clock: Clock) -> None:
    path, part = tmp_path / "a.mp3", tmp_path / f"a.mp3{suffix}"
    settling = Settling(5.0, clock=clock)
    settling.add(path, write(path))
    write(part)
    clock.now = 200.0
    assert is_unfinished(path) and settling.complete() == {}
    part.unlink()
    clock.now = 205.0
    assert [*settling.complete()] == [path]


def test_an_abandoned_part_does_not_hold_a_file_back_for_ever(tmp_path: Path, clock: Clock) -> None:
    path, part = tmp_path / "a.mp3", tmp_path / "a.mp3.part"
    settling = Settling(5.0, clock=clock)
    settling.add(path, write(path))
    write(part)
    clock.now = 100.0 + 3601.0
    assert [*settling.complete()] == [path]
    os.utime(part, (time.time() - 3700, time.time() - 3700))
    assert not is_unfinished(path)


@pytest.mark.skipif(sys.platform != "linux", reason="leases are Linux's")
def test_open_for_writing(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "a.mp3"
    settling = Settling(5.0, clock=clock)
    settling.add(path, write(path))
    clock.now = 200.0
    with path.open("ab"):
        assert is_written(path) and settling.complete() == {}
    with path.open("rb"):
        assert not is_written(path)
    clock.now = 205.0
    assert [*settling.complete()] == [path]
    assert not is_written(tmp_path / "missing")
