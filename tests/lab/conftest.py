"""A corpus of tones, so small that a network learns it in seconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.recipes import Recipe, load_recipe
from genrelab.lab.runs.folders import Run
from genrelab.lab.training.experiment import Experiment

GENRES = ("high", "low", "noise")


@dataclass(frozen=True)
class Tones:
    """Renders a tone of a genre's register, or noise."""

    seconds: float = 1.5
    version: int = 1

    def __call__(self, clip: Clip, sample_rate: int, channels: int) -> np.ndarray:
        number = int(clip.id.split("-")[1])
        rng = np.random.default_rng([number, len(clip.genre or "")])
        time = np.arange(round(self.seconds * sample_rate)) / sample_rate
        pitch = {"high": 2000.0, "low": 150.0, "noise": 0.0}[clip.genre or ""] * rng.uniform(0.8, 1.25)
        wave = 0.3 * np.sin(2 * np.pi * pitch * time) + rng.normal(0, 0.02, (channels, time.size))
        if clip.genre == "noise":
            wave = rng.normal(0, 0.2, (channels, time.size))
        return wave.astype(np.float32)


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Eight clips of each of three genres; two neighbours share an artist."""
    clips = [
        Clip(f"{genre}-{number}", None, genre, f"{genre} artist {number // 2}")
        for genre in GENRES
        for number in range(8)
    ]
    return Corpus("tones", GENRES, clips, renderer=Tones())


@pytest.fixture(scope="session")
def split(corpus: Corpus) -> Split:
    """Four clips of each genre to learn, two to choose, two to test."""
    parts: list[list[str]] = [[], [], []]
    for clip in corpus.clips:
        number = int(clip.id.split("-")[1])
        parts[0 if number < 4 else 1 if number < 6 else 2].append(clip.id)
    return Split("fixed", *parts, made="by hand")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("GENRELAB_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_recipe() -> Callable[..., Recipe]:
    """Make ResNet2D on half-second segments at 8 kHz, four filters wide."""

    def make(*changes: str) -> Recipe:
        small = [
            "audio.sample_rate=8000",
            "audio.channels=1",
            "audio.segment_seconds=0.5",
            "model.width=4",
            "training.learning_rate=0.003",
            "training.max_epochs=4",
            "training.batch_size=4",
            "training.segments_per_clip=2",
        ]
        return load_recipe("resnet2d-s", changes=[*small, *changes])

    return make


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
    return run_experiment(Experiment(learnable(), corpus, split, 0), base=base, device="cpu")


@pytest.fixture(scope="session")
def spoilt(corpus: Corpus, split: Split, learnable: Callable[..., Recipe], base: Path) -> Run:
    """A finished run whose epoch was chosen on the test part."""
    recipe = learnable("training.max_epochs=2", "training.choose_epoch_on=test", "name=spoilt")
    return run_experiment(Experiment(recipe, corpus, split, 0), base=base, device="cpu")
