"""Files whose time of change is far away: before 1901, or after 2262, where 64 bits end."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import tagged

from genrelab.cli.main import main
from genrelab.library import CachedRecognizer, Library, Tagger, TagPolicy
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognizer

YEAR = 31_556_952  # seconds
TIMES = {
    "2300": 330 * YEAR,
    "2262": 9_223_372_037,
    "1890": -80 * YEAR,
    "1600": -370 * YEAR,
    "1970": 0,
    "1969": -1,
    "36000": 2**40,
}


@pytest.fixture
def any_time() -> Iterator[Path]:
    """A folder on a disk that keeps any time; ext4 knows 1901 to 2446 only."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name).resolve()


def set_time(path: Path, seconds: int, nanoseconds: int = 7) -> bool:
    """Set the time of change; return whether the disk has taken it."""
    whole = seconds * 10**9 + nanoseconds
    try:
        os.utime(path, ns=(whole, whole))
    except (OverflowError, OSError):
        return False
    return os.stat(path).st_mtime_ns == whole


@pytest.mark.parametrize("year", list(TIMES))
def test_known_the_second_time_and_tagged(
    year: str, any_time: Path, recognizer: Recognizer, library: Library
) -> None:
    song = tagged.make(any_time, "mp3-24")
    kept = set_time(song, TIMES[year])
    if not kept and year != "1890":
        pytest.skip("this disk does not keep such times")
    status = os.stat(song)
    for known in (0, 1):
        cached = CachedRecognizer(recognizer, library)
        said = cached(song)
        assert (said.error, said.warning, cached.recalled) == (None, None, known)
    assert os.stat(song).st_mtime_ns == status.st_mtime_ns
    assert FileSnapshot(song).is_still()
    (record,) = Tagger(library).tag([song], TagPolicy("overwrite"), write=True)
    assert record.status == "written", record
    set_time(song, TIMES[year])
    (record,) = Tagger(library).undo([song])
    assert record.status == "undone", record


def test_times_are_distinguished(any_time: Path) -> None:
    song = any_time / "x"
    song.touch()
    seen = set()
    for seconds in TIMES.values():
        for nanoseconds in (0, 1):
            set_time(song, seconds, nanoseconds)
            found = FileSnapshot(song).mtime_ns
            assert -(2**63) <= found < 2**63
            seen.add((os.stat(song).st_mtime_ns, found))
    assert len({time for time, _ in seen}) == len({found for _, found in seen}) >= 8
    set_time(song, 0, 123)
    assert FileSnapshot(song).mtime_ns == 123  # others are what they are


def test_a_run_with_one_such_file_is_done(
    any_time: Path, tiny_model: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(music, any_time / "music")
    set_time(any_time / "music" / "b.flac", TIMES["2300"])
    set_time(any_time / "music" / "album", TIMES["1890"])
    command = ["recognize", str(any_time / "music"), "--model", str(tiny_model), "--format", "json"]
    for _ in range(2):
        assert main([*command, "--library", str(tmp_path / "l.db")]) == 0
        captured = capsys.readouterr()
        assert [record["error"] for record in json.loads(captured.out)] == [None] * 4
    assert "4 of 4 were known" in captured.err
