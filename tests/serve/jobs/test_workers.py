"""The processes that recognize: time limits, turns, and what they are told."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import soundfile
from raising import raises
from tiny_onnx import RATE, tone

from genrelab.serve.jobs.kinds import StoppedError
from genrelab.serve.jobs.workers import WorkerDied, Workers, WorkerSetup

NEVER = threading.Event()


@pytest.fixture
def workers(tiny_model: Path):
    workers = Workers(WorkerSetup(tiny_model, None, 1), 1)
    yield workers
    workers.close()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("long") / "long.flac"
    soundfile.write(path, np.tile(tone(200.0, 1.0), 20_000), RATE)
    return path


def task(path: Path, **more: object) -> dict[str, object]:
    return {"path": str(path), "full": True, "again": False, **more}


@pytest.mark.slow
def test_a_file_that_takes_too_long_is_given_up(workers: Workers, long: Path, songs: list[Path]) -> None:
    workers.recognize(task(songs[0]), NEVER, seconds=60)
    with pytest.raises(WorkerDied) as caught:
        workers.recognize(task(long), NEVER, seconds=0.01)
    assert caught.value.late
    assert workers.recognize(task(songs[0]), NEVER, seconds=60)["genre"] == "low"


@pytest.mark.slow
def test_stopping(workers: Workers, long: Path, songs: list[Path]) -> None:
    workers.recognize(task(songs[0]), NEVER, seconds=60)
    stop = threading.Event()
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(workers.recognize, task(long), stop, seconds=60)
        time.sleep(0.3)
        waiting = pool.submit(workers.recognize, task(songs[0]), stop, seconds=60)
        stop.set()
        for each in (running, waiting):
            with pytest.raises(StoppedError):
                each.result(20)
    assert workers.recognize(task(songs[1]), NEVER, seconds=60)["genre"] == "middle"


def test_who_came_first_has_the_next_turn(workers: Workers, songs: list[Path]) -> None:
    order: list[int] = []

    def use(number: int) -> None:
        workers.recognize(task(songs[0]), NEVER, seconds=60)
        order.append(number)

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=use, args=(number,)))
        threads[-1].start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert order == list(range(5))


def test_idle_processes_are_ended_and_started_again(workers: Workers, songs: list[Path]) -> None:
    workers.recognize(task(songs[0]), NEVER, seconds=60)
    process = workers._all[0]._process
    assert process
    workers.end_idle(1000)
    assert process.poll() is None
    workers.end_idle(0)
    assert process.poll() is not None
    assert workers.recognize(task(songs[1]), NEVER, seconds=60)["genre"] == "middle"


def test_a_file_name_that_is_no_text(workers: Workers, songs: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "b\udcffd \u202e.mp3"
    path.write_bytes(songs[0].read_bytes())
    answer = workers.recognize(task(path), NEVER, seconds=60)
    assert answer["genre"] == "low"
    assert "b\\udcffd" in answer["path"]


def test_a_library_that_cannot_be_opened(tiny_model: Path, tmp_path: Path, songs: list[Path]) -> None:
    garbage = tmp_path / "library.db"
    garbage.write_bytes(b"garbage" * 1000)
    workers = Workers(WorkerSetup(tiny_model, garbage, 1), 1)
    with raises("library-no-database", garbage):
        workers.recognize(task(songs[0]), NEVER, seconds=60)
    workers.close()


def test_onnxruntime_leaves_no_trace_of_telemetry(
    tiny_model: Path, tmp_path: Path, songs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    workers = Workers(WorkerSetup(tiny_model, None, 1), 1)
    workers.recognize(task(songs[0]), NEVER, seconds=60)
    workers.close()
    assert not (tmp_path / ".ses").exists()


def test_no_module_of_the_current_folder_is_run(
    tiny_model: Path, tmp_path: Path, songs: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    workers = Workers(WorkerSetup(tiny_model, None, 1), 1)
    assert workers.recognize(task(songs[0]), NEVER, seconds=60)["genre"] == "low"
    workers.close()
