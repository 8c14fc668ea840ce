"""Every recipe that comes with genrelab: learns a tiny batch, is measured, written, and asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from model_metadata import recipe_metadata
from torch import Tensor, nn

from genrelab.bundle.bundle import Bundle
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.inference.predict import TestSet, predict
from genrelab.lab.metrics.scores import evaluate
from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.recipes import Recipe, load_recipe, recipe_names
from genrelab.lab.training.export import TOLERANCE, export
from genrelab.lab.training.optimization.initial_weights import calibrate_start
from genrelab.lab.training.store.audio_store import AudioStore, open_store

GENRES = ("high", "low", "noise")  # of the corpus of tones

SMALL_PICTURE = ("inputs.picture.height=64", "inputs.picture.width=64")

# Values of a recipe that make it quick, the architecture staying as it is; looked up by the kind of its
# model, and without an entry a recipe is tested as it stands.
QUICK: dict[str, tuple[str, ...]] = {
    "soundfusion-1": ("audio.segment_seconds=2.7",),
    "soundfusion-2": ("audio.segment_seconds=2.7",),
    "resnet1d": ("audio.segment_seconds=2.7",),
    "resnet2d": ("audio.segment_seconds=1.0",),
    "simple-cnn": ("audio.segment_seconds=1.0",),
    "simple-vgg": ("audio.segment_seconds=1.0",),
    "averaged-backbone": ("audio.segment_seconds=0.4",),
    "nnet1": ("audio.segment_seconds=0.8", "model.width=4"),
    "nnet2": ("audio.segment_seconds=0.8", "model.width=4"),
    "sincnet": ("audio.segment_seconds=0.5", "inputs.bands.filters=8", "model.units=64"),
    "sincresnet": ("audio.segment_seconds=0.5",),
    "fds-cnn": ("audio.segment_seconds=1.0",),
    "fds-resnet18": ("audio.segment_seconds=1.0",),
    "fds-late-fusion": ("audio.segment_seconds=1.0",),
    "fcn": ("audio.segment_seconds=5.12",),
    "mfcc-cqt": ("audio.segment_seconds=1.5", "model.crop_frames=null"),
    "crnn": ("audio.segment_seconds=1.0", "inputs.picture.height=128", "inputs.picture.width=64"),
    "mel-cnn": ("audio.segment_seconds=1.0", *SMALL_PICTURE),
    "flat-backbone": ("audio.segment_seconds=1.0", *SMALL_PICTURE),
}

TABLES = (
    "mfcc-cqt/descriptor-table",
)  # learns from no sound and makes no model file: test_descriptor_mlp.py

# What differs from another recipe only in what this test leaves out or makes equal (segment, weights, what a
# training does): the other one is tested for both.
TWINS = {
    "builtin/genres-and-tags-first-layers": "builtin/genres-and-tags",
    "builtin/genres-and-tags-pretraining": "builtin/genres-and-tags",
    "builtin/genres-and-tags-tuning": "builtin/genres-and-tags",
    "fds/cnn-10s": "fds/cnn-3s",
    "fds/cnn-5s": "fds/cnn-3s",
    "fds/late-fusion-10s": "fds/late-fusion-3s",
    "fds/late-fusion-5s": "fds/late-fusion-3s",
    "fds/resnet18-10s": "fds/resnet18-3s",
    "fds/resnet18-5s": "fds/resnet18-3s",
    "mel-augmentation/mobilenet-fine-tuned": "mel-augmentation/mobilenet-transfer",
    "mel-augmentation/small-mp3-gray": "mel-augmentation/small-wav-gray",
    "mel-augmentation/small-mp3-rgb": "mel-augmentation/small-wav-rgb",
    "mel-augmentation/vgg16-fine-tuned": "mel-augmentation/vgg16-transfer",
    "ms-sincresnet/ms-sincresnet-160": "ms-sincresnet/ms-sincresnet-80",
    "ms-sincresnet/ms-sincresnet-160-spp": "ms-sincresnet/ms-sincresnet-80-spp",
    "ms-sincresnet/sincnet-160-1001": "ms-sincresnet/sincnet-80-1001",
    "ms-sincresnet/sincnet-160-251": "ms-sincresnet/sincnet-80-251",
    "ms-sincresnet/sincnet-160-501": "ms-sincresnet/sincnet-80-501",
    "ms-sincresnet/sincresnet-160-1001": "ms-sincresnet/sincresnet-80-1001",
    "ms-sincresnet/sincresnet-160-251": "ms-sincresnet/sincresnet-80-251",
    "ms-sincresnet/sincresnet-160-501": "ms-sincresnet/sincresnet-80-501",
    "soundfusion/resnet18-imagenet": "soundfusion/resnet18",
    "soundfusion/resnet1d-s-dropout": "soundfusion/resnet1d-s",
    "soundfusion/resnet2d-s-dropout": "soundfusion/resnet2d-s",
    "soundfusion/resnet34-imagenet": "soundfusion/resnet34",
    "soundfusion/vgg16-gtzan": "soundfusion/vgg16",
}

# One of each paper; the others are slow tests.
FASTEST = {
    "builtin/genres-11-fcn",
    "fds/cnn-3s",
    "mel-augmentation/small-wav-rgb",
    "mfcc-cqt/descriptor-mlp",
    "ms-sincresnet/sincnet-80-1001",
    "soundfusion/simple-vgg",
}

# Exact published sizes: genres, values. Keras counts the moments of batch norms among them.
SIZES = {
    "soundfusion/simple-cnn": (8, 25_472),
    "mel-augmentation/cnn": (10, 15_764_554),
    "mel-augmentation/vgg16-transfer": (10, 16_812_554),
    "mel-augmentation/vgg16-fine-tuned": (10, 16_812_554),
    "mel-augmentation/mobilenet-transfer": (10, 7_423_882),
    "mel-augmentation/mobilenet-fine-tuned": (10, 7_423_882),
}


def quick(name: str) -> Recipe:
    """Return a recipe made quick: short sound, nothing random in training."""
    recipe = load_recipe(name)
    changes = [*QUICK.get(recipe.model.kind, ()), "augment=null", "training.weights=none"]
    if name == "soundfusion/resnet34-own":  # as deep as those of `averaged-backbone`
        changes.append("audio.segment_seconds=0.4")
    if recipe.model.kind == "sincresnet" and recipe.inputs["picture"].kind == "sinc":
        changes += ["inputs.picture.filters=16", "inputs.picture.frames=64"]
    made = load_recipe(name, changes=changes)
    if name == "builtin/genres-and-tags-first-layers":  # no recognizer before it has the others
        whole = {key: value for key, value in made.model.model_dump().items() if key != "layers"}
        made = made.model_copy(update={"model": type(made.model)(**whole)})
    return made


def learn(net: GenreNetwork, waveform: Tensor, label: Tensor) -> list[float]:
    """Learn a few items by heart, until the loss has fallen by a fifth; return the losses."""
    torch.manual_seed(1)
    still = [module for module in net.modules() if isinstance(module, nn.Dropout)]
    for module in still:
        module.p = 0.0
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    losses = []
    for _ in range(30):
        loss = F.cross_entropy(net(waveform).logits, label)
        optimizer.zero_grad()
        loss.backward()
        for key, weight in net.named_parameters():
            assert weight.grad is not None and weight.grad.isfinite().all(), key
        optimizer.step()
        losses.append(loss.item())
        if losses[-1] < 0.8 * losses[0]:
            break
    return losses


@pytest.fixture(scope="module")
def stores(corpus: Corpus) -> Iterator[Callable[[Recipe], AudioStore]]:
    """Open the corpus's store at a recipe's rate."""
    made: dict[tuple[int, int], AudioStore] = {}

    def of(recipe: Recipe) -> AudioStore:
        key = recipe.audio.sample_rate, recipe.audio.channels
        if key not in made:
            made[key] = open_store(corpus, sample_rate=key[0], channels=key[1])
        return made[key]

    yield of
    made.clear()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in FASTEST else pytest.mark.slow)
        for name in recipe_names()
        if name not in TABLES and name not in TWINS
    ],
)
def test_a_recipe_learns_is_measured_written_and_asked(
    name: str, corpus: Corpus, stores: Callable[[Recipe], AudioStore], tmp_path: Path
) -> None:
    recipe = quick(name)
    store, length = stores(recipe), recipe.audio.segment_samples
    torch.manual_seed(0)
    net = build_network(recipe, genres=len(GENRES)).train()
    adaptive = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)  # no deterministic gradient on CUDA
    assert not [module for module in net.modules() if isinstance(module, adaptive)]
    ids = [f"{genre}-{number}" for genre in GENRES for number in (0, 1)]
    waves = torch.from_numpy(np.stack([fitted(store.read(key, 0, length), length) for key in ids]))
    calibrate_start(net, [waves])
    losses = learn(net, waves, torch.arange(6) // 2)
    assert np.isfinite(losses).all() and losses[-1] < 0.8 * losses[0]

    predictions = predict(net, TestSet(corpus, ids, store, recipe.audio), device="cpu")
    assert evaluate(predictions, seed=0).to_dict()["track"]["majority"]["n"] == 6

    about = recipe_metadata(recipe, GENRES)
    assert 0.0 <= export(net.eval(), about, tmp_path / "model.onnx") <= TOLERANCE
    probabilities, *_ = Bundle.load(tmp_path / "model.onnx").predict(waves.numpy())
    with torch.no_grad():
        expected = net(waves).logits.softmax(-1).numpy()
    np.testing.assert_allclose(probabilities, expected, atol=TOLERANCE)


def test_a_twin_is_what_is_tested_in_its_place() -> None:
    """All that the test above takes from a recipe is the same; and nothing is tested twice."""
    alike: dict[str, list[str]] = {}
    for name in recipe_names():
        recipe = quick(name).model_dump(mode="json")
        used = [*(recipe[key] for key in ("audio", "inputs", "model")), recipe["training"]["loss"]]
        alike.setdefault(json.dumps(used, sort_keys=True), []).append(name)
    for names in alike.values():
        (tested,) = set(names) - TWINS.keys()
        assert {name: TWINS.get(name) for name in names} == {
            name: None if name == tested else tested for name in names
        }


def fitted(wave: np.ndarray, length: int) -> np.ndarray:
    """Repeat sound up to a length."""
    return np.resize(wave.T, (length, len(wave))).T.copy()


@pytest.mark.parametrize("name", SIZES)
def test_published_sizes_are_exact(name: str) -> None:
    genres, published = SIZES[name]
    with torch.device("meta"):  # sizes alone
        net = build_network(load_recipe(name), genres=genres)
    size = net.parameter_count()
    if name.startswith("mel-augmentation/"):
        norms = [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]
        size += sum(2 * norm.num_features for norm in norms)
    assert size == published


def test_no_exact_published_size_is_forgotten() -> None:
    exact = re.compile(r"\d{1,3}(,\d{3})+|\d{5,}")
    stated = {name for name in recipe_names() if exact.match(load_recipe(name).parameters or "")}
    assert stated <= SIZES.keys()
