"""One finished experiment on tones that several tests look at and none changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.evaluation.experiment import run_experiment
from genrelab.lab.evaluation.runs import Run
from genrelab.lab.recipes import Recipe


@pytest.fixture(scope="session")
def learnable(tiny_recipe: Callable[..., Recipe]) -> Callable[..., Recipe]:
    """Make the tiny recipe without anything against overfitting, with further changes."""

    def make(*changes: str) -> Recipe:
        return tiny_recipe("training.max_epochs=10", "augment=null", "model.dropout=0.0", *changes)

    return make


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder below which the run lies."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="session")
def run(corpus: Corpus, split: Split, learnable: Callable[..., Recipe], base: Path) -> Run:
    """A finished run."""
    return run_experiment(learnable(), corpus, split, base=base, seed=0, device="cpu")


@pytest.fixture(scope="session")
def spoilt(corpus: Corpus, split: Split, learnable: Callable[..., Recipe], base: Path) -> Run:
    """A finished run whose epoch was chosen on the test part."""
    recipe = learnable("training.max_epochs=2", "training.choose_epoch_on=test", "name=spoilt")
    return run_experiment(recipe, corpus, split, base=base, seed=0, device="cpu")
