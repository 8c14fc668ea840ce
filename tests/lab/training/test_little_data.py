"""Balance, guessed labels, the last epoch."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from killed import same
from raising import raises

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import build_network
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.checkpoints import read_history
from genrelab.lab.training.data_loading import training_set
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.class_balance import BalancedSampler, class_weights
from genrelab.lab.training.optimization.objective_factory import make_objective
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.train import Trained, train

Make = Callable[..., Recipe]


def test_class_weights_are_scikit_learns() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    classes = [0] * 7 + [1] * 2 + [2] * 5 + [-1] * 9
    expected = compute_class_weight("balanced", classes=np.arange(3), y=np.array(classes[:14]))
    np.testing.assert_allclose(class_weights(classes, 3), expected)
    assert class_weights([0, 0, 2], 3) == [0.75, 0.0, 1.5], "a genre that nobody has weighs nothing"


def test_the_sampler_shows_all_genres_equally_often() -> None:
    classes = [0] * 20 + [1] * 3 + [2] * 8 + [-1] * 5
    sampler = BalancedSampler(classes, seed=1)
    shown: list[Counter[int]] = []
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        keys = list(sampler)
        assert len(keys) == len(sampler) == len(classes)
        assert len(set(keys)) == len(keys), "an item that comes again has other random values"
        assert keys == list(sampler), "an epoch repeats itself"
        counts = Counter(classes[index] for _, index in keys)
        assert counts[-1] == 5 and sorted(counts[genre] for genre in range(3)) == [10, 10, 11]
        by_item = Counter(index for _, index in keys)
        for genre in range(3):
            times = [by_item[index] for index, number in enumerate(classes) if number == genre]
            assert max(times) - min(times) <= 1, "items take turns"
        shown.append(by_item)
    assert shown[0] != shown[1]


def test_a_balanced_loss_weighs_what_is_rare(
    corpus: Corpus, split: Split, store: AudioStore, tiny_recipe: Make
) -> None:
    fewer = dataclasses.replace(split, train=[key for key in split.train if key not in ("low-0", "low-1")])
    recipe = tiny_recipe("training.balance=loss")
    learning = training_set(Experiment(recipe, corpus, fewer, 0))
    network = build_network(recipe, genres=3)
    objective, _ = make_objective(Experiment(recipe, corpus, fewer, 0), learning, network)
    torch.testing.assert_close(objective.class_weights, torch.tensor([10 / 12, 10 / 6, 10 / 12]))


def test_guessed_labels_are_smoothed_and_counted(
    corpus: Corpus, split: Split, store: AudioStore, tiny_recipe: Make
) -> None:
    guess = {"high-0", "noise-3", "low-6"}  # the last one is tested
    clips = [
        dataclasses.replace(clip, label_origin="guess" if clip.id in guess else "native")
        for clip in corpus.clips
    ]
    told = dataclasses.replace(corpus, clips=clips)
    recipe = tiny_recipe(
        "training.guessed={origins: [guess, other], smoothing: 0.3}", "training.label_smoothing=0.1"
    )
    learning = training_set(Experiment(recipe, told, split, 0))
    network = build_network(recipe, genres=3)
    objective, about = make_objective(Experiment(recipe, told, split, 0), learning, network)
    found = dict(zip(learning.clips, objective.smoothing.tolist(), strict=True))
    assert {key for key, value in found.items() if value == pytest.approx(0.3)} == {"high-0", "noise-3"}
    assert {round(value, 6) for value in found.values()} == {0.1, 0.3}
    assert about["guessed_labels"] == 2


def test_mixup_changes_what_is_learned(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path
) -> None:
    short = "training.max_epochs=1"
    plain = run(tiny_recipe(short), tmp_path / "plain")
    assert not same(plain, run(tiny_recipe(short, "training.mixup=0.3"), tmp_path / "mixed"))


def test_the_last_epoch_is_kept_whatever_its_figures(
    run: Callable[..., Trained], tiny_recipe: Make, tmp_path: Path
) -> None:
    # A learning rate that spoils what was learned.
    changes = ["training.learning_rate=1.0", "training.monitor=last", "training.patience=null"]
    trained = run(tiny_recipe(*changes), tmp_path / "run")
    assert trained.best_epoch == 3 and [row["best"] for row in read_history(tmp_path / "run")] == [0, 0, 0, 1]
    assert run(tiny_recipe(*changes), tmp_path / "run").best_epoch == 3


def test_the_last_epoch_has_no_patience(tiny_recipe: Make) -> None:
    with raises("recipe-value", "training.monitor = 'last'", "training.patience"):
        tiny_recipe("training.monitor=last", "training.patience=3")


def test_nothing_chooses_and_all_but_the_test_part_is_learned(
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    run: Callable[..., Trained],
    tiny_recipe: Make,
    tmp_path: Path,
) -> None:
    recipe = tiny_recipe(
        "training.patience=null",
        "training.monitor=last",
        "training.choose_epoch_on=none",
        "training.max_epochs=2",
    )
    learned = training_set(Experiment(recipe, corpus, split, 0))
    assert {item.clip_id for item in learned.copies[0].items} == {*split.train, *split.valid}
    trained = run(recipe, tmp_path / "a")
    assert (trained.best_epoch, trained.epochs) == (1, 2)
    assert all(np.isnan(row["valid_loss"]) for row in read_history(tmp_path / "a"))
    without = dataclasses.replace(split, train=[*split.train, *split.valid], valid=())
    again = tmp_path / "b"
    again.mkdir()
    assert same(trained, train(Experiment(recipe, corpus, without, 0), folder=again, device="cpu"))
    with raises("recipe-value", "monitor=last"):
        tiny_recipe("training.choose_epoch_on=none")
