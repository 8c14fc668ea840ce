"""What the Ray engine does without a cluster: its ledger, its limits, its errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from raising import raises

from genrelab.catalogue.engines.ledger import MOST_DEATHS, Ledger
from genrelab.catalogue.engines.ray import _waves
from genrelab.catalogue.run import find_engine
from genrelab.catalogue.schema import FILES
from genrelab.catalogue.settings import Settings
from genrelab.cluster import open_cluster


def test_only_the_file_that_workers_die_of_is_given_up() -> None:
    ledger = Ledger(b"model")
    assert ledger.model() == b"model"
    assert ledger.begin(b"batch", "first") is None
    for death in range(MOST_DEATHS):
        assert ledger.begin(b"batch", f"worker {death}") == {}, "no worker has said yet what it died of"
        ledger.note(b"batch", 4)
        ledger.note(b"batch", 7)
    assert ledger.begin(b"other", "last") is None
    assert ledger.begin(b"batch", "last") == {7: "worker-died"}
    ledger.end(b"batch")
    assert ledger.begin(b"batch", "last") is None


def test_a_worker_that_begins_again_has_not_died() -> None:
    ledger = Ledger(b"")
    ledger.begin(b"batch", "one")
    for _ in range(MOST_DEATHS + 1):
        assert ledger.begin(b"batch", "one") == {}
        ledger.note(b"batch", 0)


def test_a_file_that_took_too_long_is_given_up_at_once() -> None:
    ledger = Ledger(b"")
    ledger.begin(b"batch", "one")
    ledger.give_up(b"batch", 2, "worker-timeout")
    assert ledger.begin(b"batch", "two") == {2: "worker-timeout"}


def test_a_worker_may_be_slower_than_the_one_that_finished_its_batch() -> None:
    ledger = Ledger(b"")
    ledger.begin(b"batch", "slow")
    ledger.begin(b"batch", "fast")
    ledger.end(b"batch")
    ledger.note(b"batch", 1)
    ledger.give_up(b"batch", 1, "worker-timeout")
    assert ledger.begin(b"batch", "next") is None


@pytest.mark.parametrize("call", ["lambda: os._exit(7)", "lambda: time.sleep(60)"])
def test_the_process_of_a_file_that_takes_too_long_ends(call: str) -> None:
    script = (
        "import os, time\nfrom genrelab.catalogue.engines import ray_worker\n"
        "ray_worker._GRACE_SECONDS = 0.1\n"
        f"with ray_worker._limit(0.2, {call}):\n    time.sleep(60)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=50)
    assert ended.returncode == (7 if "exit" in call else 1)


def test_waves_are_read_only_when_they_are_needed() -> None:
    read: list[int] = []

    def files() -> object:
        for number, rows in enumerate((3, 4, 0, 9)):
            read.append(number)
            paths = [f"{number}/{row}" for row in range(rows)]
            yield pa.Table.from_pylist([{"path": path} for path in paths], schema=FILES)

    waves = _waves(files(), 5)  # type: ignore[arg-type]
    assert len(next(waves)) == 5 and read == [0, 1]
    rest = list(waves)
    assert [len(wave) for wave in rest] == [5, 5, 1]
    assert rest[-1]["path"].to_pylist() == ["3/8"]


def test_an_address_that_is_none() -> None:
    for address in ("ray://head:10001", "head", "head:port", "-x:1 2"):
        with raises("cluster-address", repr(address)), open_cluster(address):
            pass


def test_an_address_without_the_engine_ray_is_refused() -> None:
    with raises("cluster-address-unused", "10.0.0.5:6379", "--engine local"):
        find_engine("local", ray_address="10.0.0.5:6379")
    find_engine("ray", ray_address="10.0.0.5:6379")


def test_without_ray_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch, model: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    engine = find_engine("ray")
    assert engine.name == "ray"
    with raises("extra-missing", "genrelab[cluster]"):
        list(engine.run([], Settings(model=str(model))))


def test_another_cluster_needs_a_token(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH", "RAY_AUTH_MODE"):
        monkeypatch.delenv(name, raising=False)
    with raises("cluster-token", tmp_path / ".ray" / "auth_token"), open_cluster("127.0.0.1:1"):
        pass
    (tmp_path / "token").write_text(" \n", encoding="utf-8")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    with raises("cluster-token", tmp_path / "token"), open_cluster("127.0.0.1:1"):
        pass


@pytest.mark.parametrize("address", ["127.0.0.1:1", "[::1]:1", "127.0.0.1:99999"])
def test_an_address_where_nothing_answers(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    with raises("cluster-unreachable", address), open_cluster(address):
        pass
