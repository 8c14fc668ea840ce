"""Collapsed, diverged and unlearned networks are found, and ordinary ones are not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from raising import raises

from genrelab.cli.main import main
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.findings import Finding
from genrelab.lab.findings.wording import network_state, sentence, verdict_lines, warnings
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs.folders import METRICS, Run
from genrelab.lab.runs.network_findings import prediction_findings, training_findings
from genrelab.lab.runs.record import TestRecord, load_record
from genrelab.lab.studies.cross_corpus import evaluate_together
from genrelab.lab.training import checkpoints
from genrelab.lab.training.experiment import Experiment

Make = Callable[..., Recipe]
GENRES = ("blues", "jazz", "metal")
SYNTHETIC = (
    "train", "resnet2d-s", "--corpus=synthetic:tracks=3,seconds=1", "--split=random:34/33/33",
    "--device=cpu", "--set=audio.sample_rate=8000", "--set=audio.channels=1",
    "--set=audio.segment_seconds=0.5", "--set=model.width=4", "--set=training.max_epochs=2",
)  # fmt: skip


@pytest.fixture(scope="module")
def halves(corpus: Corpus) -> Split:
    """Three clips of each genre to learn, one to choose, four to test: twelve."""
    parts: list[list[str]] = [[], [], []]
    for clip in corpus.clips:
        number = int(clip.id.split("-")[1])
        parts[0 if number < 3 else 1 if number < 4 else 2].append(clip.id)
    return Split("halves", *parts, made="by hand")


def kinds(run: Run) -> dict[str, Finding]:
    return {each.kind: each for each in run.record.findings}


def told_everywhere(run: Run) -> None:
    """The record, the report, the verdict's line, the notes at the end, the model file."""
    found = run.record.findings
    stored = json.loads((run.folder / METRICS).read_text(encoding="utf-8"))["findings"]
    assert [each["kind"] for each in stored] == [each.kind for each in found]
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert f"and the network {network_state(found)}" in page and "Do not trust these figures" in page
    lines = verdict_lines(run.record.verdict, found)
    assert lines[0].endswith(f", network {network_state(found)}")
    for each in found:
        assert sentence(each) in warnings(run.record.severe())
        assert sentence(each) in warnings(run.record.doubts())
        assert f"        {sentence(each)}" in lines


def test_a_rate_of_a_thousand(corpus: Corpus, halves: Split, tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe(
        "training.learning_rate=1000", "training.max_epochs=4", "training.segments_per_clip=6"
    )
    run = run_experiment(Experiment(recipe, corpus, halves, 0), base=tmp_path, device="cpu", model_file=False)
    found = kinds(run)
    assert "diverged" in found and "one genre" in found
    assert found["diverged"].count == 4 and "train" in found["diverged"].parts
    assert found["one genre"].count == 12 and found["one genre"].examples[0] in corpus.genres
    assert "unchanged" not in found
    told_everywhere(run)
    json.loads((run.folder / "metrics.json").read_text(), parse_constant=pytest.fail)
    evaluate_together([run], tmp_path / "together")
    again = load_record(TestRecord, tmp_path / "together" / METRICS)
    assert {each.kind for each in again.findings} == set(found)


def test_a_rate_of_nothing(corpus: Corpus, halves: Split, tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.learning_rate=1e-30", "training.max_epochs=2")
    run = run_experiment(Experiment(recipe, corpus, halves, 0), base=tmp_path, device="cpu", model_file=False)
    found = kinds(run)
    assert "diverged" not in found
    assert found["unchanged"].count == 2 and float(found["unchanged"].examples[0]) < 1e-20
    told_everywhere(run)


def test_it_is_known_of_a_run_that_was_stopped_what_it_started_with(
    corpus: Corpus, halves: Split, tiny_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny_recipe("training.learning_rate=1e-30", "training.max_epochs=2")
    whole = checkpoints.Checkpoints.on_train_epoch_end

    def stopped(self: checkpoints.Checkpoints, trainer: object, task: object) -> None:
        whole(self, trainer, task)  # type: ignore[arg-type]
        raise ConnectionError("stopped")

    monkeypatch.setattr(checkpoints.Checkpoints, "on_train_epoch_end", stopped)
    with pytest.raises(ConnectionError):
        run_experiment(Experiment(recipe, corpus, halves, 0), base=tmp_path, device="cpu", model_file=False)
    monkeypatch.undo()
    run = run_experiment(Experiment(recipe, corpus, halves, 0), base=tmp_path, device="cpu", model_file=False)
    assert run.record.epoch.trained == 2 and "unchanged" in kinds(run)


@pytest.mark.slow
def test_a_training_that_learns_has_none(run: Run, spoilt: Run) -> None:
    for each in (run, spoilt):
        assert each.record.findings == ()
        assert "network" not in verdict_lines(each.record.verdict, each.record.findings)[0]
        assert "and the network" not in (each.folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_command_says_it(tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SYNTHETIC, f"--out={tmp_path}", "--set=training.learning_rate=1000"]) == 0
    out, err = capsys.readouterr()
    line = next(line for line in out.splitlines() if line.startswith("verdict"))
    assert "network" in line and "diverged" in line
    assert "note: Training diverged: the loss is" in err


def test_weights_that_are_no_numbers_end_the_run(
    corpus: Corpus, halves: Split, tiny_recipe: Make, tmp_path: Path
) -> None:
    """One step of an absurd size at the end of the last epoch: no loss has seen its weights."""
    recipe = tiny_recipe(
        "training.learning_rate=1e38", "training.optimizer=sgd", "training.max_epochs=1",
        "training.batch_size=32", "training.monitor=last", "training.choose_epoch_on=none",
        "training.patience=null", "training.segments_per_clip=1", "training.momentum=0.0",
        "training.weight_decay=1000000",
    )  # fmt: skip
    with raises("weights-not-finite", "best.safetensors", "epoch 0"):
        run_experiment(Experiment(recipe, corpus, halves, 0), base=tmp_path, device="cpu", model_file=False)


def predictions(values: np.ndarray, truth: list[int]) -> Predictions:
    ids = tuple(f"c{number}" for number in range(len(truth)))
    names = {clip: GENRES[number] for clip, number in zip(ids, truth, strict=True)}
    return Predictions(GENRES, ids, np.zeros(len(ids)), values, names)


@pytest.mark.parametrize(("clips", "found"), [(7, False), (8, True), (300, True)])
def test_one_genre_for_all_where_chance_would_not_do_so(clips: int, found: bool) -> None:
    """Guessing among three genres says one for all seven clips once in 729 times, for eight in 2,187."""
    rng = np.random.default_rng(0)
    values = rng.dirichlet((30.0, 1.0, 1.0), clips)
    truth = [number % 3 for number in range(clips)]
    (*said,) = prediction_findings(predictions(values, truth), "mean", steps=50)
    assert [(each.kind, each.count, each.examples) for each in said] == (
        [("one genre", clips, ("blues",))] if found else []
    )
    assert not prediction_findings(predictions(values, [0] * clips), "mean", steps=50), (
        "all are blues in truth"
    )
    assert not prediction_findings(predictions(values, truth), "mean", steps=49), "hardly begun"
    assert bool(prediction_findings(predictions(values, truth), "mean", steps=None)) is found
    values[0] = (0.1, 0.8, 0.1)
    assert not prediction_findings(predictions(values, truth), "mean", steps=50), "one clip is something else"


@pytest.mark.parametrize(("spread", "found"), [(0.0, True), (5e-5, True), (2e-4, False)])
def test_probabilities_that_never_change(spread: float, found: bool) -> None:
    values = np.tile([0.3, 0.4, 0.3], (4, 1))
    values[0] += (spread, -spread, 0.0)
    said = prediction_findings(predictions(values, [0, 1, 2, 0]), "mean", steps=50)
    assert [each.kind for each in said] == (["constant"] if found else [])
    if found:
        assert said[0].examples[0] == "jazz 0.400" and said[0].count == 4


def history(*losses: tuple[float, float], best: int = 0) -> list[dict[str, float]]:
    return [
        {"epoch": at, "train_loss": train, "valid_loss": valid, "best": float(at == best)}
        for at, (train, valid) in enumerate(losses)
    ]


@pytest.mark.parametrize(
    ("rows", "parts", "number"),
    [
        (history((2.0, 1e21), (1.0, 2.0), best=1), None, 0),  # it came back
        (history((2.0, 2.0), (1.0, 1e21)), ("valid",), 1),
        (history((2.0, 2.0), (1e21, 1e21), (1e3, 1e3)), ("train", "valid"), 2),
        (history((2.0, 2.0), (1.0, math.nan)), ("valid",), 1),
        (history((2.0, 2.0), (1.0, math.inf)), ("valid",), 1),
        (history((2.0, 109.0), (109.0, 2.0)), None, 0),  # 100 ln 3 is 109.9
        (history((2.0, 110.0), (2.0, 2.0)), ("valid",), 1),
    ],
)
def test_a_loss_beyond_all_measure(
    rows: list[dict[str, float]], parts: tuple[str, ...] | None, number: int
) -> None:
    found = training_findings(load_recipe("resnet2d-s"), rows, genres=3, moved=1.0)
    assert [(each.kind, each.parts, each.count) for each in found] == (
        [] if parts is None else [("diverged", parts, number)]
    )


def test_where_nothing_chose_the_loss_of_validation_is_not_missed() -> None:
    recipe = load_recipe(
        "resnet2d-s",
        changes=["training.monitor=last", "training.choose_epoch_on=none", "training.patience=null"],
    )
    assert not training_findings(recipe, history((2.0, math.nan)), genres=3, moved=None)


def test_losses_of_a_teacher_count_by_their_weights() -> None:
    recipe = load_recipe("resnet2d-s", changes=["distill.regress.embedding=9"])
    rows = history((500.0, 2.0))
    assert not training_findings(recipe, rows, genres=3, moved=1.0)
    assert training_findings(load_recipe("resnet2d-s"), rows, genres=3, moved=1.0)


@pytest.mark.parametrize(("moved", "found"), [(0.0, True), (9e-7, True), (1.1e-6, False), (None, False)])
def test_weights_that_stay(moved: float | None, found: bool) -> None:
    said = training_findings(load_recipe("resnet2d-s"), history((1.0, 1.0)), genres=3, moved=moved)
    assert [each.kind for each in said] == (["unchanged"] if found else [])


def test_the_states_of_a_network_are_joined() -> None:
    found = [Finding(kind="diverged"), Finding(kind="unchanged"), Finding(kind="diverged")]
    assert network_state(found) == "diverged and learned nothing"
    assert network_state([]) == ""
