"""Table 1 of paper `ms-sincresnet`, row by row, and its training."""

from __future__ import annotations

from typing import NamedTuple

import pytest
import torch

from genrelab.lab.augment.amplitude import Amplitude
from genrelab.lab.augment.noise import GaussianNoise
from genrelab.lab.frontends import MelSpectrogram
from genrelab.lab.frontends.sinc import Sinc
from genrelab.lab.models import build_network
from genrelab.lab.models.ms_sincresnet import SincNet, SincResNet, SpatialPyramid
from genrelab.lab.recipes import load_recipe, recipe_names
from genrelab.lab.training.optimization.objective import Objective
from genrelab.lab.training.optimization.schedule import learning_rate
from genrelab.lab.training.task import GenreTask

PAPER = "ms-sincresnet"


class Row(NamedTuple):
    """A row of Table 1."""

    name: str
    filters: int | None  # K
    lengths: tuple[int, ...]  # L
    pyramid: bool
    gtzan: float  # %
    ismir2004: float  # %


THREE = (251, 501, 1001)
TABLE_1 = [
    Row("sincnet-80-251", 80, (251,), False, 73.98, 81.34),
    Row("sincnet-80-501", 80, (501,), False, 76.37, 79.70),
    Row("sincnet-80-1001", 80, (1001,), False, 74.97, 79.01),
    Row("sincnet-160-251", 160, (251,), False, 75.78, 80.12),
    Row("sincnet-160-501", 160, (501,), False, 76.08, 71.83),
    Row("sincnet-160-1001", 160, (1001,), False, 76.38, 78.33),
    Row("resnet18-mel", None, (), False, 85.49, 88.34),
    Row("sincresnet-80-251", 80, (251, 251, 251), False, 89.79, 88.75),
    Row("sincresnet-80-501", 80, (501, 501, 501), False, 89.78, 87.93),
    Row("sincresnet-80-1001", 80, (1001, 1001, 1001), False, 89.69, 86.56),
    Row("sincresnet-160-251", 160, (251, 251, 251), False, 90.89, 89.99),
    Row("sincresnet-160-501", 160, (501, 501, 501), False, 90.79, 90.12),
    Row("sincresnet-160-1001", 160, (1001, 1001, 1001), False, 91.08, 90.26),
    Row("ms-sincresnet-80", 80, THREE, False, 90.18, 87.24),
    Row("ms-sincresnet-80-spp", 80, THREE, True, 90.38, 87.52),
    Row("ms-sincresnet-160", 160, THREE, False, 91.29, 89.71),
    Row("ms-sincresnet-160-spp", 160, THREE, True, 91.49, 91.91),
]


def test_every_row_has_a_recipe_and_every_recipe_a_row() -> None:
    names = [name for name in recipe_names() if name.startswith(f"{PAPER}/")]
    assert sorted(names) == sorted(f"{PAPER}/{row.name}" for row in TABLE_1)


@pytest.mark.parametrize("row", TABLE_1, ids=[row.name for row in TABLE_1])
def test_a_row_is_what_its_recipe_builds_and_reports(row: Row) -> None:
    recipe = load_recipe(f"{PAPER}/{row.name}")
    assert recipe.paper == PAPER
    reported = {(figure.corpus, figure.metric): figure.value for figure in recipe.reported}
    assert reported == {
        ("gtzan", "track_accuracy"): pytest.approx(row.gtzan / 100, abs=1e-9),
        ("ismir2004", "track_accuracy"): pytest.approx(row.ismir2004 / 100, abs=1e-9),
    }
    if row.filters is not None:
        printed = str(row.lengths) if len(row.lengths) > 1 else str(row.lengths[0])
        assert f"K = {row.filters}, L = {printed}" in (recipe.row or "")
    assert ("SPP" in (recipe.row or "")) == row.pyramid

    network = build_network(recipe, genres=10)
    (front,) = network.frontends.values()
    if isinstance(front, Sinc):
        low, high = (cutoff.detach() for cutoff in front.banks[-1].cutoffs())  # type: ignore[operator]
        assert (front.filters, front.lengths) == (row.filters, row.lengths)
        assert float(low[0]) == pytest.approx(30.0) and float(high[-1]) == pytest.approx(8000.0, abs=0.05)
        assert front.banks[0].unit_mel == 300.0, "learned in a unit in which they move"
    else:
        assert isinstance(front, MelSpectrogram) and row.filters is None
    body = network.body
    if row.name.startswith("sincnet"):
        assert isinstance(body, SincNet)
        assert [conv.out_channels for conv in body.convolutions] == [60, 60]
        assert [conv.kernel_size for conv in body.convolutions] == [(5,), (5,)]
        dense = [layer for layer in body.dense if isinstance(layer, torch.nn.Linear)]
        assert [layer.out_features for layer in dense] == [2048, 2048, 2048]
        assert body.slope == 0.2 and "model.slope" in recipe.assumed
    else:
        assert isinstance(body, SincResNet)
        assert isinstance(body.pool, SpatialPyramid) == row.pyramid
        channels = 1 if row.filters is None else 3
        assert front.output_shape(48_000)[0] == channels


@pytest.mark.parametrize("row", TABLE_1, ids=[row.name for row in TABLE_1])
def test_sound_and_training_are_one_for_all(row: Row) -> None:
    recipe = load_recipe(f"{PAPER}/{row.name}")
    audio, training = recipe.audio, recipe.training
    assert (audio.sample_rate, audio.channels) == (16_000, 1)
    assert (audio.segment_samples, audio.hop_samples) == (48_000, 8000)  # 3 s, every 0.5 s
    assert recipe.voting == "majority"

    rates = [learning_rate(training, epoch) for epoch in range(training.max_epochs)]
    assert rates[:5] == [1e-5] * 5
    assert rates[5:30] == [0.005] * 25
    assert rates[30:60] == [0.0025] * 30 and rates[60] == 0.00125
    assert len(rates) == 200 and rates[-1] == pytest.approx(0.005 / 2**6)

    assert training.weights == ("none" if row.name.startswith("sincnet") else "imagenet")
    assert (training.optimizer, training.momentum, training.nesterov) == ("sgd", 0.9, True)
    assert (training.weight_decay, training.segments_per_clip, training.draw) == (1e-4, 4, "grid")
    assert training.choose_epoch_on == "valid"


def test_the_optimizer_and_the_augmentations_get_these_values() -> None:
    recipe = load_recipe(f"{PAPER}/ms-sincresnet-160-spp")
    network = build_network(recipe, genres=10)
    plain = Objective(smoothing=[0.0], class_weights=[1.0] * 10)
    made = GenreTask(network, recipe.training, plain, seed=0).configure_optimizers()
    optimizer = made["optimizer"]  # type: ignore[call-overload, index]
    assert isinstance(optimizer, torch.optim.SGD)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [1e-4, 0.0]
    for group in optimizer.param_groups:
        assert (group["momentum"], group["nesterov"], group["lr"]) == (0.9, True, 1e-5)
    sizes = [sum(parameter.numel() for parameter in group["params"]) for group in optimizer.param_groups]
    assert sizes[1] == 3 * 160 * 2  # cut-offs
    assert sum(sizes) == network.parameter_count()

    amplitude, noise = network.augment.steps
    assert isinstance(amplitude, Amplitude) and (amplitude.low, amplitude.high) == (0.9, 1.1)
    assert isinstance(noise, GaussianNoise) and noise.std == 0.02
    assert network.augment.probability == 1.0 and not network.input_augments
