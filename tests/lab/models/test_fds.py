"""Paper `fds`: its networks' sizes and stages, its recipes, and the way from training to an answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
import torchvision
from networks_with_weights import State
from raising import raises
from safetensors.torch import save_file
from torch import Tensor, nn

from genrelab.lab.corpora.types import Clip, Corpus, Split
from genrelab.lab.experiment.run import run_experiment
from genrelab.lab.models import MODELS, GenreNetwork, build_network
from genrelab.lab.models.pretrained import load_pretrained
from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.training.experiment import Experiment
from genrelab.recognize import Recognizer

SECONDS = (3, 5, 10)
SYSTEMS = ("cnn", "resnet18", "late-fusion")
# 3.1: convolutions over 3 and 16 planes, batch norms, 32 x 32 x 32 values to 256 units, ten genres.
CNN = (3 * 9 * 16 + 16) + 2 * 16 + (16 * 9 * 32 + 32) + 2 * 32 + (32 * 32 * 32 * 256 + 256) + (256 * 10 + 10)


def network(name: str, *changes: str) -> GenreNetwork:
    torch.manual_seed(0)
    return build_network(load_recipe(f"fds/{name}", changes=changes), genres=10)


def waves(seconds: float, *, items: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(items, 1, round(seconds * 22050), generator=generator)


def test_every_system_is_there_at_every_length() -> None:
    names = [name for name in recipe_names() if name.startswith("fds/")]
    assert sorted(names) == sorted(f"fds/{system}-{seconds}s" for system in SYSTEMS for seconds in SECONDS)


@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("system", SYSTEMS)
def test_recipes_differ_as_the_paper_says(system: str, seconds: int) -> None:
    recipe = load_recipe(f"fds/{system}-{seconds}s")
    assert recipe.audio.segment_samples == seconds * 22050 and recipe.audio.channels == 1
    assert recipe.reported == (), "the text prints no figure"
    assert recipe.training.optimizer == "adam" and recipe.training.max_epochs == 20
    assert recipe.training.weights == ("none" if system == "cnn" else "imagenet")
    assert recipe.model.options()["dropout"] == (0.5 if system == "late-fusion" else 0.4)
    assert set(recipe.inputs) == {"spectrogram"} | ({"waveform"} if system == "late-fusion" else set())
    for part in recipe.inputs.values():
        options = part.options()
        assert (options["height"], options["width"], options["values"]) == (128, 128, "imagenet")
    assert f"{seconds} s" in recipe.title and f"{seconds} s" in (recipe.row or "")
    slower = load_recipe("fds/late-fusion-5s").training.learning_rate
    assert slower < load_recipe("fds/resnet18-5s").training.learning_rate, "3.3: a reduced learning rate"
    learned = {"model.padding", "inputs.spectrogram.values"} & set(recipe.assumed)
    assert bool(learned) == (system == "cnn"), "notes on what others do not have were taken away"


def test_the_cnn_has_the_size_that_its_text_makes() -> None:
    assert CNN == 8_396_618
    for seconds in SECONDS:
        assert network(f"cnn-{seconds}s").parameter_count() == CNN


def test_the_cnn_leaves_32_maps_of_32_by_32() -> None:
    net = network("cnn-3s").eval()
    shapes: list[tuple[int, ...]] = []
    for module in net.body.modules():
        if isinstance(module, nn.MaxPool2d | nn.Flatten):
            module.register_forward_hook(lambda _, __, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        scores = net(waves(3))
    assert shapes == [(16, 64, 64), (32, 32, 32), (32 * 32 * 32,)]
    assert scores.embedding.shape == (2, 256) and scores.logits.shape == (2, 10)


def test_resnets_are_torchvisions_with_a_hidden_layer() -> None:
    body = sum(p.numel() for p in torchvision.models.resnet18().parameters()) - (512 * 1000 + 1000)
    with torch.device("meta"):  # sizes alone
        one = MODELS.create("fds-resnet18", {}, inputs={"a": (3, 128, 128)}, genres=10)
        two = MODELS.create("fds-late-fusion", {}, inputs={"a": (3, 128, 128), "b": (3, 128, 128)}, genres=10)
    sizes = [sum(p.numel() for p in each.parameters()) for each in (one, two)]
    assert sizes[0] == body + (512 * 256 + 256) + (256 * 10 + 10)
    assert sizes[1] == 2 * body + (1024 * 512 + 512) + (512 * 10 + 10)


def test_late_fusion_uses_both_pictures() -> None:
    net = network("late-fusion-3s", "model.architecture=test_resnet.r160_in1k").eval()
    with torch.no_grad():
        inputs = net.inputs(waves(3))
        assert {name: each.shape for name, each in inputs.items()} == {
            "spectrogram": (2, 3, 128, 128),
            "waveform": (2, 3, 128, 128),
        }
        before = net.body(inputs).logits
        for name in inputs:
            after = net.body({**inputs, name: inputs[name].flip(-1)}).logits
            assert not torch.allclose(before, after, atol=1e-6), f"{name} makes no difference"


def test_both_resnets_start_from_imagenet_weights(state: State, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_file(state, path)
    net = network("late-fusion-3s")
    assert load_pretrained(net, str(path)) == []
    start = {key: value for key, value in net.body.state_dict().items() if key.endswith(".net.conv1.weight")}
    assert len(start) == 2
    assert all(torch.equal(value, state["conv1.weight"]) for value in start.values())


def test_dropout_precedes_the_classifier() -> None:
    net = network("cnn-3s", "model.dropout=0.9")
    inputs = net.inputs(waves(3, items=4))
    embedding = net.body.train()(inputs).embedding
    assert (embedding == 0).float().mean() > 0.85
    assert (net.body.eval()(inputs).embedding == 0).float().mean() < 0.8


@pytest.mark.parametrize("kind", ["fds-cnn", "fds-resnet18"])
def test_anything_but_one_picture_is_refused(kind: str) -> None:
    for inputs in ({"waveform": (1, 100_000)}, {"a": (3, 64, 64), "b": (3, 64, 64)}):
        with raises("model-inputs", *inputs):
            MODELS.create(kind, {}, inputs=inputs, genres=3)


def test_anything_but_two_pictures_is_refused() -> None:
    picture = (3, 64, 64)
    for inputs in ({"a": picture}, {"a": picture, "b": (1, 9)}, {"a": picture, "b": picture, "c": picture}):
        with raises("model-inputs", "a (3, 64"):
            MODELS.create("fds-late-fusion", {}, inputs=inputs, genres=3)


@pytest.mark.parametrize("shape", [(3, 3, 64), (3, 64, 3)])
def test_pictures_that_are_too_small_are_refused(shape: tuple[int, ...]) -> None:
    with raises("picture-too-small", f"{shape[1]} x {shape[2]}"):
        MODELS.create("fds-cnn", {}, inputs={"a": shape}, genres=3)
    smallest = MODELS.create("fds-cnn", {"hidden": 2}, inputs={"a": (3, 4, 4)}, genres=3).eval()
    assert smallest({"a": torch.zeros(2, 3, 4, 4)}).logits.shape == (2, 3)


RATE = 8000
SMALL = [
    f"audio.sample_rate={RATE}",
    "audio.segment_seconds=0.5",
    "inputs.spectrogram={of: {n_fft: 512, hop_length: 128}, height: 32, width: 32}",
    "model.hidden=32",
    "model.dropout=0.0",
    "training.weights=none",
    "training.batch_size=4",
    "training.max_epochs=2",
]
QUICK = {
    "cnn-3s": [],
    "late-fusion-5s": [
        "model.architecture=test_resnet.r160_in1k",
        "inputs.waveform={height: 32, width: 32}",
    ],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_a_system_is_trained_measured_written_and_asked(
    name: str, corpus: Corpus, split: Split, cache: Path, tmp_path: Path
) -> None:
    recipe = load_recipe(f"fds/{name}", changes=[*SMALL, *QUICK[name]])
    run = run_experiment(Experiment(recipe, corpus, split, 0), base=tmp_path, device="cpu")
    assert run.record.epoch.trained == 2
    assert run.record.export_difference <= 1e-4
    track = run.record.evaluation.track["majority"]
    assert track.n == 6 and track.accuracy.value >= 4 / 6, "tones are easy"

    clip = corpus.by_id()["low-6"]
    path = tmp_path / "low.wav"
    render: Callable[[Clip, int, int], np.ndarray] = corpus.renderer  # type: ignore[assignment]
    soundfile.write(path, render(clip, RATE, 1).T, RATE, subtype="PCM_16")
    record = Recognizer.load(run.folder / "model.onnx", threads=1)(path)
    predictions = run.predictions()
    own = np.array([each == "low-6" for each in predictions.clip_ids])
    assert record.answered and len(record.timeline) == own.sum() == 3
    expected = dict(zip(predictions.genres, predictions.probabilities[own].mean(axis=0), strict=True))
    assert {genre.genre: genre.probability for genre in record.genres} == pytest.approx(expected, abs=2e-3)
