"""The stored corpus of tones, and trainings on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.train import Trained, train


@pytest.fixture
def store(corpus: Corpus, cache: Path) -> AudioStore:
    return open_store(corpus, sample_rate=8000, channels=1)


@pytest.fixture
def run(corpus: Corpus, split: Split, store: AudioStore) -> Callable[..., Trained]:
    """Train a recipe in a folder."""

    def go(recipe: Recipe, folder: Path, seed: int = 0) -> Trained:
        folder.mkdir(exist_ok=True)
        return train(Experiment(recipe, corpus, split, seed), folder=folder, device="cpu")

    return go
