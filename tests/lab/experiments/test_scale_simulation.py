"""The plan and the simulation of many machines: sums that are known, and what disturbances do."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

EXPERIMENTS = Path(__file__).resolve().parents[3] / "experiments"
WORK = np.array([[0.2, 1e6, 2.0], [0.4, 3e6, 2.0]])


@pytest.fixture
def scale(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(EXPERIMENTS)
    return importlib.import_module("scale_simulation")


@pytest.fixture
def rates(tmp_path: Path) -> Path:
    """What benchmarks/rates.py writes, of two songs."""
    each = [
        {"recognize_s": seconds + 0.06, "network_s": 0.1, "decoding_s": seconds - 0.04}
        | {"bytes_read": size, "requests": requests}
        for seconds, size, requests in WORK.tolist()
    ]
    stores = {"parquet_bytes_per_row": 3000, "parquet_rows_per_s": 5000, "vectors_per_s": 1e6}
    path = tmp_path / "rates.json"
    path.write_text(json.dumps({"each": each, **stores, "vector_bytes": 1376}) + "\n")
    return path


def test_scale_simulation(run, rates: Path) -> None:
    found = run("scale_simulation.py", "--rates", rates, "--files", 16, "--seeds", 2)
    million = found["plan"][0]
    assert (million["tracks"], million["core_hours"]) == (10**6, pytest.approx(100))
    assert million["read_terabytes"] == pytest.approx(2)
    assert million["cost"] == pytest.approx(4), "at 0.04 per core hour"
    assert million["requests_cost"] == pytest.approx(0.8), "two per song at 0.4 per million"
    assert [row["workers"] for row in found["simulation"]["growth"]] == [1, 2, 4, 8, 16, 32, 64]


def test_the_prices_are_given(run, rates: Path) -> None:
    prices = ("--price-core-hour", 1, "--price-gpu-hour", 3, "--gpu-speedup", 1, "--gpu-cores", 1000)
    found = run("scale_simulation.py", "--rates", rates, "--files", 4, "--seeds", 1, *prices)
    assert found["plan"][0]["cost"] == pytest.approx(100)
    assert found["plan"][0]["gpu_hours"] == pytest.approx(1e6 * 0.1 / 3600), "the network is the limit"
    assert found["plan"][0]["gpu_cost"] == pytest.approx(3e6 * 0.1 / 3600)


def test_figures_of_the_docs_are_the_default(scale: ModuleType) -> None:
    assert len(scale.RATES["each"]) >= 4
    seconds = scale.means(scale.RATES)["recognize_s"]
    page = (EXPERIMENTS.parent / "docs" / "services" / "scale.md").read_text(encoding="utf-8")
    for count in scale.TRACKS:
        assert f"| {count * seconds / 3600:,.0f} |" in page


def test_one_worker_takes_the_sum_of_its_waits(scale: ModuleType) -> None:
    scenario = scale.Scenario(1, 50, WORK[:1], scale.Store(0.05, 1e9, 10e6))
    outcome = scale.Simulation(scenario, 0).run()
    assert outcome.seconds == pytest.approx(50 * (2 * 0.05 + 1e6 / 10e6 + 0.2))
    assert (outcome.done, outcome.again, outcome.busy) == (50, 0, pytest.approx(0.5))


def test_transfers_share_the_bandwidth(scale: ModuleType) -> None:
    store = scale.Store(latency=0.0, bandwidth=2e6, connection=2e6)
    scenario = scale.Scenario(4, 4, np.array([[0.0, 1e6, 0.0]]), store, batch=1)
    assert scale.Simulation(scenario, 0).run().seconds == pytest.approx(2.0)


def test_more_workers_process_as_much_more(scale: ModuleType) -> None:
    one = scale.simulate(scale.Scenario(1, 64, WORK), 3)["files_per_s"]
    many = scale.simulate(scale.Scenario(64, 64 * 64, WORK), 3)["files_per_s"]
    assert 0.9 < many / one / 64 <= 1.02


def test_a_slow_worker_delays_fixed_shares_more_than_a_queue(scale: ModuleType) -> None:
    plain = scale.Scenario(8, 8 * 64, WORK, batch=4)
    whole = scale.simulate(plain, 3)["seconds"]
    slow = replace(plain, slow={0: 10.0})
    queue = scale.simulate(slow, 3)["seconds"]
    assert whole < queue < 1.6 * whole
    assert scale.simulate(replace(slow, shares=True), 3)["seconds"] > 3 * whole


@pytest.mark.parametrize("when", [0.01, 0.5, 0.97])
def test_files_of_a_lost_node_are_processed_by_others(scale: ModuleType, when: float) -> None:
    plain = scale.Scenario(8, 8 * 64, WORK, batch=8)
    whole = scale.simulate(plain, 1)["seconds"]
    found = scale.Simulation(replace(plain, lost=(when * whole, 4)), 0).run()
    assert found.done == 8 * 64
    assert found.again <= 4 * 8
    assert found.seconds > (2 - when) * 0.95 * whole


def test_a_store_with_half_the_bandwidth_takes_twice_as_long(scale: ModuleType) -> None:
    store = scale.Store(latency=0.0, bandwidth=1e7, connection=1e7)
    plain = scale.Scenario(32, 32 * 16, np.array([[0.01, 1e6, 1.0]]), store)
    seconds = scale.simulate(plain, 1)["seconds"]
    assert seconds == pytest.approx(32 * 16 * 1e6 / 1e7, rel=0.05)
    half = replace(plain, store=replace(store, bandwidth=5e6))
    assert scale.simulate(half, 1)["seconds"] == pytest.approx(2 * seconds, rel=0.05)
