"""Frozen backbones, and frozen batch norms; a stopped run goes on alike on both sides of the change."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
import torch
from killed import Killed
from raising import raises
from safetensors.torch import load_file
from torch import Tensor

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.training.checkpoints import LAST, Checkpoints, read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.task import GenreTask
from genrelab.lab.training.train import Trained, train

PLAIN = Objective(smoothing=[0.0], class_weights=[1.0] * 3)

State = dict[str, Tensor]


def recipe(*changes: str) -> Recipe:
    """Two epochs of transfer learning, two of fine-tuning, on a small network with batch norms."""
    small = [
        "audio.sample_rate=8000",
        "audio.segment_seconds=0.5",
        "augment=null",
        "inputs.picture.height=32",
        "inputs.picture.width=32",
        "inputs.picture.of.n_mels=32",
        "model.architecture=mobilenetv2_050",
        "training.weights=none",
        "training.batch_size=4",
        "training.frozen_epochs=2",
        "training.max_epochs=4",
        "training.step_epochs=2",
    ]
    return load_recipe("mobilenet-fine-tuned", changes=[*small, *changes])


Run = Callable[[Recipe, Path], Trained]


@pytest.fixture(scope="module")
def run(corpus: Corpus, split: Split) -> Run:

    def go(recipe: Recipe, folder: Path) -> Trained:
        folder.mkdir(exist_ok=True)
        return train(Experiment(recipe, corpus, split, 0), folder=folder, device="cpu")

    return go


@pytest.fixture(scope="module")
def undisturbed(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    run(recipe(), folder)
    return folder


def states_after_each_epoch(patch: pytest.MonkeyPatch) -> list[State]:
    """Return a list that will hold the weights before the first batch and after each epoch."""
    seen: list[State] = []
    real = GenreTask.on_train_batch_start

    def start(self: GenreTask, batch: tuple[Tensor, Tensor], batch_index: int) -> None:
        if batch_index == 0:
            seen.append({key: value.clone() for key, value in self.network.state_dict().items()})
        real(self, batch, batch_index)

    def end(self: GenreTask) -> None:
        seen.append({key: value.clone() for key, value in self.network.state_dict().items()})

    patch.setattr(GenreTask, "on_train_batch_start", start)
    patch.setattr(GenreTask, "on_fit_end", end)
    return seen


def changed(before: State, after: State) -> set[str]:
    """Return the parts of the network of which something changed."""
    return {key.split(".")[1] for key, value in before.items() if not torch.equal(value, after[key])}


def test_backbones_learn_after_so_many_epochs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = states_after_each_epoch(monkeypatch)
    trained = run(recipe(), tmp_path / "run")
    moved = [changed(before, after) for before, after in zip(seen[:-1], seen[1:], strict=True)]
    assert moved == [{"dense", "classify"}] * 2 + [{"backbone", "dense", "classify"}] * 2
    statistics = [key for key in seen[0] if "running" in key]
    assert statistics and all(torch.equal(seen[0][key], seen[2][key]) for key in statistics)
    assert not any(torch.equal(seen[2][key], seen[3][key]) for key in statistics)
    assert trained.network.parameter_count() == sum(each.numel() for each in trained.network.parameters())
    assert [row["learning_rate"] for row in read_history(tmp_path / "run")] == pytest.approx(
        [1e-3, 1e-3, 1e-4, 1e-4]
    )


def test_transfer_alone_leaves_the_backbone_as_it_was(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = states_after_each_epoch(monkeypatch)
    transfer = recipe("training.frozen_epochs=2", "training.max_epochs=2")
    trained = run(transfer, tmp_path / "run")
    assert changed(seen[0], seen[-1]) == {"dense", "classify"}
    learned = [trained.network.body.dense, trained.network.body.classify]
    count = sum(each.numel() for layer in learned for each in layer.parameters())  # type: ignore[union-attr]
    assert trained.network.parameter_count() == count
    # A finished run that is asked again says the same, though no epoch is trained then.
    assert run(transfer, tmp_path / "run").network.parameter_count() == count


def norms_of(epochs: list[State]) -> list[tuple[bool, bool]]:
    """Return for each epoch whether the statistics of batch norms changed, and whether their gains did."""
    statistics = [key for key in epochs[0] if key.endswith("running_mean")]
    gains = [key.replace("running_mean", "weight") for key in statistics]
    gains = [key for key in gains if key in epochs[0]]
    assert statistics and gains
    return [
        tuple(any(not torch.equal(before[key], after[key]) for key in keys) for keys in (statistics, gains))
        for before, after in zip(epochs[:-1], epochs[1:], strict=True)
    ]


def test_batch_norms_are_frozen_from_an_epoch_on(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = ["training.frozen_epochs=0", "training.max_epochs=3"]
    with monkeypatch.context() as patch:
        seen = states_after_each_epoch(patch)
        run(recipe(*three, "training.frozen_norms_from=2"), tmp_path / "two")
    assert norms_of(seen) == [(True, True), (True, True), (False, True)]

    with monkeypatch.context() as patch:
        seen = states_after_each_epoch(patch)
        run(recipe(*three, "training.frozen_norms_from=0"), tmp_path / "zero")
    assert norms_of(seen) == [(True, True), (False, True), (False, True)], "random weights have no statistics"

    weights = f"training.weights={tmp_path / 'two' / 'best.safetensors'}"
    with monkeypatch.context() as patch:
        seen = states_after_each_epoch(patch)
        run(recipe(*three, "training.frozen_norms_from=0", weights), tmp_path / "from weights")
    assert norms_of(seen) == [(False, True)] * 3


@pytest.mark.slow
def test_a_run_with_frozen_batch_norms_resumes_to_the_same_end(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = recipe("training.frozen_epochs=0", "training.max_epochs=3", "training.frozen_norms_from=1")
    run(small, tmp_path / "whole")
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
            if trainer.current_epoch == 2:
                raise Killed

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(Killed):
            run(small, tmp_path / "killed")
    run(small, tmp_path / "killed")
    ours, theirs = (load_file(tmp_path / name / "best.safetensors") for name in ("killed", "whole"))
    assert ours.keys() == theirs.keys() and all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize(
    "epoch",  # in the frozen ones, with the change, after it
    [pytest.param(1, marks=pytest.mark.slow), 2, pytest.param(3, marks=pytest.mark.slow)],
)
def test_a_killed_run_resumes_to_the_same_end(
    run: Run, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, epoch: int
) -> None:
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
            if trainer.current_epoch == epoch:
                raise Killed

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(Killed):
            run(recipe(), tmp_path / "killed")
    assert len(read_history(tmp_path / "killed")) == epoch
    run(recipe(), tmp_path / "killed")
    ours, theirs = (
        torch.load(folder / LAST, weights_only=True) for folder in (tmp_path / "killed", undisturbed)
    )
    assert all(torch.equal(ours["state_dict"][key], value) for key, value in theirs["state_dict"].items())
    mine, other = (state["optimizer_states"][0] for state in (ours, theirs))
    assert mine["param_groups"] == other["param_groups"]
    assert mine["state"].keys() == other["state"].keys()
    weights = len(mine["param_groups"][0]["params"])
    assert len(mine["state"]) == weights == len(list(build_network(recipe(), genres=3).parameters()))


def test_the_optimizer_has_all_weights_while_some_are_frozen() -> None:
    network = build_network(recipe(), genres=3)
    task = GenreTask(network, recipe().training, PLAIN, seed=0)
    task.on_train_batch_start((torch.zeros(0), torch.zeros(0)), 0)  # of epoch 0
    assert not any(each.requires_grad for each in network.body.backbone.parameters())  # type: ignore[union-attr]
    groups = task.configure_optimizers()["optimizer"].param_groups  # type: ignore[index, call-overload]
    assert sum(len(group["params"]) for group in groups) == len(list(network.parameters()))


def test_without_a_backbone_there_is_nothing_to_freeze() -> None:
    plain = load_recipe("mel-augmentation/cnn", changes=["training.frozen_epochs=1"])
    with torch.device("meta"):
        network = build_network(plain, genres=3)
    with raises("no-backbone", "training.frozen_epochs"):
        GenreTask(network, plain.training, PLAIN, seed=0)


def test_nothing_changes_without_frozen_epochs() -> None:
    network = build_network(recipe(), genres=3)
    stem = next(network.body.parameters()).requires_grad_(False)
    task = GenreTask(network, recipe("training.frozen_epochs=0").training, PLAIN, seed=0)
    task.on_train_batch_start((torch.zeros(0), torch.zeros(0)), 0)
    assert not stem.requires_grad


def test_a_negative_number_of_epochs_is_refused() -> None:
    with raises("recipe-value", "training.frozen_epochs = -1"):
        recipe("training.frozen_epochs=-1")
