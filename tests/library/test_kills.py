"""Processes that are killed: nothing is lost, done twice or left behind."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tagged

from genrelab.library import Library, Tagger, Wish
from genrelab.library import journal as journal_module
from genrelab.library import rewrite as rewrite_module
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


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "genrelab", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def run_to_the_end(*arguments: str | Path) -> float:
    """Run a command; return the seconds from its first output to its end."""
    process = start(*arguments)
    assert process.stdout is not None
    begin = process.stdout.read(1)
    began = time.monotonic()
    output = begin + process.communicate(timeout=300)[0]
    assert process.returncode == 0, [line for line in output.splitlines() if b'"error": null' not in line]
    return time.monotonic() - began


def kill_often(times: int, seconds: float, rng: np.random.Generator, *arguments: str | Path) -> int:
    """Start a command again and again and kill it soon after its first output; return how often it worked."""
    killed = 0
    for _ in range(times):
        process = start(*arguments)
        assert process.stdout is not None
        process.stdout.read(1)
        time.sleep(rng.uniform(0.0, seconds))
        process.kill()
        process.communicate()
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


@pytest.mark.parametrize(("count", "kills"), [(33, 2), pytest.param(500, 10, marks=pytest.mark.slow)])
def test_killed_at_random_moments(count: int, kills: int, tiny_model: Path, tmp_path: Path) -> None:
    quiet, killed = tmp_path / "quiet", tmp_path / "killed"
    make_music(quiet, count)
    shutil.copytree(quiet, killed)
    songs = sorted(path.relative_to(quiet) for path in quiet.rglob("*.*"))
    assert len(songs) == count
    seen = {song: (tagged.samples(quiet / song), tagged.as_ffmpeg_sees(quiet / song)) for song in songs}
    by_mutagen = {song: tagged.as_mutagen_sees(quiet / song) for song in songs}
    rng = np.random.default_rng(count)

    def commands(music: Path) -> list[list[str | Path]]:
        library = ["--library", music.with_suffix(".db")]
        return [
            ["recognize", music, "--model", tiny_model, "--jobs", "2", "--format", "jsonl", *library],
            ["tag", music, "--write", "--overwrite", "--format", "json", *library],
        ]

    for undisturbed, disturbed in zip(commands(quiet), commands(killed), strict=True):
        seconds = run_to_the_end(*undisturbed)
        died = kill_often(kills, 0.7 * seconds / kills, rng, *disturbed)
        run_to_the_end(*disturbed)
        assert died == kills  # else this test would show little
    assert contents(killed.with_suffix(".db"), killed) == contents(quiet.with_suffix(".db"), quiet)
    assert sorted(path.relative_to(killed) for path in killed.rglob("*") if path.is_file()) == songs
    for song in songs:
        assert (killed / song).read_bytes() == (quiet / song).read_bytes()
        assert (tagged.samples(killed / song), tagged.as_ffmpeg_sees(killed / song)) == seen[song]
        assert tagged.as_mutagen_sees(killed / song) == by_mutagen[song]
        assert tagged.genres(killed / song)[0] in ("low", "middle", "high")
    run_to_the_end("tag", killed, "--undo", "--format", "json", "--library", killed.with_suffix(".db"))
    for song in songs:
        assert (tagged.samples(killed / song), tagged.as_ffmpeg_sees(killed / song)) == seen[song]
    assert not contents(killed.with_suffix(".db"), killed)["changes"]
    assert sorted(os.listdir(tmp_path)) == [
        *("killed", "killed.db", "killed.db.tagging", "quiet", "quiet.db", "quiet.db.tagging")
    ]


def _die_at(line: int, database: Path, song: Path, *, undo: bool) -> bool:
    """Write or take back a genre in a process that kills itself at its n-th line; whether it lived."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    files = {rewrite_module.__file__, journal_module.__file__}
    steps = 0

    def trace(frame, event, argument):
        nonlocal steps
        if frame.f_code.co_filename not in files:
            return None
        if event in ("line", "return"):
            steps += 1
            if steps == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace

    try:
        with Library(database) as library:
            tagger = Tagger(library)
            sys.settrace(trace)
            (record,) = tagger.undo([song]) if undo else tagger.tag([song], Wish("overwrite"), write=True)
            sys.settrace(None)
        os._exit(0 if record.status in ("written", "undone") else 1)
    finally:
        os._exit(2)


@pytest.mark.parametrize("undo", [False, True])
@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_at_every_line_of_a_change(undo: bool, stride: int, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    song, database = tagged.make(folder, "mp3-all"), tmp_path / "l.db"
    with Library(database) as library:
        from genrelab.library.sighting import Sighting

        said = Recognition(song, "m", genre="Ska", confidence=0.9, genres=(RankedGenre("Ska", 0.9),))
        library.tracks.store(Sighting(song), said)
        untagged = song.read_bytes()
        (record,) = Tagger(library).tag([song], Wish("overwrite"), write=True)
        assert record.status == "written"
        written = song.read_bytes()
        if not undo:
            (record,) = Tagger(library).undo([song])
            assert record.status == "undone"
    start, goal = (written, untagged) if undo else (untagged, written)
    states = set()
    for line in range(1, 1000, stride):
        if _die_at(line, database, song, undo=undo):
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
                undone = Tagger(library).tag([song], Wish("overwrite"), write=True)
                (record,) = undone if undo else Tagger(library).undo([song])
                assert record.status != "error", record
            assert song.read_bytes() == start
    assert states == {False, True}
    assert line > 40
    assert song.read_bytes() == goal
