"""Killed servers, several servers, full disks, vanished folders, and decoders that hang."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import threading
import time
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import soundfile
from disks import fill, small_disk
from raising import raises
from serving import Running, genre_of, queue_of, server, start, write_songs
from tiny_onnx import RATE, tone

from genrelab.client import Client, Job, ProblemError
from genrelab.library.store.library import Library

KILLS = 10
pytestmark = pytest.mark.slow


def wait_until(condition, seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


class Load:
    """Clients that send uploads and folders as long as they are let, whatever happens to the server."""

    def __init__(self, songs: list[Path], folder: Path) -> None:
        self.songs, self.folder = songs, folder
        self.url = ""
        self.accepted: dict[str, list[str]] = {}  # id of a job -> what it is about
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._send, args=(seed,)) for seed in range(4)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _send(self, seed: int) -> None:
        dice = random.Random(seed)
        while not self._stop.wait(dice.uniform(0.05, 0.3)):
            with suppress(ProblemError), Client(self.url, timeout=20) as client:
                if dice.random() < 0.2:
                    job = client.recognize_on_server(self.folder)
                    names = [str(path) for path in sorted(self.folder.iterdir())]
                else:
                    files = dice.sample(self.songs, dice.randint(1, 3))
                    job = client.recognize(files)
                    names = [file.name for file in files]
                with self._lock:
                    self.accepted[job.id] = names


def test_killed_ten_times_under_load_no_job_is_lost_or_done_twice(tmp_path: Path, tiny_model: Path) -> None:
    songs = write_songs(tmp_path / "songs", 12, seconds=20.0)
    folder = tmp_path / "root"
    write_songs(folder, 20, seconds=20.0)
    dice = random.Random(1)
    options = {"roots": (folder,), "jobs": 2}
    running = start(tmp_path, tiny_model, **options)
    with Load(songs, folder) as load:
        load.url = running.url
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.3, 2.0))
            running.kill()
            running = start(tmp_path, tiny_model, **options)
            load.url = running.url
    try:
        assert len(load.accepted) > KILLS
        for name, expected in load.accepted.items():
            job = running.client.wait(name, 120)
            assert (job.state, job.problem) == ("done", None)
            assert Counter(result.path for result in job.results) == Counter(expected)
            assert [result.genre for result in job.results] == [genre_of(path) for path in expected]
            assert job.done == job.total == len(expected)
        unfinished = [running.client.jobs(state).total for state in ("queued", "running", "failed")]
        assert unfinished == [0, 0, 0]  # also of requests whose response was lost
        assert running.uploads() == []
        assert len(list(running.temp.glob("genrelab-serve-*"))) <= 1
    finally:
        running.stop()
    assert list(running.temp.glob("genrelab-serve-*")) == []
    assert sound(running)


def sound(running: Running) -> bool:
    """Whether the queue and the library are undamaged, and no file has two rows."""
    for path in (queue_of(running), running.library):
        with sqlite3.connect(path) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    with Library(running.library) as library:
        records = list(library.tracks.all())
    assert all(record.error is None for record in records)
    assert not any(str(running.temp) in str(record.path) for record in records)
    return len({record.path for record in records}) == len(records) == 20


def test_files_done_before_a_kill_are_not_done_again(tmp_path: Path, tiny_model: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(30):
        soundfile.write(root / f"{number:02}.wav", tone(200.0 + number, 60.0), RATE)
    running = start(tmp_path, tiny_model, roots=(root,))
    job = running.client.recognize_on_server(".", full=True, again=True)
    wait_until(lambda: running.client.job(job).done >= 3)
    running.kill()
    with sqlite3.connect(queue_of(running)) as queue:
        contents = [content for (content,) in queue.execute("SELECT content FROM results")]
    done = [os.fsencode(json.loads(zlib.decompress(content))["path"]) for content in contents]
    assert 3 <= len(done) < 30
    with sqlite3.connect(running.library) as library:  # to do a file again would store its result again
        library.executemany("UPDATE tracks SET confidence = 0.125 WHERE path = ?", [(path,) for path in done])
    with server(tmp_path, tiny_model, roots=(root,)) as again:
        after = again.client.wait(job.id, 60)
        results = list(again.client.results(job.id))
    assert (after.state, after.done, after.total) == ("done", 30, 30)
    assert len({result.path for result in results}) == 30
    with sqlite3.connect(running.library) as library:
        kept = library.execute("SELECT path FROM tracks WHERE confidence = 0.125").fetchall()
    assert {path for (path,) in kept} == set(done)


def test_what_a_server_leaves_at_its_end_is_taken_up_or_has_failed(
    tmp_path: Path, tiny_model: Path, songs: list[Path]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    long = np.tile(tone(200.0, 1.0), 7200)
    for number in range(3):
        soundfile.write(root / f"{number}.flac", long, RATE)
    with server(tmp_path, tiny_model, roots=(root,)) as first:
        folder = first.client.recognize_on_server(".", full=True)
        busy = [first.client.recognize(root / "0.flac", full=True) for _ in range(3)]
        waiting = first.client.recognize(songs[0])
        wait_until(lambda: first.client.job(folder).state == "running")
        assert first.client.job(waiting).state == "queued"
    assert first.process.returncode in (0, -signal.SIGTERM)
    assert list(first.temp.glob("genrelab-serve-*")) == []
    with server(tmp_path, tiny_model, roots=(root,)) as second:
        for job in (*busy, waiting):
            ended = second.client.job(job.id)
            assert (ended.state, (ended.problem or {})["code"]) == ("failed", "server-ended")
        assert second.client.wait(folder.id, 120).state == "done"


def test_two_servers_share_a_library(tmp_path: Path, tiny_model: Path, songs: list[Path]) -> None:
    options = {"library": tmp_path / "library.db", "roots": (songs[0].parent,)}
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    with server(folders[0], tiny_model, **options) as one, server(folders[1], tiny_model, **options) as two:
        jobs = [each.client.recognize_on_server(".", again=True) for each in (one, two) * 4]
        jobs += [each.client.recognize(songs[:2]) for each in (one, two) * 4]
        for job, expected in zip(jobs, [6] * 8 + [2] * 8, strict=True):
            events = [event.name for event in two.client.events(job.id)]
            assert events.count("result") == expected
            assert one.client.job(job.id).state == "done"
        assert one.client.jobs().total == two.client.jobs().total == 16
        one.kill()
        assert two.client.recognize(songs[0], wait=60).state == "done"
    assert two.uploads() == []


def test_a_server_takes_up_what_another_left_when_its_claim_has_run_out(
    tmp_path: Path, tiny_model: Path, songs: list[Path]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    soundfile.write(root / "long.flac", np.tile(tone(200.0, 1.0), 3600), RATE)
    options = {"library": tmp_path / "library.db", "roots": (root,)}
    folders = [tmp_path / name for name in ("a", "b")]
    for folder in folders:
        folder.mkdir()
    with server(folders[1], tiny_model, **options) as two:
        one = start(folders[0], tiny_model, **options)
        job = one.client.recognize_on_server(".", full=True)
        wait_until(lambda: one.client.job(job).state == "running")
        one.kill()
        with sqlite3.connect(queue_of(one)) as queue:
            queue.execute("UPDATE jobs SET lease = 0 WHERE id = ? AND state = 'running'", (job.id,))
        ended = two.client.wait(job.id, 120)
    assert (ended.state, ended.done, len(ended.results)) == ("done", 1, 1)


def test_a_vanished_folder_is_the_problem_of_its_job(tmp_path: Path, tiny_model: Path) -> None:
    root = tmp_path / "root"
    album = root / "album"
    album.mkdir(parents=True)
    for number in range(200):
        soundfile.write(album / f"{number:03}.wav", tone(200.0, 20.0), RATE)
    with server(tmp_path, tiny_model, roots=(root,)) as running:
        job = running.client.recognize_on_server("album", full=True)
        wait_until(lambda: running.client.job(job).done > 0)
        album.rename(tmp_path / "elsewhere")
        ended = running.client.wait(job, 60)
        assert ended.state == "failed"
        assert ended.problem
        assert ended.problem["code"] == "path-vanished"
        assert ended.problem["path"] == str(album)
        assert 0 < ended.done < 30
        assert running.client.health().status == "ok"


def test_files_that_vanish_one_after_another_are_one_problem(tmp_path: Path, tiny_model: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(200):
        soundfile.write(root / f"{number:03}.wav", tone(200.0, 20.0), RATE)
    with server(tmp_path, tiny_model, roots=(root,)) as running:
        job = running.client.recognize_on_server(".", full=True)
        wait_until(lambda: running.client.job(job).total == 200)
        for path in root.iterdir():  # as if the disk were unplugged: its folder stays
            path.unlink()
        ended = running.client.wait(job, 60)
    assert ended.problem
    assert ended.problem["code"] == "files-vanished"
    assert ended.done < 200


def test_a_full_temporary_folder_refuses_uploads(tmp_path: Path, tiny_model: Path, songs: list[Path]) -> None:
    with small_disk(tmp_path, kib=2048) as disk:
        (tmp_path / "temp").symlink_to(disk)
        with server(tmp_path, tiny_model) as running:
            filler = fill(disk)
            with raises("upload-unstored"):
                running.client.recognize(songs[0])
            assert running.uploads() == []
            filler.unlink()
            assert running.client.recognize(songs[0], wait=60).state == "done"


def test_a_full_disk_of_the_queue_is_a_clear_problem_and_passes(
    tmp_path: Path, tiny_model: Path, songs: list[Path]
) -> None:
    root = tmp_path / "root"
    write_songs(root, 12)
    with (
        small_disk(tmp_path, kib=2048) as disk,
        server(tmp_path, tiny_model, library=disk / "library.db", roots=(root,)) as running,
    ):
        job = running.client.recognize_on_server(".", wait=60)
        assert job.state == "done"
        filler = fill(disk)
        with raises("jobs-disk-full", disk):
            for _ in range(500):  # until the log of the queue has no room left
                running.client.recognize_on_server(".", again=True)
        assert running.client.job(job).state == "done"
        filler.unlink()
        after = running.client.recognize(songs[0], wait=60)
        assert after.state == "done"
        for each in running.client.jobs(limit=500):
            ended = running.client.wait(each, 120)
            assert ended.state == "done" or (ended.problem or {})["code"] == "jobs-disk-full"


def workers_of(running: Running) -> list[int]:
    """Return the processes that recognize for a server."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            if f"PPid:\t{running.process.pid}\n" in status.read_text():
                found.append(int(status.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's list of processes")
def test_a_worker_that_dies_is_replaced_and_one_that_always_dies_is_the_error_of_the_file(
    tmp_path: Path, tiny_model: Path, songs: list[Path]
) -> None:
    long = tmp_path / "long.flac"
    soundfile.write(long, np.tile(tone(200.0, 1.0), 5_000), RATE)
    with server(tmp_path, tiny_model) as running:
        assert running.client.recognize(songs[0], wait=60).state == "done"
        job = running.client.recognize([long, songs[0]], full=True)
        killed: set[int] = set()
        while len(killed) < 2:  # as a decoder that crashes would
            for number in set(workers_of(running)) - killed:
                if reads(number, ".flac"):
                    os.kill(number, signal.SIGKILL)
                    killed.add(number)
            time.sleep(0.01)
        ended = running.client.wait(job, 60)
    assert ended.state == "done"
    assert [result.genre for result in ended.results] == [None, "low"]
    assert "long.flac" in (ended.results[0].error or "")


def reads(number: int, suffix: str) -> bool:
    """Whether a process has a file with a suffix open."""
    with suppress(OSError):
        return any(os.readlink(each).endswith(suffix) for each in Path(f"/proc/{number}/fd").iterdir())
    return False


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's list of processes")
def test_workers_end_with_their_server(tmp_path: Path, tiny_model: Path, songs: list[Path]) -> None:
    long = tmp_path / "long.flac"
    soundfile.write(long, np.tile(tone(200.0, 1.0), 5_000), RATE)
    running = start(tmp_path, tiny_model)
    running.client.recognize(long, full=True)
    wait_until(lambda: workers_of(running))
    workers = workers_of(running)
    time.sleep(0.5)
    running.kill()
    wait_until(lambda: not any(_lives(number) for number in workers), 10)


def _lives(number: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return False


def test_a_job_fails_clearly_without_a_model(tmp_path: Path, songs: list[Path]) -> None:
    with server(tmp_path, tmp_path / "missing.onnx") as running:
        job: Job = running.client.recognize(songs[0], wait=60)
        assert job.state == "failed"
        assert job.problem
        assert "missing.onnx" in job.problem["title"]
        assert running.uploads() == []
