"""Whole searches on tones: what fails, what is drawn twice, going on, trying again."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raising import raises

from genrelab.errors import RunError
from genrelab.files import only_one
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs.folders import RECIPE, run_folder
from genrelab.lab.studies.search import Options, Outcome, Plan, Search, search, settle
from genrelab.lab.studies.search.search_result import Row
from genrelab.lab.training.checkpoints import LAST

SMALL = [
    "audio.sample_rate=8000", "audio.channels=1", "audio.segment_seconds=0.5", "model.width=2",
    "training.batch_size=4", "training.max_epochs=2", "training.segments_per_clip=1", "augment=null",
]  # fmt: skip
CPU = Options(device="cpu")
RATE = "training.learning_rate"
BREAKS = 1e30  # with it the loss is no number after the first epoch

Go = Callable[..., Outcome]


class Stopped(Exception):
    """Raised where a test stops a search."""


def searched(**plan: Any) -> Search:
    return settle(Plan(recipe="simple-cnn", set=SMALL, **plan))


def without_times(outcome: Outcome) -> list[Row]:
    def result(row: Row) -> Row:
        found = {
            seed: each.model_copy(update={"seconds_per_epoch": 0.0}) for seed, each in row.results.items()
        }
        return dataclasses.replace(row, seconds_per_epoch=None, results=found)

    return [result(row) for row in outcome.rows]


@pytest.fixture
def go(corpus: Corpus, split: Split, tmp_path: Path) -> Go:
    """Run a search below the test's folder."""

    def run(what: Search, folder: str = "search", say: Callable[[str], None] = print, **more: Any) -> Outcome:
        options = Options(device="cpu", say=say, **more)
        return search(what, corpus, split, folder=tmp_path / folder, options=options)

    return run


@pytest.mark.slow
def test_draws_share_runs_skip_failures_and_resume(go: Go, tmp_path: Path) -> None:
    drawn = searched(space={RATE: [0.003, BREAKS]}, trials=6)
    said: list[str] = []
    whole = go(drawn, say=said.append)
    values = [row.values[RATE] for row in whole.by_number()]
    assert set(values) == {0.003, BREAKS} and whole.complete
    assert whole.best is not None and whole.best.values == {RATE: 0.003}
    assert len(list((tmp_path / "search").rglob("metrics.json"))) == 1, (
        "a value drawn again is not trained again"
    )
    assert {row.values[RATE] for row in whole.failed} == {BREAKS}
    assert all("the training loss became nan" in row.state for row in whole.failed)
    assert sum("failed: the training loss became nan" in line for line in said) == len(whole.failed)

    def stop(line: str) -> None:
        if line.startswith("trial 4 of 6"):
            raise Stopped

    with pytest.raises(Stopped):
        go(drawn, "stopped", say=stop)
    assert not (tmp_path / "stopped" / "trials" / "005").exists()
    again = go(drawn, "stopped")
    assert without_times(again) == without_times(whole)


@pytest.mark.slow
def test_what_failed_is_tried_again_only_when_asked(go: Go, tmp_path: Path) -> None:
    one = searched(grid={RATE: [0.003]})
    run = run_folder(
        tmp_path / "search" / "trials" / "001",
        recipe="soundfusion/simple-cnn",
        corpus="tones",
        split="fixed",
        seed=0,
    )
    run.mkdir(parents=True)
    (run / RECIPE).write_text(dump_recipe(one.recipe_of({RATE: 0.003})), encoding="utf-8")
    (run / LAST).write_bytes(b"cut off")
    with raises("search-without-result", LAST, "--restart"):
        go(one)
    said: list[str] = []
    with raises("search-without-result", LAST, "--restart"):
        go(one, say=said.append)
    assert said == [], "a failure stays"
    assert go(one, retry=True).best is not None


def test_what_cannot_be_searched_touches_nothing(
    go: Go, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    one = searched(grid={RATE: [0.003]})
    with pytest.raises(RunError, match="abacus"):
        search(one, corpus, split, folder=tmp_path / "x", options=Options(device="abacus"))
    for part in ("train", "valid", "test"):
        with raises("search-part-empty", part):
            search(one, corpus, dataclasses.replace(split, **{part: []}), folder=tmp_path / "x", options=CPU)
    assert not (tmp_path / "x").exists()


def test_the_split_and_the_figure_that_tpe_follows_belong_to_the_search(
    go: Go, corpus: Corpus, split: Split, tmp_path: Path
) -> None:
    broken = searched(grid={RATE: [BREAKS]})
    with raises("search-without-result", "nan"):
        go(broken)
    fewer = dataclasses.replace(split, valid=split.valid[1:])
    with raises("search-differs", ": clips;"):
        search(broken, corpus, fewer, folder=tmp_path / "search", options=CPU)
    with raises("search-without-result", "nan"):
        go(searched(grid={RATE: [BREAKS]}, monitor="valid_loss"))
    space = {RATE: [BREAKS]}
    with raises("search-without-result", "nan"):
        go(searched(space=space, trials=1), "tpe")
    with raises("search-differs", ": monitor;"):
        go(searched(space=space, trials=1, monitor="valid_loss"), "tpe")
    with raises("search-without-result", "nan"):
        go(searched(space=space, trials=2, seeds=2), "tpe")


def test_tpe_waits_for_the_lock_of_a_killed_process_before_it_draws_on(go: Go, tmp_path: Path) -> None:
    drawn = searched(space={RATE: [BREAKS]}, trials=2)

    def stop(line: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        go(drawn, say=stop)
    said: list[str] = []
    held = threading.Event()

    def linger() -> None:
        with only_one(tmp_path / "search" / "trials" / "001" / ".seed0.lock"):
            held.set()
            time.sleep(1.5)

    thread = threading.Thread(target=linger)
    thread.start()
    held.wait()
    with raises("search-without-result", "nan"):
        go(drawn, say=said.append)
    thread.join()
    assert [line.split(",")[0] for line in said if "failed" not in line] == ["trial 1 of 2", "trial 2 of 2"]
