"""Runs: idempotent, resumed, killed; each file has exactly one row in what a reader sees."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
import soundfile
import tiny_onnx
from catalogue_rows import listed, rows
from raising import raises
from s3_store import Store

from genrelab.catalogue import shards
from genrelab.catalogue.engines import local
from genrelab.catalogue.engines.local import LocalEngine
from genrelab.catalogue.listing import list_files
from genrelab.catalogue.records import records
from genrelab.catalogue.report import report, status
from genrelab.catalogue.run import Job, RunCounts, find_engine, run_catalogue, with_identity
from genrelab.catalogue.settings import Settings
from genrelab.catalogue.storage import Storage


class Here:
    """An engine in this process, for what no engine changes."""

    name = "here"

    def run(self, files: Iterable[pa.Table], settings: Settings) -> Iterator[pa.Table]:
        for table in files:
            yield records(table, settings)


def run(place: object, listing: object, settings: Settings, engine: object = None, **job: bool) -> RunCounts:
    wanted = Job(str(listing), Storage.at(str(place)), **job)  # type: ignore[arg-type]
    files = list_files(str(listing), problem=print)
    return run_catalogue(files, wanted, engine or Here(), settings)  # type: ignore[arg-type]


def names(place: object) -> Counter[str]:
    return Counter(Path(row["path"]).name for row in rows(place))


def test_processes_give_the_rows_of_one_process(music: Path, settings: Settings, tmp_path: Path) -> None:
    counts = run(tmp_path / "out", music, settings, LocalEngine())
    assert (counts.files, counts.errors.total(), counts.unsure) == (6, 2, 0)
    mine = records(listed(str(music)), settings).to_pylist()
    found = [{name: row[name] for name in mine[0]} for row in rows(tmp_path / "out")]
    by_path = (
        sorted(found, key=lambda row: row["path_bytes"]),
        sorted(mine, key=lambda row: row["path_bytes"]),
    )
    assert by_path[0] == by_path[1]


def test_a_second_run_does_nothing(music: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(out, music, settings).files == 6
    assert run(out, music, settings).files == 0
    assert len(list((out / "shards").iterdir())) == 1
    assert [entry["state"] for entry in status(Storage.at(str(out)))["runs"]] == ["finished", "finished"]


def test_new_and_changed_files_are_done_and_the_newest_row_wins(
    music: Path, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(out, music, settings)
    shutil.copy(music / "high.flac", music / "new.flac")
    shutil.copy(music / "high.flac", music / "low.flac")
    left = status(Storage.at(str(out)), list_files(str(music), problem=print), settings.identity or "")
    assert (left["listed"], left["left"]) == (7, 2)
    assert run(out, music, settings).files == 2
    found = {Path(row["path"]).name: row for row in rows(out)}
    assert len(rows(out)) == 7 and found["low.flac"]["genre"] == "high"
    assert found["low.flac"]["generation"] == 2 and found["high.flac"]["generation"] == 1
    facts = report(Storage.at(str(out)))
    assert (facts["files"], facts["failed"], facts["genres"]["high"]) == (7, 2, 3)


def test_another_model_does_all_again(music: Path, settings: Settings, tmp_path: Path) -> None:
    other = tiny_onnx.write_tiny(tmp_path / "other.onnx", abstain_below=0.999)
    run(tmp_path / "out", music, settings)
    changed = with_identity(Settings(model=str(other)))
    assert changed.identity != settings.identity
    assert run(tmp_path / "out", music, changed).files == 6
    assert {row["model"] for row in rows(tmp_path / "out")} == {changed.identity}


def test_whole_files_are_done_again_only_if_they_were_not_whole(
    model: Path, settings: Settings, tmp_path: Path
) -> None:
    folder, out = tmp_path / "long", tmp_path / "out"
    folder.mkdir()
    soundfile.write(folder / "long.flac", tiny_onnx.tone(200.0, 240.0), tiny_onnx.RATE)
    soundfile.write(folder / "short.flac", tiny_onnx.tone(200.0, 2.0), tiny_onnx.RATE)
    whole = replace(settings, full=True)
    assert run(out, folder, settings).files == 2
    assert {Path(row["path"]).name: row["full"] for row in rows(out)} == {
        "long.flac": False,
        "short.flac": True,
    }
    assert run(out, folder, whole).files == 1
    assert run(out, folder, whole).files == run(out, folder, settings).files == 0


def test_records_of_a_worker_that_has_died_count(music: Path, settings: Settings) -> None:
    first, second, third = (listed(str(music)).slice(at, 1) for at in range(3))
    pool = local._Pool(iter([third]), settings)
    worker = object.__new__(local._Worker)
    worker.connection, theirs = multiprocessing.Pipe()
    worker.process = multiprocessing.get_context("spawn").Process(target=print)
    worker.ready, worker.since = True, 0.0
    worker.files = deque([first, second])
    pool._workers = [worker]
    for file in (first, second):
        theirs.send_bytes(local._to_bytes(records(file, settings)))
    theirs.close()
    found = pa.concat_tables([*pool._receive(worker), *pool._receive(worker)])
    assert found.equals(records(pa.concat_tables([first, second]), settings))
    assert pool._next().equals(third)  # type: ignore[union-attr]


def test_which_errors_are_tried_again(music: Path, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(out, music, settings)
    assert run(out, music, settings, retry_errors=True).files == 2
    assert len(rows(out)) == 6
    table = tmp_path / "list.csv"
    table.write_text(f"path\n{music / 'high.flac'}\n{music / 'missing.flac'}\n")
    assert run(out, table, settings).files == 1  # the other one is known
    assert run(out, table, settings).files == 1  # it may be there now
    shutil.copy(music / "high.flac", music / "missing.flac")
    assert run(out, table, settings).errors.total() == 0
    assert run(out, table, settings).files == 0


def test_a_file_that_a_listing_has_twice_is_done_once(
    music: Path, settings: Settings, tmp_path: Path
) -> None:
    table = tmp_path / "list.csv"
    table.write_text("path\n" + f"{music / 'high.flac'}\n" * 2500)
    assert run(tmp_path / "out", table, settings).files == 1


def test_shards_have_the_rows_that_are_wanted(settings: Settings, tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("path\n" + "".join(f"/nowhere/{number}.mp3\n" for number in range(2500)))
    run(tmp_path / "out", table, settings, shard_rows=1000)
    storage = Storage.at(str(tmp_path / "out"))
    found = shards.list_shards(storage)
    assert sorted(shards.rows_of(storage, shard) for shard in found) == [500, 1000, 1000]
    assert len(rows(tmp_path / "out")) == 2500
    with raises("catalogue-shard-rows", 999):
        run(tmp_path / "other", table, settings, shard_rows=999)
    assert not (tmp_path / "other").exists()


def test_an_interrupt_writes_what_is_finished(music: Path, settings: Settings, tmp_path: Path) -> None:
    class Interrupted(Here):
        def run(self, files: Iterable[pa.Table], settings: Settings) -> Iterator[pa.Table]:
            for table in super().run(files, settings):
                yield table.slice(0, 4)
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", music, settings, Interrupted())
    assert len(rows(tmp_path / "out")) == 4
    assert status(Storage.at(str(tmp_path / "out")))["runs"][0]["state"] == "interrupted"
    assert run(tmp_path / "out", music, settings).files == 2
    assert set(names(tmp_path / "out").values()) == {1}


def _deadly(files: pa.Table, settings: Settings, recognizer: object) -> pa.Table:
    """Recognize, but die on a file as a decoder with a defect would, and sleep on another one."""
    name = files.column("path").to_pylist()[0]
    if name.endswith("low.flac"):
        os.kill(os.getpid(), signal.SIGKILL)
    if name.endswith("song.mp3"):
        time.sleep(600)
    return records(files, settings, recognizer)  # type: ignore[arg-type]


def _serve_deadly(connection: object, settings: Settings) -> None:
    local.records = _deadly
    _serve(connection, settings)  # type: ignore[arg-type]


_serve = local._serve


@pytest.mark.slow
def test_files_that_end_or_hold_a_worker_get_error_rows(
    music: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "deadly_worker.py"
    helper.write_text(Path(__file__).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    import deadly_worker  # type: ignore[import-not-found]  # a module that a new process can import

    monkeypatch.setattr(local, "_serve", deadly_worker._serve_deadly)
    patient = replace(settings, file_seconds=20.0)
    run(tmp_path / "out", music, patient, LocalEngine())
    codes = {Path(row["path"]).name: row["error_code"] for row in rows(tmp_path / "out")}
    assert len(codes) == 6 and set(names(tmp_path / "out").values()) == {1}
    assert (codes["low.flac"], codes["song.mp3"]) == ("worker-died", "worker-timeout")
    assert codes["high.flac"] is None and codes["broken.mp3"] == "audio-not-recognized"


def test_workers_that_do_not_start_are_an_error(music: Path, settings: Settings, tmp_path: Path) -> None:
    gone = replace(settings, model=str(tmp_path / "gone.onnx"))
    with raises("catalogue-worker-refused", tmp_path / "gone.onnx"):
        run(tmp_path / "out", music, gone, LocalEngine())


@pytest.mark.slow
def test_a_killed_run_goes_on(music: Path, model: Path, settings: Settings, tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(1400):
        os.link(music / ("high.flac" if number % 2 else "low.flac"), many / f"{number:04}.flac")
    out = tmp_path / "out"
    command = [sys.executable, "-m", "genrelab", "catalogue", "run", str(many), "--to", str(out), "--quiet"]
    command += ["--model", str(model), "--shard-rows", "1000", "--workers", "2"]
    first = subprocess.Popen(command)
    while not list(out.glob("shards/*.parquet")) and first.poll() is None:
        time.sleep(0.05)
    first.kill()
    first.wait()
    (shard,) = out.glob("shards/*.parquet")
    before = shard.read_bytes()
    assert subprocess.run(command, check=False).returncode == 0
    assert shard.read_bytes() == before  # written once
    assert len(names(out)) == 1400 and set(names(out).values()) == {1}
    runs = [json.loads(path.read_text()) for path in sorted(out.glob("runs/*"))]
    assert [(each["state"], each.get("files")) for each in runs] == [("running", None), ("finished", 400)]
    assert Counter(row["genre"] for row in rows(out)) == {"high": 700, "low": 700}


@pytest.mark.slow
def test_a_terminated_run_writes_what_is_finished(music: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    table = tmp_path / "list.csv"
    table.write_text("path\n" + "".join(f"/nowhere/{number}.mp3\n" for number in range(100_000)))
    command = [sys.executable, "-m", "genrelab", "catalogue", "run", str(table), "--to", str(out)]
    process = subprocess.Popen([*command, "--model", str(model), "--workers", "1", "--quiet"])
    while not list(out.glob("shards/*.parquet")) and process.poll() is None:
        time.sleep(0.05)
    process.terminate()
    assert process.wait() == 130
    facts = json.loads(next(out.glob("runs/*")).read_text())
    assert facts["state"] == "interrupted" and len(rows(out)) == facts["files"] == sum(
        facts["shards"].values()
    )


def test_a_catalogue_in_an_object_store(music: Path, settings: Settings, store: Store) -> None:
    source, place = store.make_bucket("source"), f"{store.make_bucket('place')}/deep/catalogue"
    for name in ("high.flac", "low.flac", "song.mp3", "broken.mp3"):
        store.put(f"{source}/{name}", (music / name).read_bytes())
    assert run(place, source, settings).files == run(f"{place}2", source, settings).files == 4
    assert run(place, source, settings).files == 0
    keys = store.keys(f"{place}/")
    assert [key.split("/")[2] for key in keys] == ["catalogue.json", "runs", "runs", "shards"]
    store.put(f"{source}/low.flac", (music / "high.flac").read_bytes() + b"x")
    assert run(place, source, settings).files == 1
    assert set(names(place).values()) == {1}


def test_a_place_that_is_no_catalogue_is_left_alone(music: Path, settings: Settings, tmp_path: Path) -> None:
    with raises("catalogue-foreign", music):
        run(music, music, settings)
    assert not (music / "catalogue.json").exists()
    with raises("catalogue-missing", tmp_path / "none"):
        rows(tmp_path / "none")
    with raises("catalogue-place", "gs://bucket/x"):
        Storage.at("gs://bucket/x")
    with raises("catalogue-engine", "spark"):
        find_engine("spark")
