"""The four systems of paper `ms-sincresnet`, made small: trained, measured, written, and asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.frontends.sinc import Sinc
from genrelab.lab.models import build_network
from genrelab.lab.recipes import load_recipe
from genrelab.lab.training.experiment import Experiment
from genrelab.recognize import Recognizer

RATE = 8000
SMALL = [
    f"audio.sample_rate={RATE}",
    "audio.segment_seconds=0.5",
    "audio.overlap=0.5",
    "training.weights=none",
    "training.batch_size=4",
    "training.max_epochs=2",
    "training.warmup_epochs=0",
    "training.warmup_learning_rate=null",
    "training.learning_rate=0.005",
]
PICTURE = ["inputs.picture.filters=8", "inputs.picture.frames=64"]
BANDS = ["inputs.bands.filters=8", "inputs.bands.lengths=[51]"]
SYSTEMS = {
    "sincnet-80-251": [*BANDS, "model.maps=16", "model.units=32", "model.steps=8"],
    "resnet18-mel": ["inputs.picture.n_mels=16"],
    "sincresnet-80-251": [*PICTURE, "inputs.picture.lengths=[51, 51, 51]"],
    "ms-sincresnet-160-spp": [*PICTURE, "inputs.picture.lengths=[25, 51, 101]", "model.hidden=32"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_is_trained_measured_written_and_asked(
    name: str, corpus: Corpus, split: Split, cache: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(f"ms-sincresnet/{name}", changes=[*SMALL, *SYSTEMS[name]])
    run = run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu")
    assert run.record.epoch.trained == 2
    assert run.record.export_difference <= 1e-4
    track = run.record.evaluation.track["majority"]
    assert track.n == 6
    assert track.accuracy.value >= 4 / 6, "tones are easy"
    predictions = run.predictions()
    assert predictions.clip_ids.count("low-6") == 5

    clip = corpus.by_id()["low-6"]
    path = tmp_path / "low.wav"
    render: Callable[[Clip, int, int], np.ndarray] = corpus.renderer  # type: ignore[assignment]
    soundfile.write(path, render(clip, RATE, 1).T, RATE, subtype="PCM_16")
    record = Recognizer.load(run.folder / "model.onnx", threads=1)(path)
    assert record.answered and len(record.timeline) == 5
    own = np.array([each == "low-6" for each in predictions.clip_ids])
    expected = dict(zip(predictions.genres, predictions.probabilities[own].mean(axis=0), strict=True))
    assert {genre.genre: genre.probability for genre in record.genres} == pytest.approx(expected, abs=1e-3)

    torch.manual_seed(0)
    start = build_network(recipe, genres=3)
    for before, after in zip(start.frontends.values(), run.network().frontends.values(), strict=True):
        if isinstance(before, Sinc):
            moved = [
                (was != now).all() for was, now in zip(before.parameters(), after.parameters(), strict=True)
            ]
            assert all(moved), "training reaches every cut-off"
