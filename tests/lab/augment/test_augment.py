"""Augmentations: what they draw, what they do, when they act."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.augment import Amplitude, FrequencyMask, Gain, GaussianNoise, Pipeline, TimeMask


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_noise_has_the_asked_strength() -> None:
    batch = torch.zeros(4, 1, 20000)
    noise = GaussianNoise(std=0.02)
    changed = noise.apply(batch, noise.draw(batch, generator()))
    assert changed.std().item() == pytest.approx(0.02, rel=0.02)
    assert not torch.equal(changed[0], changed[1])


def test_gains_are_within_their_range_in_decibels() -> None:
    batch = torch.ones(2000, 1, 3)
    gain = Gain(low=-12.0, high=12.0)
    decibels = 20 * torch.log10(gain.apply(batch, gain.draw(batch, generator()))[:, 0, 0])
    assert decibels.min() >= -12.01 and decibels.max() <= 12.01
    assert decibels.mean().item() == pytest.approx(0.0, abs=0.6)
    assert decibels.std().item() == pytest.approx(24 / 12**0.5, rel=0.05)


def test_amplitude_is_a_ratio_drawn_evenly() -> None:
    batch = torch.randn(4000, 2, 5, generator=generator(3))
    amplitude = Amplitude()
    drawn = amplitude.draw(batch, generator())
    ratios = amplitude.apply(batch, drawn) / batch
    torch.testing.assert_close(ratios, drawn.reshape(-1, 1, 1).expand_as(batch))
    assert drawn.min() >= 0.9 and drawn.max() <= 1.1
    counts = torch.histc(drawn, bins=4, min=0.9, max=1.1)
    assert counts.min() > 900 and counts.max() < 1100


@pytest.mark.parametrize(("mask", "axis"), [(FrequencyMask, -2), (TimeMask, -1)])
def test_masks_cover_whole_lines_with_the_mean(mask: type[FrequencyMask], axis: int) -> None:
    batch = torch.randn(64, 2, 40, 50, generator=generator(1))
    bars = mask(count=1, max_share=0.3)
    drawn = bars.draw(batch, generator(2))
    changed = bars.apply(batch, drawn)
    mean = batch.mean(dim=(-2, -1), keepdim=True).expand_as(batch)
    hidden = changed == mean
    assert torch.equal(changed[~hidden], batch[~hidden])
    across = -1 if axis == -2 else -2
    lines = hidden.all(dim=across).all(dim=1)  # [batch, axis]
    widths = lines.sum(dim=1)
    torch.testing.assert_close(widths.float(), (drawn[:, 0, 1] - drawn[:, 0, 0]))
    assert int(widths.max()) == int(0.3 * batch.shape[axis])
    assert int(widths.min()) == 0


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 40), count=st.integers(0, 4), share=st.floats(0, 1), seed=st.integers(0, 1000))
def test_masks_keep_shape_and_values_finite(size: int, count: int, share: float, seed: int) -> None:
    batch = torch.randn(3, 1, size, size + 1, generator=generator(seed))
    for bars in (FrequencyMask(count=count, max_share=share), TimeMask(count=count, max_share=share)):
        drawn = bars.draw(batch, generator(seed))
        assert drawn.shape == (3, count, 2)
        assert (drawn[..., 0] >= 0).all() and (drawn[..., 1] <= batch.shape[bars.axis]).all()
        changed = bars.apply(batch, drawn)
        assert changed.shape == batch.shape and torch.isfinite(changed).all()


def test_a_pipeline_acts_in_training_only_and_is_seeded() -> None:
    batch = torch.ones(5, 1, 100)
    pipeline = Pipeline([Gain(), GaussianNoise()])
    pipeline.seed(4)
    first = pipeline(batch)
    pipeline.seed(4)
    assert torch.equal(pipeline(batch), first)
    assert not torch.equal(pipeline(batch), first)
    assert torch.equal(pipeline.eval()(batch), batch)


def test_probability_is_that_of_an_item() -> None:
    batch = torch.ones(2000, 1, 2)
    pipeline = Pipeline([Gain(low=6.0, high=6.0)], probability=0.3)
    pipeline.seed(0)
    changed = (pipeline(batch) != 1.0).all(dim=-1)[:, 0]
    assert changed.float().mean().item() == pytest.approx(0.3, abs=0.04)


def test_probability_zero_draws_nothing() -> None:
    batch = torch.ones(3, 1, 2)
    pipeline = Pipeline([Gain()], probability=0.0)
    before = pipeline.generator.get_state()
    assert pipeline(batch) is batch
    assert torch.equal(pipeline.generator.get_state(), before)


def test_drawn_values_can_be_kept_and_repeated() -> None:
    batch = torch.randn(4, 2, 16, 20, generator=generator(5))
    mask = TimeMask()
    drawn = mask.draw(batch, generator(6))
    assert torch.equal(mask.apply(batch, drawn), mask.apply(batch, drawn))


@pytest.mark.parametrize(
    ("make", "code", "quoted"),
    [
        (lambda: GaussianNoise(std=-1.0), "deviation-negative", -1.0),
        (lambda: Gain(low=3.0, high=-3.0), "range-reversed", -3.0),
        (lambda: Amplitude(low=1.2), "range-reversed", 1.2),
        (lambda: Amplitude(low=-0.1), "ratio-negative", -0.1),
        (lambda: TimeMask(max_share=1.5), "mask-size", 1.5),
        (lambda: FrequencyMask(count=-1), "mask-size", -1),
        (lambda: Pipeline([], probability=2.0), "probability-range", 2.0),
    ],
)
def test_impossible_options_are_refused(make: object, code: str, quoted: float) -> None:
    with raises(code, quoted):
        make()  # type: ignore[operator]
