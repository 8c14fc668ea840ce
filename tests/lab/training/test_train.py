"""Training learns, is reproducible, stops and resumes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import lightning as L
import pytest
import torch
from killed import Killed, same
from raising import raises

from genrelab.errors import CorpusError, RunError
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.recipes import Recipe
from genrelab.lab.training import checkpoints
from genrelab.lab.training.checkpoints import LAST, Checkpoints, read_history
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.schedule import learning_rate
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.train import Trained, resolve_device, train

Make = Callable[..., Recipe]


def figures(folder: Path) -> list[dict[str, float]]:
    """The history without the time that it took."""
    return [{key: value for key, value in row.items() if key != "seconds"} for row in read_history(folder)]


def test_learns_and_keeps_its_history(run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path) -> None:
    trained = run(tiny_recipe("training.max_epochs=8", "model.dropout=0.0"), tmp_path / "run")
    history = read_history(tmp_path / "run")
    assert [row["epoch"] for row in history] == list(range(8))
    assert history[-1]["train_loss"] < 0.8 * history[0]["train_loss"]
    best = min(history, key=lambda row: row["valid_loss"])
    assert best["best"] == 1.0 and int(best["epoch"]) == trained.best_epoch
    assert sum(row["best"] for row in history) == 1
    assert any((tmp_path / "run" / "log").glob("events*"))


def test_the_history_shows_the_rate_that_an_epoch_used(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = tiny_recipe(
        "training.schedule=step", "training.step_epochs=2", "training.max_epochs=5",
        "training.warmup_epochs=1", "training.warmup_learning_rate=1e-5",
    )  # fmt: skip
    used: list[set[float]] = [set() for _ in range(5)]

    def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
        used[trainer.current_epoch].add(trainer.optimizers[0].param_groups[0]["lr"])

    monkeypatch.setattr(Checkpoints, "on_before_zero_grad", batch_end, raising=False)
    run(recipe, tmp_path / "run")
    assert used == [{1e-5}, {0.003}, {0.0015}, {0.0015}, {0.00075}]
    history = read_history(tmp_path / "run")
    assert [{row["learning_rate"]} for row in history] == used


def test_the_epoch_can_be_chosen_on_the_test_part(
    corpus: Corpus, split: Split, store: AudioStore, tiny_recipe: Make, tmp_path: Path
) -> None:
    """It is the same as a split whose parts are so."""
    learned = [*split.train, *split.valid]
    joined = Split("joined", train=learned, valid=[], test=split.test, made="by hand")
    honest = Split("other", train=learned, valid=split.test, test=split.valid, made="by hand")
    trained = []
    for name, parts, part in (("a", split, "test"), ("b", honest, "valid"), ("c", joined, "test")):
        (tmp_path / name).mkdir()
        recipe = tiny_recipe(f"training.choose_epoch_on={part}", "training.max_epochs=2")
        trained.append(train(Experiment(recipe, corpus, parts, 0), folder=tmp_path / name, device="cpu"))
    assert same(trained[0], trained[1]) and same(trained[0], trained[2])
    assert figures(tmp_path / "a") == figures(tmp_path / "b")


def test_a_seed_repeats_itself(run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.max_epochs=2")
    first, second = run(recipe, tmp_path / "a"), run(recipe, tmp_path / "b")
    assert same(first, second)
    assert not same(first, run(recipe, tmp_path / "c", seed=1))


@pytest.mark.parametrize("moment", ["in the middle of epoch 2", "between weights and state of epoch 2"])
def test_a_killed_run_resumes_to_the_same_end(
    run: Callable[..., Trained],
    tiny_recipe: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    recipe = tiny_recipe(
        "training.schedule=cosine", "training.warmup_epochs=1", "training.warmup_learning_rate=1e-4"
    )
    undisturbed = run(recipe, tmp_path / "whole")
    with monkeypatch.context() as patch:
        if moment.startswith("in"):

            def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
                if trainer.current_epoch == 2:
                    raise Killed

            patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        else:
            real = checkpoints.replace_file

            def replace(path: Path, write: Callable[[Path], object]) -> None:
                if path.name == LAST and len(read_history(path.parent)) == 3:
                    raise Killed
                real(path, write)

            patch.setattr(checkpoints, "replace_file", replace)
        with pytest.raises(Killed):
            run(recipe, tmp_path / "killed")
    resumed = run(recipe, tmp_path / "killed")
    assert same(undisturbed, resumed)
    last, expected = (
        torch.load(tmp_path / name / LAST, weights_only=True)["state_dict"] for name in ("killed", "whole")
    )
    assert all(torch.equal(last[key], value) for key, value in expected.items())
    assert figures(tmp_path / "killed") == figures(tmp_path / "whole")
    rates = [row["learning_rate"] for row in read_history(tmp_path / "killed")]
    assert rates == [learning_rate(recipe.training, epoch) for epoch in range(4)]


class PressesWhenCollected:
    """Ctrl-C at a moment when Python drops exceptions."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_ends_training_even_out_of_a_finalizer(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT)
    recipe = tiny_recipe()
    with monkeypatch.context() as patch:

        def batch_end(self: Checkpoints, trainer: L.Trainer, *rest: object) -> None:
            if trainer.current_epoch == 2:
                PressesWhenCollected()

        patch.setattr(Checkpoints, "on_train_batch_end", batch_end, raising=False)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before
    assert len(read_history(tmp_path / "run")) == 2
    assert run(recipe, tmp_path / "run").epochs == 4


def test_a_finished_training_is_not_trained_further(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path
) -> None:
    recipe = tiny_recipe("training.max_epochs=2")
    first = run(recipe, tmp_path / "run")
    again = run(recipe, tmp_path / "run")
    assert same(first, again) and again.epochs == 2


def test_stops_early_and_stays_stopped(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path
) -> None:
    # A learning rate of nothing: the first epoch stays the best.
    recipe = tiny_recipe(
        "training.learning_rate=1e-30", "training.optimizer=sgd", "training.momentum=0.0",
        "training.max_epochs=30", "training.patience=2", "training.monitor=valid_accuracy",
    )  # fmt: skip
    trained = run(recipe, tmp_path / "run")
    assert trained.epochs < 30
    assert trained.epochs - 1 - trained.best_epoch == 2
    assert run(recipe, tmp_path / "run").epochs == trained.epochs


def test_a_loss_that_is_not_finite_is_an_error_with_the_remedy(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path
) -> None:
    recipe = tiny_recipe("training.learning_rate=1e30", "training.optimizer=sgd")
    with raises("loss-not-finite", "training.learning_rate"):
        run(recipe, tmp_path / "run")


def test_an_empty_part_is_an_error(
    corpus: Corpus, store: AudioStore, tiny_recipe: Make, tmp_path: Path
) -> None:
    split = Split("none", train=["high-0"], valid=[], test=["high-1"], made="by hand")
    with pytest.raises(CorpusError, match="valid part"):
        train(Experiment(tiny_recipe(), corpus, split, 0), folder=tmp_path, device="cpu")


def test_foreign_weights_are_refused_by_key(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path
) -> None:
    small = run(tiny_recipe("training.max_epochs=1"), tmp_path / "run")
    other = run(tiny_recipe("training.max_epochs=1", "model.width=5"), tmp_path / "other")
    with raises("weights-of-another-network", checkpoints.BEST, "weight"):
        checkpoints.load_weights(small.network, tmp_path / "other" / checkpoints.BEST)
    (tmp_path / "cut").write_bytes((tmp_path / "run" / checkpoints.BEST).read_bytes()[:1000])
    with raises("run-weights-unreadable", tmp_path / "cut"):
        checkpoints.load_weights(other.network, tmp_path / "cut")


def test_a_damaged_last_state_is_refused_with_the_remedy(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path
) -> None:
    recipe = tiny_recipe("training.max_epochs=2")
    run(recipe, tmp_path / "run")
    last = tmp_path / "run" / LAST
    whole = last.read_bytes()
    for damaged in (b"", whole[: len(whole) // 2], b"not a checkpoint at all"):
        last.write_bytes(damaged)
        with raises("checkpoint-damaged", LAST, "--restart"):
            run(recipe, tmp_path / "run")
    last.write_bytes(whole)
    with raises("weights-of-another-network", LAST, "--restart"):
        run(tiny_recipe("training.max_epochs=2", "model.width=5"), tmp_path / "run")


def test_going_on_adds_up_the_seconds(run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path) -> None:
    recipe = tiny_recipe("training.max_epochs=2")
    first = run(recipe, tmp_path / "run")
    assert first.seconds > 0.0
    assert run(recipe, tmp_path / "run").seconds == first.seconds


def test_devices() -> None:
    assert resolve_device("cpu") == ("cpu", "32-true")
    with raises("device-unknown", "cpu", "gpu"):
        resolve_device("tpu")
    if torch.cuda.is_available():
        assert resolve_device("auto")[0] == "gpu"
    else:
        assert resolve_device("auto") == ("cpu", "32-true")
        with pytest.raises(RunError, match="--device cpu"):
            resolve_device("gpu")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_trains_in_half_precision_on_a_gpu(
    corpus: Corpus, split: Split, store: AudioStore, tiny_recipe: Make, tmp_path: Path
) -> None:
    trained = train(Experiment(tiny_recipe(), corpus, split, 0), folder=tmp_path, device="gpu")
    assert trained.precision in {"bf16-mixed", "16-mixed"}
    assert all(torch.isfinite(value).all() for value in trained.network.state_dict().values())
