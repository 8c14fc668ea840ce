"""A real Ray cluster with two workers, and moto's S3: what dies, and that nothing is lost or doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest
import soundfile
from own_cluster import TOKEN, own_cluster
from raising import raises
from s3_store import Store
from tiny_onnx import RATE, tone

from genrelab.catalogue import Settings, read_catalogue
from genrelab.catalogue.listing import list_files
from genrelab.catalogue.records import records
from genrelab.catalogue.run import find_engine, with_identity

TONES = (200.0, 1000.0, 3000.0)


@dataclass(frozen=True)
class Running:
    """A cluster: its address, and the object store that its workers know."""

    address: str
    store: Store

    def workers(self) -> list[int]:
        """Return the processes of its workers."""
        mark = f"RAY_AUTH_TOKEN={TOKEN}".encode()
        found = []
        for folder in Path("/proc").iterdir():
            try:
                if (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker") and mark in (
                    folder / "environ"
                ).read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
        return found


@pytest.fixture(scope="module")
def cluster(_server: Store) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as patch:
        _server.set_environment(patch)
        with own_cluster() as opened:
            yield Running(opened.ray.get_runtime_context().gcs_address, _server)


def has_open(pid: int, path: Path) -> bool:
    try:
        return any(os.readlink(each) == str(path) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


@contextmanager
def killing(cluster: Running, path: Path, *, times: int) -> Iterator[Callable[[], int]]:
    """Kill the workers that open a file; give how many were killed."""
    ended = threading.Event()
    killed: list[int] = []

    def watch() -> None:
        while not ended.wait(0.01) and len(killed) < times:
            for pid in cluster.workers():
                if pid not in killed and has_open(pid, path):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield lambda: len(killed)
    finally:
        ended.set()
        thread.join()


def by_path(*tables: pa.Table) -> pa.Table:
    return pa.concat_tables(tables).sort_by("path").combine_chunks()


@pytest.mark.slow
def test_records_are_those_of_one_process_whatever_dies(
    cluster: Running, model: Path, tmp_path: Path
) -> None:
    music = cluster.store.make_bucket("music")
    for number in range(12):
        path = tmp_path / "song.flac"
        soundfile.write(path, tone(TONES[number % 3], 1.0 + number), RATE)
        cluster.store.put(f"{music}/album {number % 2}/{number:02}.flac", path.read_bytes())
    cluster.store.put(f"{music}/empty.mp3", b"")
    cluster.store.put(f"{music}/text.wav", b"this is no music, it is a letter\n" * 40)
    cluster.store.put(f"{music}/cut.flac", path.read_bytes()[:300])
    local = tmp_path / "local"
    local.mkdir()
    for name, minutes in (("unlucky", 15), ("deadly", 20)):
        soundfile.write(local / f"{name}.wav", tone(1000.0, 60.0 * minutes), RATE)
    settings = with_identity(Settings(model=str(model), full=True))
    files = [table for place in (music, str(local)) for table in list_files(place, problem=pytest.fail)]
    with (
        killing(cluster, local / "unlucky.wav", times=1) as unlucky,
        killing(cluster, local / "deadly.wav", times=9) as deadly,
    ):
        made = by_path(*find_engine("ray").run(files, settings))
        assert (unlucky(), deadly()) == (1, 3)
    wanted = by_path(*(records(table, settings) for table in files))
    died = made.filter(pc.equal(made["error_code"], "worker-died"))
    assert died["path"].to_pylist() == [str(local / "deadly.wav")]
    others = [
        table.filter(pc.not_equal(table["path"], str(local / "deadly.wav"))) for table in (made, wanted)
    ]
    assert others[0].equals(others[1]) and len(others[0]) == 16
    assert sum(code is not None for code in others[0]["error_code"].to_pylist()) == 3


@pytest.mark.slow
def test_what_a_worker_refuses_stops_the_run_with_its_error(
    cluster: Running, model: Path, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", tone(200.0, 1.0), RATE)
    files = list(list_files(str(tmp_path), problem=pytest.fail))
    other = Settings(model=str(model), identity="tiny@000000000000")
    with raises("catalogue-other-model", "tiny@000000000000") as caught:
        list(find_engine("ray").run(files, other))
    assert "Traceback" not in str(caught.value)
    with raises("cluster-without-gpu", "cuda"):
        list(find_engine("ray").run(files, Settings(model=str(model), provider="cuda")))


@pytest.mark.slow
def test_without_the_token_of_the_cluster_nothing_runs(cluster: Running, model: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "genrelab",
        "catalogue",
        "run",
        str(tmp_path),
        f"--to={tmp_path / 'out'}",
    ]
    command += ["--engine=ray", f"--ray-address={cluster.address}", f"--model={model}"]
    soundfile.write(tmp_path / "a.wav", tone(200.0, 1.0), RATE)
    environment = {**os.environ, "RAY_AUTH_TOKEN": "0" * 64}
    refused = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=100)
    assert refused.returncode == 1 and cluster.address in refused.stderr
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_command_leave_one_row_per_file(
    cluster: Running, model: Path, tmp_path: Path
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1600):
        if number < 3:
            soundfile.write(many / f"{number:04}.wav", tone(TONES[number], 1.0), RATE)
        else:
            os.link(many / f"{number % 3:04}.wav", many / f"{number:04}.wav")
    (many / "broken.mp3").write_bytes(b"nothing")
    place = f"{cluster.store.make_bucket('results')}/catalogue"
    command = [sys.executable, "-m", "genrelab", "catalogue", "run", str(many), "--to", place]
    command += ["--engine=ray", f"--ray-address={cluster.address}", "--workers=2", f"--model={model}"]
    command += ["--shard-rows=1000"]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while first.poll() is None and not cluster.workers():
        time.sleep(0.01)
    for pid in cluster.workers()[:1]:
        os.kill(pid, signal.SIGKILL)
    while first.poll() is None and not cluster.store.keys(f"{place}/shards/"):
        time.sleep(0.01)
    first.kill()
    _, said = first.communicate()
    assert first.returncode == -signal.SIGKILL, said.decode()
    second = subprocess.run(command, capture_output=True, text=True)
    assert second.returncode == 1, second.stderr  # one file is broken
    rows = by_path(*read_catalogue(place, columns=["path", "genre", "error_code", "generation"]))
    assert rows["path"].to_pylist() == sorted(str(path) for path in many.iterdir())
    genres = ["low", "middle", "high"]
    assert rows["genre"].to_pylist() == [genres[number % 3] for number in range(1600)] + [None]
    assert sum(code is not None for code in rows["error_code"].to_pylist()) == 1
    of_run = [rows["generation"].to_pylist().count(number) for number in (1, 2)]
    assert of_run == [1000, 601], "what was written is not done again"
