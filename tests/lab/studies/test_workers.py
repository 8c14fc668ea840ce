"""Trainings in other processes: a real Ray cluster gives what one process gives; what happens to the dead."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from own_cluster import own_cluster
from raising import raises

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.studies.reproduce import Budget, load_table, reproduce
from genrelab.lab.studies.reproduce.runner import Request
from genrelab.lab.studies.search import Options, Outcome, Plan, Search, search, settle
from genrelab.lab.studies.workers import ALONE, Launcher, WorkerDiedError, result_of, variables_for_workers

SMALL = [
    "audio.sample_rate=8000", "audio.channels=1", "audio.segment_seconds=0.5", "model.width=2",
    "training.batch_size=4", "training.max_epochs=1", "training.segments_per_clip=1",
]  # fmt: skip
RATE = "training.learning_rate"
BREAKS = 1e30  # with it the loss is no number after the first epoch


@pytest.fixture(scope="module")
def ray() -> Iterator[Launcher]:
    """A cluster with two workers, to which this process is connected."""
    with own_cluster():
        yield Launcher("ray", jobs=2)


def figures(outcome: Outcome) -> list[Any]:
    return [
        (row.number, row.values, row.state, {seed: each.test for seed, each in row.results.items()})
        for row in outcome.by_number()
    ]


def searched(**plan: Any) -> Search:
    return settle(Plan(recipe="simple-cnn", set=[*SMALL, "augment=null"], **plan))


def test_an_address_without_the_engine_ray_is_refused() -> None:
    with raises("cluster-address-unused", "auto", "--engine local"):
        Launcher("local", 2, "auto")


def test_workers_get_no_credentials() -> None:
    environment = {
        "HF_TOKEN": "a",
        "HF_HUB_OFFLINE": "1",
        "GENRELAB_API_KEY": "b",
        "GENRELAB_MODEL": "m",
        "HOME": "/",
    }
    assert variables_for_workers(environment) == {"HF_HUB_OFFLINE": "1", "GENRELAB_MODEL": "m"}


@pytest.mark.slow
def test_a_search_on_a_cluster_gives_what_one_process_gives(
    ray: Launcher, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    drawn = searched(grid={RATE: [0.003, BREAKS, 0.001]})
    said: list[str] = []
    made = [
        search(
            drawn,
            corpus,
            split,
            folder=tmp_path / name,
            options=Options(device="cpu", launcher=launcher, say=said.append),
        )
        for name, launcher in (("local", ALONE), ("ray", ray))
    ]
    assert figures(made[0]) == figures(made[1])
    assert [row.values[RATE] for row in made[1].failed] == [BREAKS]
    assert sum("failed: the training loss became nan" in line for line in said) == 2
    assert not list(tmp_path.rglob(".cluster-*"))


@pytest.mark.slow
def test_a_table_on_a_cluster_is_that_of_one_process(ray: Launcher, tmp_path: Path) -> None:
    request = Request(
        corpus="synthetic:tracks=3,seconds=1",
        splits=("artist",),
        changes=(*SMALL[:3], "audio.overlap=0", *SMALL[3:5]),
        budget=Budget(epochs=1, genres=2),
        rows=("resnet2d-s-plain", "resnet2d-s"),
        model_files=False,
    )
    local, cluster = (
        reproduce(
            load_table("soundfusion-1"), request, out=tmp_path / each.engine, launcher=each, device="cpu"
        )
        for each in (ALONE, ray)
    )
    assert [line["figures"] for line in cluster["lines"]] == [line["figures"] for line in local["lines"]]
    assert not any(line["failures"] for line in cluster["lines"])


@pytest.mark.slow
def test_a_dead_worker_and_a_folder_that_machines_do_not_share(ray: Launcher, tmp_path: Path) -> None:
    with ray.start(tmp_path / "runs") as workers:
        assert workers.slots == 2
        assert result_of(workers.submit(os.getcwd)) == os.getcwd()
        with pytest.raises(WorkerDiedError):
            result_of(workers.submit(os.abort))
        for marker in (tmp_path / "runs").iterdir():
            marker.rename(tmp_path / "elsewhere")
        with raises("cluster-folder-not-shared", tmp_path / "runs"):
            result_of(workers.submit(os.getcwd))


def test_a_dead_process_of_this_machine(tmp_path: Path) -> None:
    with Launcher(jobs=2).start(tmp_path) as workers, pytest.raises(WorkerDiedError):
        result_of(workers.submit(os.abort))


def test_an_address_that_is_none(corpus: Corpus, split: Split, tmp_path: Path) -> None:
    options = Options(device="cpu", launcher=Launcher("ray", address="ray://head"))
    with raises("cluster-address", "ray://head"):
        search(searched(grid={RATE: [0.003]}), corpus, split, folder=tmp_path, options=options)
