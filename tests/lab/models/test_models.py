"""Every recipe's network: sizes as published, learning, behaviour in training and in use."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.lab.models import GenreNetwork, build_network
from genrelab.lab.models.blocks import FixedAveragePool, average_probabilities
from genrelab.lab.recipes import load_recipe

PUBLISHED = {
    "soundfusion/resnet1d-s": (70_000, 0.05),
    "soundfusion/resnet1d-m": (280_000, 0.05),
    "soundfusion/resnet1d-l": (1_100_000, 0.05),
    "soundfusion/resnet2d-s": (445_000, 0.03),
    "soundfusion/resnet2d-m": (1_700_000, 0.03),
    "soundfusion/resnet2d-l": (6_800_000, 0.03),
}


def network(name: str, *changes: str, genres: int = 8) -> GenreNetwork:
    torch.manual_seed(0)
    return build_network(load_recipe(name, changes=changes), genres=genres)


def batch(name: str, items: int = 2) -> torch.Tensor:
    audio = load_recipe(name).audio
    generator = torch.Generator().manual_seed(1)
    return 0.1 * torch.randn(items, audio.channels, audio.segment_samples, generator=generator)


@pytest.mark.parametrize("name", PUBLISHED)
def test_sizes_are_the_published_ones(name: str) -> None:
    published, tolerance = PUBLISHED[name]
    assert network(name).parameter_count() == pytest.approx(published, rel=tolerance)


def test_resnet2d_ends_in_3136_values() -> None:
    scores = network("resnet2d-s").eval()(batch("resnet2d-s"))
    assert scores.embedding.shape == (2, 3136)


def test_soundfusion_1_joins_64_and_64() -> None:
    scores = network("soundfusion-1").eval()(batch("soundfusion-1"))
    assert scores.embedding.shape == (2, 128)
    assert scores.logits.shape == (2, 8)


def test_soundfusion_2_is_the_mean_of_both_decisions() -> None:
    fused = network("soundfusion-2").eval()
    inputs = fused.inputs(batch("soundfusion-2"))
    parts = [body(inputs).logits.softmax(-1) for body in (fused.body.wave, fused.body.picture)]  # type: ignore[operator, union-attr]
    torch.testing.assert_close(fused.body(inputs).logits.softmax(-1), sum(parts) / 2)


@settings(max_examples=60, deadline=None)
@given(height=st.integers(1, 40), width=st.integers(1, 90), side=st.integers(1, 9), seed=st.integers(0, 99))
def test_fixed_average_pooling_is_torchs_adaptive(height: int, width: int, side: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mine = torch.randn(2, 3, height, width, generator=generator).requires_grad_()
    theirs = mine.detach().clone().requires_grad_()
    pooled, expected = FixedAveragePool(side)(mine), F.adaptive_avg_pool2d(theirs, side)
    torch.testing.assert_close(pooled, expected)
    weight = torch.randn(pooled.shape, generator=generator)
    (pooled * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-5, rtol=1e-5)


def test_fixed_average_pooling_sums_in_full_precision_under_autocast() -> None:
    half = torch.randn(2, 8, 5, 27, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = FixedAveragePool(7)(half)
    assert pooled.dtype == torch.bfloat16
    rounded_once = F.adaptive_avg_pool2d(half.float(), 7).bfloat16()
    assert (pooled == rounded_once).float().mean() > 0.99


def test_both_branches_of_soundfusion_1_end_with_64_values_at_every_width() -> None:
    net = network("soundfusion-1", "model.width=4").eval()
    embedding = net(batch("soundfusion-1")).embedding
    assert embedding.shape == (2, 128)
    assert (embedding >= 0).all()
    assert (embedding[:, :64] == 0).any() and (embedding[:, :64] > 0).any()


def test_an_input_may_be_called_as_a_method_of_dict() -> None:
    inputs = "inputs={keys: {kind: mel, n_mels: 8}, mel: {kind: mel}}"
    augment = "augment.inputs={keys: [{kind: time-mask}]}"
    net = network("resnet2d-s", "audio.segment_seconds=0.5", inputs, augment)
    assert set(net.inputs(batch("resnet2d-s"))) == {"keys", "mel"}


def test_average_of_probabilities() -> None:
    first, second = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 50.0]])
    mean = (first.softmax(-1) + second.softmax(-1)) / 2
    torch.testing.assert_close(average_probabilities(first, second).softmax(-1), mean)


def test_augmentation_acts_in_training_mode_only() -> None:
    net = network("soundfusion-1", "model.dropout=0.0")
    waveform = batch("soundfusion-1")
    net.eval()
    first = net.inputs(waveform)
    assert all(torch.equal(first[key], value) for key, value in net.inputs(waveform).items())
    changed = net.train().inputs(waveform)
    assert not torch.equal(changed["waveform"], first["waveform"])
    hidden = changed["mel"] != first["mel"]
    assert 0.0 < hidden.float().mean() < 0.95
    assert (changed["mel"][~hidden] == first["mel"][~hidden]).all()


def test_augmentation_of_the_sound_reaches_every_input_and_is_seeded() -> None:
    net = network(
        "soundfusion-1", "augment.inputs=null", "augment.waveform=[{kind: gain, low: 6.0, high: 7.0}]"
    )
    waveform = batch("soundfusion-1")
    plain = net.eval().inputs(waveform)
    net.train().seed(3)
    louder = net.inputs(waveform)
    factor = (louder["waveform"] / plain["waveform"]).median()
    assert 10 ** (6 / 20) <= factor <= 10 ** (7 / 20)
    assert (30 * (louder["mel"] - plain["mel"])).median() == pytest.approx(20 * math.log10(factor), abs=0.6)
    net.seed(3)
    assert torch.equal(net.inputs(waveform)["mel"], louder["mel"])


def test_front_ends_run_in_full_precision_under_autocast() -> None:
    net = network("resnet2d-s").eval()
    quiet = 1e-4 * batch("resnet2d-s")
    expected = net.inputs(quiet)["mel"]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = net.inputs(quiet)["mel"]
        scores = net(quiet)
    assert made.dtype == torch.float32
    torch.testing.assert_close(made, expected)
    assert scores.logits.dtype == torch.bfloat16
