"""A finished run is trained for more epochs, in a run of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from killed import Killed
from raising import raises

from genrelab.cli.main import main
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.experiment.extend import extend_run, longer_recipe
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.recipes.load import dump_recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.checkpoints import BEST, HISTORY, LAST, Checkpoints, read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.schedule import learning_rate

Make = Callable[..., Recipe]
MOMENTUM = ("training.optimizer=adamw", "training.batch_size=8", "training.segments_per_clip=1")


@pytest.fixture
def experiment(corpus: Corpus, split: Split, cache: Path) -> Callable[[Recipe], Experiment]:
    return lambda recipe: Experiment(recipe, corpus, split, 0)


def trained(experiment: Experiment, base: Path) -> Run:
    return run_experiment(experiment, base=base, device="cpu", model_file=False)


def extended(experiment: Experiment, more: int, base: Path) -> Run:
    return extend_run(experiment, more, base=base, device="cpu", model_file=False)


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def figures(folder: Path) -> list[dict[str, float]]:
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_history(folder)]


@pytest.mark.parametrize(
    ("schedule", "restarts"),
    [
        (["training.schedule=constant"], ()),
        (["training.schedule=step", "training.step_epochs=3"], ()),
        (["training.schedule=cosine"], (2,)),
    ],
)
def test_an_extension_is_the_run_that_its_recipe_gives_from_the_start(
    schedule: list[str],
    restarts: tuple[int, ...],
    experiment: Callable[[Recipe], Experiment],
    tiny_recipe: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = experiment(tiny_recipe(*MOMENTUM, *schedule, "training.max_epochs=2"))
    run = trained(short, tmp_path / "runs")
    before = digests(run.folder)
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: object, *rest: object) -> None:
            if trainer.current_epoch == 3:  # type: ignore[attr-defined]
                raise Killed

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(Killed):
            extended(short, 2, tmp_path / "runs")
    longer = extended(short, 2, tmp_path / "runs")
    assert digests(run.folder) == before, "the finished run stays as it is"
    assert longer.folder == run.folder.with_name("fixed-seed0-epochs4")
    assert longer.recipe.training.restart_epochs == restarts
    whole = trained(experiment(longer.recipe), tmp_path / "whole")
    assert figures(longer.folder) == figures(whole.folder)
    ours, theirs = longer.network().state_dict(), whole.network().state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert longer.record.evaluation == whole.record.evaluation
    rates = [row["learning_rate"] for row in read_history(longer.folder)]
    assert rates == [learning_rate(longer.recipe.training, epoch) for epoch in range(4)]
    done = digests(longer.folder)
    extended(short, 2, tmp_path / "runs")
    assert digests(longer.folder) == done, "a finished extension is read again"


def test_a_second_extension_starts_where_the_first_one_ended(
    experiment: Callable[[Recipe], Experiment], tiny_recipe: Make, tmp_path: Path
) -> None:
    short = experiment(tiny_recipe(*MOMENTUM, "training.max_epochs=1"))
    trained(short, tmp_path)
    first = extended(short, 1, tmp_path)
    second = extended(short, 2, tmp_path)
    assert second.folder.name == "fixed-seed0-epochs3"
    seconds = [[row["seconds"] for row in read_history(run.folder)] for run in (first, second)]
    assert seconds[1][:2] == seconds[0], "no epoch is trained twice"
    assert figures(second.folder)[:2] == figures(first.folder)


def test_what_cannot_be_extended_is_refused(
    experiment: Callable[[Recipe], Experiment], tiny_recipe: Make, tmp_path: Path
) -> None:
    recipe = tiny_recipe(*MOMENTUM, "training.max_epochs=1")
    with raises("nothing-to-extend", "fixed-seed0", "--more-epochs"):
        extended(experiment(recipe), 1, tmp_path)
    run = trained(experiment(recipe), tmp_path)
    other = tiny_recipe(*MOMENTUM, "training.max_epochs=1", "training.learning_rate=0.1")
    with raises("extends-another-run", run.folder, "--more-epochs"):
        extended(experiment(other), 1, tmp_path)
    for name in (LAST, BEST, HISTORY):
        file = run.folder / name
        file.rename(tmp_path / name)
        with raises("run-without-state", file, "training.max_epochs"):
            extended(experiment(recipe), 1, tmp_path)
        (tmp_path / name).rename(file)
        assert [path.name for path in run.folder.parent.glob("*") if path.is_dir()] == [run.folder.name]
    assert not list(run.folder.parent.glob(".*.draft"))


def history(folder: Path, *, epochs: int, best: int) -> None:
    rows = [f"{epoch},{int(epoch == best)}" for epoch in range(epochs)]
    (folder / "history.csv").write_text("\n".join(["epoch,best", *rows]) + "\n")


def test_patience_that_is_used_up_does_not_end_an_extension(tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.patience=3", "training.max_epochs=9")
    history(tmp_path, epochs=6, best=2)
    longer = longer_recipe(recipe, tmp_path, 4).training
    assert (longer.max_epochs, longer.patience) == (10, None)
    history(tmp_path, epochs=9, best=7)
    longer = longer_recipe(recipe, tmp_path, 4).training
    assert (longer.max_epochs, longer.patience) == (13, 3)


def test_a_cosine_that_was_cut_short_is_refused(tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.schedule=cosine", "training.patience=3", "training.max_epochs=9")
    history(tmp_path, epochs=6, best=2)
    with raises("cosine-cut-short", tmp_path, "6 of 9", "training.patience=null"):
        longer_recipe(recipe, tmp_path, 4)


def test_a_cosine_that_has_not_started_does_not_start_again(tiny_recipe: Make, tmp_path: Path) -> None:
    warm = ("training.warmup_epochs=3", "training.warmup_learning_rate=0.0001", "training.max_epochs=3")
    recipe = tiny_recipe("training.schedule=cosine", *warm)
    history(tmp_path, epochs=3, best=2)
    longer = longer_recipe(recipe, tmp_path, 4)
    assert (longer.training.restart_epochs, longer.training.max_epochs) == ((), 7)
    (tmp_path / "longer.yaml").write_text(dump_recipe(longer))
    assert load_recipe(str(tmp_path / "longer.yaml")) == longer, "the run can be read again"
    rates = [learning_rate(longer.training, epoch) for epoch in range(7)]
    assert (
        rates[:4] == [0.0001] * 3 + [longer.training.learning_rate] and rates[3:] == sorted(rates[3:])[::-1]
    )


def test_backbones_that_were_never_trained_stay_frozen(tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.frozen_epochs=9", "training.max_epochs=9")
    history(tmp_path, epochs=9, best=8)
    assert longer_recipe(recipe, tmp_path, 4).training.frozen_epochs == 13
    part = tiny_recipe("training.frozen_epochs=2", "training.max_epochs=9")
    assert longer_recipe(part, tmp_path, 4).training.frozen_epochs == 2


def test_the_command_extends_and_refuses_to_delete_what_it_extends(
    tmp_path: Path, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        "train", "descriptor-mlp", "--corpus", "synthetic:tracks=5,seconds=1",
        "--out", str(tmp_path / "runs"),
        "--set", "audio.segment_seconds=1", "--set", "training.max_epochs=1", "--device", "cpu",
    ]  # fmt: skip
    assert main([*command, "--restart", "--more-epochs", "2"]) == 2
    assert "--more-epochs" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
    assert main([*command, "--more-epochs", "2"]) == 1
    assert "without --more-epochs" in capsys.readouterr().err
