"""Published tables: each figure follows from the runs, and what was tampered with is found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from raising import raises

from genrelab.lab.studies.reproduce import Budget, load_table, reproduce
from genrelab.lab.studies.reproduce.publish import RUNS, differences, publish
from genrelab.lab.studies.reproduce.runner import Request

COMMITTED = Path(__file__).parents[4] / "docs" / "results" / "reproduce"
FOLDERS = sorted(path.parent for path in COMMITTED.glob("*/record.json"))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_every_number_of_a_committed_page_follows_from_its_runs(folder: Path) -> None:
    assert differences(folder) == []
    assert {path.name for path in folder.iterdir()} == {"record.json", RUNS, "table.md", "table.csv"}


def test_no_folder_of_results_is_overlooked() -> None:
    found = {path.parent for path in COMMITTED.rglob("*") if path.is_file() and path.parent != COMMITTED}
    assert COMMITTED.is_dir() and found, f"{COMMITTED} holds no results"
    assert found == set(FOLDERS), "a folder below docs/results/reproduce lacks its record.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds and two seeds of one row."""
    changes = ["audio.sample_rate=8000", "audio.channels=1", "audio.segment_seconds=0.5", "audio.overlap=0"]
    wanted = Request(
        corpus="synthetic:tracks=6,seconds=1",
        splits=("artist-kfold:*/2",),
        seeds=2,
        budget=Budget(epochs=1, genres=3),
        changes=(*changes, "model.width=4", "training.batch_size=8"),
        rows=("resnet2d-s-plain",),
        model_files=False,
    )
    record = reproduce(load_table("soundfusion-1"), wanted, out=tmp_path_factory.mktemp("made"))
    return Path(record["folder"])


@pytest.mark.slow
def test_what_is_published_follows_from_its_runs(made: Path, tmp_path: Path) -> None:
    folder = publish(made, tmp_path)
    assert folder == tmp_path / made.name
    assert differences(folder) == []
    assert {path.name for path in folder.iterdir()} == {"record.json", RUNS, "table.md", "table.csv"}
    text = (folder / RUNS).read_text(encoding="utf-8")
    assert "synthetic blues artist" not in text and str(made) not in text
    kept = json.loads(text)
    assert len(kept["runs"]) == 4
    for name, run in kept["runs"].items():
        metrics = json.loads((made / name / "metrics.json").read_text(encoding="utf-8"))
        assert run["segment"]["accuracy"] == metrics["evaluation"]["segment"]["accuracy"]
        assert run["epoch_accuracy"] == metrics["epoch"]["accuracy"]


def in_record(*keys: str | int) -> Callable[[Path], None]:
    """Add a little to a number of the record."""

    def tamper(folder: Path) -> None:
        _add(folder / "record.json", keys)

    return tamper


def in_runs(*keys: str | int) -> Callable[[Path], None]:
    """Add a little to a number of the first run."""

    def tamper(folder: Path) -> None:
        path = folder / RUNS
        first = next(iter(json.loads(path.read_text(encoding="utf-8"))["runs"]))
        _add(path, ("runs", first, *keys))

    return tamper


def _add(path: Path, keys: tuple[str | int, ...]) -> None:
    whole: Any = json.loads(path.read_text(encoding="utf-8"))
    at = whole
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] += 1 if isinstance(at[keys[-1]], int) else 0.001
    path.write_text(json.dumps(whole), encoding="utf-8")


def in_page(folder: Path) -> None:
    path = folder / "table.md"
    path.write_text(path.read_text(encoding="utf-8").replace(" % (", " % ( "), encoding="utf-8")


def without_a_run(folder: Path) -> None:
    path = folder / RUNS
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["runs"].popitem()
    path.write_text(json.dumps(kept), encoding="utf-8")


SEGMENTS = ("lines", 0, "figures", "segment_accuracy")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("tamper", "quoted"),
    [
        (in_page, "table.md"),
        (without_a_run, RUNS),
        (in_record(*SEGMENTS, "ours", "value"), "segment_accuracy: value"),
        (in_record(*SEGMENTS, "ours", "low"), "segment_accuracy: low"),
        (in_record(*SEGMENTS, "by_seed", "1"), "seed 1"),
        (in_record(*SEGMENTS, "runs", 3, "value"), "a run"),
        (in_record(*SEGMENTS, "paper", "value"), "segment_accuracy: "),
        (in_record("lines", 0, "figures", "valid_accuracy", "ours", "value"), "valid_accuracy: value"),
        (in_record("lines", 0, "training_seconds"), "training_seconds"),
        (in_record("lines", 0, "parameters"), "parameters"),
        (in_record("lines", 0, "runs", 0, "seed"), "seed"),
        (in_runs("segment", "accuracy", "value"), "segment_accuracy: "),
        (in_runs("epoch_accuracy"), "valid_accuracy"),
        (in_runs("epoch", "trained"), "epoch"),
    ],
)
def test_a_number_that_does_not_follow_is_found(
    made: Path, tmp_path: Path, tamper: Callable[[Path], None], quoted: str
) -> None:
    folder = publish(made, tmp_path)
    tamper(folder)
    assert any(quoted in text for text in differences(folder)), differences(folder)


@pytest.mark.slow
def test_a_run_that_changed_since_is_not_published(made: Path, tmp_path: Path) -> None:
    name = json.loads((made / "record.json").read_text())["lines"][0]["runs"][0]["tested"]
    metrics = made / name / "metrics.json"
    before = metrics.read_bytes()
    metrics.write_bytes(before + b"\n")
    try:
        with raises("reproduce-run-changed", made / name):
            publish(made, tmp_path)
    finally:
        metrics.write_bytes(before)
