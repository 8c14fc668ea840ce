"""The file of a search: who may work on what, and that a kill at any moment leaves it whole."""

from __future__ import annotations

import multiprocessing
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raising import raises

from genrelab.lab.studies.search.study import Figure, Result, Study, Trial

SEEDS = range(2)
ABOUT = {"recipe": {"a": "text"}, "seed": "0"}


def result(accuracy: float | None = 0.5) -> Result:
    return Result(
        run="trials/001/x", valid_accuracy=accuracy, valid_loss=1.0, epoch=1, epochs=2, seconds_per_epoch=0.1,
        network="resnet2d", parameters=10, device="cpu", warnings=[],
        test={"segment": Figure(value=0.1, low=None, high=None)},
    )  # fmt: skip


def study_of(folder: Path, *values: dict[str, Any]) -> Study:
    study = Study(folder, ABOUT)
    with study.change() as state:
        state.trials += [Trial(number=number, values=each) for number, each in enumerate(values, start=1)]
    return study


def test_what_is_noted_is_read_again_exactly(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"a": 0.1 + 0.2, "b": None, "c": [1, 1.0, True, "x"]})
    with study.change() as state:
        state.trial(1).results[0] = result(1 / 3)
        state.trial(1).failed[1] = "no memory"
    (trial,) = Study(tmp_path, ABOUT).read().trials
    assert repr(trial.values) == repr({"a": 0.1 + 0.2, "b": None, "c": [1, 1.0, True, "x"]})
    assert trial.results == {0: result(1 / 3)} and trial.failed == {1: "no memory"}
    assert trial.done(0) and trial.done(1) and not trial.done(2)


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"a": 1})
    with pytest.raises(KeyError), study.change() as state:
        state.trials.clear()
        raise KeyError
    assert len(study.read().trials) == 1


def test_the_mean_needs_every_seed() -> None:
    trial = Trial(number=1, values={}, results={0: result(0.5), 1: result(0.25)})
    assert trial.figure("valid_accuracy", SEEDS) == 0.375
    assert trial.figure("valid_accuracy", range(3)) is None
    trial.results[1] = result(None)
    assert trial.figure("valid_accuracy", SEEDS) is None and trial.figure("valid_loss", SEEDS) == 1.0


def test_a_claimed_training_is_nobody_elses(tmp_path: Path) -> None:
    study, other = study_of(tmp_path, {"a": 1}, {"a": 2}), Study(tmp_path, ABOUT)
    with study.claimed(SEEDS) as first, other.claimed(SEEDS) as second, study.claimed(SEEDS) as third:
        claims = [(claim[0].number, claim[1]) for claim in (first, second, third) if claim]
        assert claims == [(1, 0), (1, 1), (2, 0)]
    with study.change() as state:
        state.trial(1).results[0] = result()
        state.trial(1).failed[1] = "no memory"
    with study.claimed(SEEDS) as claim:
        assert claim is not None and claim[0].number == 2
    with study.change() as state:
        state.trial(2).results.update({0: result(), 1: result()})
    assert not study.is_open(SEEDS)
    with study.claimed(SEEDS) as claim:
        assert claim is None
    assert study.is_open(range(3)), "another seed is another training"


def test_equal_values_share_a_run_folder_and_its_lock(tmp_path: Path) -> None:
    study = study_of(tmp_path, {"a": 1}, {"a": 1.0}, {"a": True}, {"a": 1})
    bases = [study.base_of(trial).name for trial in study.read().trials]
    assert bases == ["001", "002", "003", "001"]
    with (
        study.claimed(range(1)),
        study.claimed(range(1)),
        study.claimed(range(1)),
        study.claimed(range(1)) as last,
    ):
        assert last is None, "the fourth is trained by whoever trains the first"


def test_another_search_is_refused(tmp_path: Path) -> None:
    Study(tmp_path, ABOUT)
    with raises("search-differs", ": seed;", "--study"):
        Study(tmp_path, {**ABOUT, "seed": "1"})
    with raises("search-differs", ": monitor;"):
        Study(tmp_path, {**ABOUT, "monitor": "valid_loss"})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "study-unreadable"),
        (b'{"format": 2, "about": {}}', "study-unreadable"),
        (b'{"about": {"seed": "0"', "study-unreadable"),
        (b'{"about": {}, "trials": [{"number": 2, "values": {}}]}', "study-numbering"),
    ],
)
def test_a_damaged_file_is_named(content: bytes, code: str, tmp_path: Path) -> None:
    (tmp_path / "study.json").write_bytes(content)
    with raises(code, tmp_path / "study.json"):
        Study(tmp_path, ABOUT)


def count_up(folder: Path) -> None:
    """Add trials, one after another, until the end."""
    study = Study(folder, ABOUT)
    while True:
        with study.change() as state:
            state.trials.append(Trial(number=len(state.trials) + 1, values={"a": [0] * 500}))


@pytest.mark.slow
def test_a_kill_at_any_moment_leaves_the_file_whole_and_free(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    forks = multiprocessing.get_context("fork")
    counts = []
    for delay in rng.uniform(0.05, 0.15, 10):
        process = forks.Process(target=count_up, args=(tmp_path,))
        process.start()
        time.sleep(delay)
        process.kill()
        process.join()
        counts.append(len(Study(tmp_path, ABOUT).read().trials))
    assert counts == sorted(counts) and counts[-1] > counts[0] >= 0


def test_changes_of_several_wait_for_each_other(tmp_path: Path) -> None:
    Study(tmp_path, ABOUT)

    def add() -> None:
        study = Study(tmp_path, ABOUT)
        for _ in range(10):
            with study.change() as state:
                state.trials.append(Trial(number=len(state.trials) + 1, values={}))

    threads = [threading.Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Study(tmp_path, ABOUT).read().trials) == 40
