"""Processes that are killed: nothing is lost, done twice or left behind."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tagged
from disks import quick_folder
from dying_at_lines import Dying
from warm import Warm

from genrelab.library import Library, Tagger, TagPolicy
from genrelab.recognize import Recognition
from genrelab.recognize.recognition import RankedGenre

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL, fork")

TRACKS = (
    "size, sound, model, settings, version, duration, genre, confidence, genres, timeline, embedding, error"
)
CHANGES = "draft, state, undoes, sound, tag_before, tag_after, file_before, file_after"


def contents(database: Path, music: Path) -> dict[str, list[tuple]]:
    """Everything in a library but ids and times, with paths below the music's folder."""
    found = {}
    connection = sqlite3.connect(database)
    for table, columns in (("tracks", TRACKS), ("changes", CHANGES)):
        rows = connection.execute(f"SELECT path, {columns} FROM {table}").fetchall()
        found[table] = sorted((os.path.relpath(path, os.fsencode(music)), *rest) for path, *rest in rows)
    connection.close()
    return found


def run_to_the_end(*arguments: str | Path) -> tuple[float, float]:
    """Run a command; return the seconds to its first output, and from there to its end."""
    started = time.monotonic()
    process = Warm(*map(str, arguments))
    begin = process.output.read(1)
    began = time.monotonic()
    output = begin + process.end()
    assert process.returncode == 0, [
        line for line in output.splitlines() if b'"status": "error"' in line or b'"error": "' in line
    ]
    return began - started, time.monotonic() - began


def kill_often(
    times: int, seconds: tuple[float, float], rng: np.random.Generator, *arguments: str | Path
) -> int:
    """Start a command again and again and kill it; return how often it worked.

    Most are killed while they work, on their share of the whole, every fifth before its first output.
    """
    killed = 0
    for number in range(times):
        process = Warm(*map(str, arguments))
        if number % 5 == 4:
            time.sleep(rng.uniform(0.0, seconds[0]))
        else:
            process.output.read(1)
            time.sleep(rng.uniform(0.0, 0.5 * seconds[1] / times))
        process.send_signal(signal.SIGKILL)
        process.end()
        killed += process.returncode == -signal.SIGKILL
    return killed


def make_music(folder: Path, count: int) -> None:
    kinds = list(tagged.KINDS)
    for number in range(count):
        place = folder / f"{number // 40}"
        place.mkdir(parents=True, exist_ok=True)
        frequency = (200.0, 1000.0, 3000.0)[number % 3] + number / 50
        path = tagged.make(place, kinds[number % len(kinds)], frequency=frequency, seconds=0.3)
        path.rename(path.with_stem(f"{number:03}"))


@dataclass(frozen=True)
class Seen:
    """A folder of songs as it was at one moment: of each song, by its path in the folder."""

    bytes: dict[Path, bytes]
    samples: dict[Path, str]
    by_mutagen: dict[Path, list[str]]
    by_ffmpeg: dict[Path, dict[str, object]]
    by_ffprobe: dict[Path, dict[str, object] | None]
    genres: dict[Path, tuple[str, ...]]
    library: dict[str, list[tuple]]

    @classmethod
    def look(cls, folder: Path) -> Seen:
        """Look at all files that are there."""
        found = sorted(path for path in folder.rglob("*") if path.is_file())
        views = {path.relative_to(folder): _views(path, path.read_bytes()) for path in found}
        database = folder.with_suffix(".db")
        return cls(
            *({path: view[number] for path, view in views.items()} for number in range(6)),
            contents(database, folder) if database.exists() else {},
        )


_KNOWN: dict[tuple[str, bytes], tuple[Any, ...]] = {}


def _views(path: Path, data: bytes) -> tuple[Any, ...]:
    """Return the bytes of a file and what five readers see in it; equal files are read once."""
    key = path.suffix, hashlib.sha256(data).digest()
    if key not in _KNOWN:
        looks = (
            *(tagged.samples, tagged.as_mutagen_sees, tagged.as_ffmpeg_sees),
            *(tagged.as_ffprobe_sees, tagged.genres),
        )
        _KNOWN[key] = tuple(look(path) for look in looks)
    return data, *_KNOWN[key]


@pytest.mark.parametrize(
    ("count", "kills"),
    [
        pytest.param(len(tagged.KINDS), 5, marks=pytest.mark.slow(seconds=60)),
        pytest.param(500, 20, marks=pytest.mark.long(seconds=250)),
    ],
)
def test_killed_at_random_moments(count: int, kills: int, tiny_model: Path) -> None:
    with quick_folder() as folder:
        _check_kills(count, kills, tiny_model, folder)


def _check_kills(count: int, kills: int, tiny_model: Path, folder: Path) -> None:
    """Of two equal folders one is recognized and tagged undisturbed, one with so many kills at each."""
    quiet, killed = folder / "quiet", folder / "killed"
    make_music(quiet, count)
    shutil.copytree(quiet, killed)
    untagged = Seen.look(quiet)
    assert len(untagged.bytes) == count
    rng = np.random.default_rng(count)

    def commands(music: Path) -> list[list[str | Path]]:
        library = ["--library", music.with_suffix(".db")]
        return [
            ["recognize", music, "--model", tiny_model, "--jobs", "2", "--format", "jsonl", *library],
            ["tag", music, "--write", "--overwrite", "--format", "json", *library],
        ]

    for undisturbed, disturbed in zip(commands(quiet), commands(killed), strict=True):
        seconds = run_to_the_end(*undisturbed)
        died = kill_often(kills, seconds, rng, *disturbed)
        run_to_the_end(*disturbed)
        # Fewer would show little; but a machine may turn faster meanwhile, and end before it is killed.
        assert 2 * died >= kills
    seen = Seen.look(killed)
    assert list(seen.bytes) == list(untagged.bytes)  # nothing is left, nothing gone
    assert seen == Seen.look(quiet)  # the library too
    assert [len(rows) for rows in seen.library.values()] == [count, count]
    assert seen.samples == untagged.samples
    assert seen.by_mutagen == untagged.by_mutagen
    assert (seen.by_ffmpeg, seen.by_ffprobe) == (untagged.by_ffmpeg, untagged.by_ffprobe)
    assert {genres[0] for genres in seen.genres.values()} == {"low", "middle", "high"}

    run_to_the_end("tag", killed, "--undo", "--format", "json", "--library", killed.with_suffix(".db"))
    undone = Seen.look(killed)
    assert undone.library["changes"] == []
    assert (undone.samples, undone.by_ffmpeg) == (untagged.samples, untagged.by_ffmpeg)
    had = {song: genres for song, genres in untagged.genres.items() if genres}
    assert {song: undone.genres[song] for song in had} == had
    assert sorted(os.listdir(folder)) == [
        *("killed", "killed.db", "killed.db.tagging", "quiet", "quiet.db", "quiet.db.tagging")
    ]


@pytest.mark.needs("ffprobe")  # elsewhere FFmpeg's library and mutagen alone are asked
def test_ffprobe_is_asked(tmp_path: Path) -> None:
    for kind in ("mp3-23", "m4a", "ogg"):
        seen = tagged.as_ffprobe_sees(tagged.make(tmp_path, kind))
        assert seen is not None and seen["title"] == "Lied ohne Wörter"


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize("stride", [16, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_every_line_of_a_change(undo: bool, stride: int, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    song, database = tagged.make(folder, "mp3-all"), tmp_path / "l.db"
    with Library(database) as library:
        from genrelab.library.store.file_snapshot import FileSnapshot

        said = Recognition(song, "m", genre="Ska", confidence=0.9, genres=(RankedGenre("Ska", 0.9),))
        library.tracks.store(FileSnapshot(song), said)
        untagged = song.read_bytes()
        (record,) = Tagger(library).tag([song], TagPolicy("overwrite"), write=True)
        assert record.status == "written"
        written = song.read_bytes()
        if not undo:
            (record,) = Tagger(library).undo([song])
            assert record.status == "undone"
    start, goal = (written, untagged) if undo else (untagged, written)
    states = set()
    dying = Dying(database, song, undo=undo)
    for line in range(1, 1000, stride):
        if dying.at(line):
            break
        after_kill = song.read_bytes()
        with Library(database) as library:
            Tagger(library).recover()
            assert not library.journal.unfinished()
            assert os.listdir(folder) == [song.name]
            assert song.read_bytes() == after_kill  # whole, old or new
            reached = after_kill == goal
            assert reached or after_kill == start
            assert library.journal.count() == (after_kill == written)
            states.add(reached)
            if reached:
                undone = Tagger(library).tag([song], TagPolicy("overwrite"), write=True)
                (record,) = undone if undo else Tagger(library).undo([song])
                assert record.status != "error", record
            assert song.read_bytes() == start
    dying.close()
    assert states == {False, True}
    assert line > 40
    assert song.read_bytes() == goal
