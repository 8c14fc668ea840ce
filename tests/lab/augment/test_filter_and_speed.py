"""The random equalizer and the random speed, by what they do to tones."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises
from scipy.signal import resample

from genrelab.lab.augment import AUGMENTATIONS, Filter, Speed
from genrelab.lab.augment.speed import _quick_length

RATE = 16000


def tone(hertz: float, samples: int = RATE) -> torch.Tensor:
    time = torch.arange(samples) / RATE
    return torch.sin(2 * torch.pi * hertz * time)[None, None]


def prime_factors(number: int) -> list[int]:
    for divisor in range(2, number):
        if number % divisor == 0:
            return [divisor, *prime_factors(number // divisor)]
    return [number]


def level(wave: torch.Tensor) -> float:
    return float(10 * torch.log10(wave.square().mean()))


def test_each_frequency_gets_its_level_and_no_delay() -> None:
    levels = torch.tensor([[-6.0, 3.0, 0.0, 9.0]])  # at 1, 2, 4 and 8 kHz
    equalizer = Filter(decibels=9.0, bands=4)
    for hertz, expected in ((100, -6.0), (1000, -6.0), (2000, 3.0), (4000, 0.0), (1000 * 2**0.5, -1.5)):
        before = tone(round(hertz))
        after = equalizer.apply(before, levels)
        assert level(after) - level(before) == pytest.approx(expected, abs=0.05), hertz
        torch.testing.assert_close(after, before * 10 ** (expected / 20), atol=0.01, rtol=0)


@pytest.mark.parametrize("bands", [1, 2, 7])
def test_the_curve_goes_straight_between_octaves(bands: int) -> None:
    levels = torch.randn(3, bands, generator=torch.Generator().manual_seed(0))
    octaves = np.log2(np.maximum(np.arange(1001) / 1000, 1e-9))
    expected = [np.interp(octaves, np.arange(bands) - bands + 1, each) for each in levels.numpy()]
    np.testing.assert_allclose(Filter(bands=bands).curve(levels, 1001), np.stack(expected), atol=1e-5)


def test_levels_are_drawn_evenly_for_each_item() -> None:
    drawn = Filter(decibels=6.0, bands=7).draw(torch.zeros(3000, 1, 8), torch.Generator().manual_seed(0))
    assert drawn.shape == (3000, 7) and drawn.min() >= -6.0 and drawn.max() <= 6.0
    assert drawn.std().item() == pytest.approx(12 / 12**0.5, rel=0.03)
    assert abs(drawn.mean().item()) < 0.1


@settings(deadline=None, max_examples=25)
@given(samples=st.integers(2, 400), bands=st.integers(1, 16), channels=st.integers(1, 2))
def test_shapes_stay(samples: int, bands: int, channels: int) -> None:
    batch = torch.randn(3, channels, samples, generator=torch.Generator().manual_seed(0))
    for change in (Filter(decibels=6.0, bands=bands), Speed(low=0.5, high=2.0)):
        changed = change.apply(batch, change.draw(batch, torch.Generator().manual_seed(1)))
        assert changed.shape == batch.shape and bool(changed.isfinite().all())
    still = Filter(decibels=0.0, bands=bands)
    unchanged = still.apply(batch, still.draw(batch, torch.Generator()))
    torch.testing.assert_close(unchanged, batch, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("speed", [0.9, 1.1, 0.5, 2.0])
def test_speed_and_pitch_rise_together(speed: float) -> None:
    before = tone(1000.0).expand(1, 2, -1)
    after = Speed(low=0.5, high=2.0).apply(before, torch.tensor([speed]))
    assert after.shape == before.shape
    spectrum = np.abs(np.fft.rfft(after[0, 1, : RATE // 4].numpy() * np.hanning(RATE // 4)))
    peak = np.fft.rfftfreq(RATE // 4, 1 / RATE)[int(spectrum.argmax())]
    assert peak == pytest.approx(1000.0 * speed, abs=4.0)
    assert level(after) == pytest.approx(level(before), abs=0.1)


def test_each_item_is_resampled_at_its_own_speed() -> None:
    """As scipy does it, at a length near that of the speed."""
    batch = torch.randn(5, 2, 24_000, generator=torch.Generator().manual_seed(0))
    speeds = [1.1, 0.93, 1.1, 0.9, 1.07]
    played = Speed().apply(batch, torch.tensor(speeds))
    for before, after, speed in zip(batch, played, speeds, strict=True):
        about = round(24_000 / speed)
        errors = {
            length: np.abs(np.resize(resample(before[0], length), 24_000) - after[0].numpy()).max()
            for length in range(about - about // 250, about + about // 250)
            if length % 2 == 0
        }
        assert min(errors.values()) < 0.03  # scipy takes half the sample rate otherwise, a single tone


@settings(deadline=None, max_examples=50)
@given(samples=st.floats(24_000, 3_000_000))
def test_quick_lengths_are_near(samples: float) -> None:
    length = _quick_length(samples)
    assert length == pytest.approx(samples, rel=0.004)
    assert length % 2 == 0 and max(prime_factors(length)) <= 19


def test_what_would_fold_over_is_gone() -> None:
    assert level(Speed().apply(tone(7600.0), torch.tensor([1.1]))) < -60.0
    assert level(Speed().apply(tone(7200.0), torch.tensor([1.1]))) == pytest.approx(-3.0, abs=0.1)


def test_speed_1_is_nothing_and_what_is_short_begins_again() -> None:
    wave = torch.randn(1, 1, 1000, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(Speed().apply(wave, torch.tensor([1.0])), wave, atol=1e-5, rtol=1e-4)
    twice = Speed(low=0.5, high=2.0).apply(wave, torch.tensor([2.0]))
    assert torch.equal(twice[..., :500], twice[..., 500:])


def test_speeds_are_within_their_range() -> None:
    drawn = Speed(low=0.8, high=1.2).draw(torch.zeros(2000, 1, 2), torch.Generator().manual_seed(0))
    assert drawn.min().item() == pytest.approx(0.8) and drawn.max().item() == pytest.approx(1.2)
    assert len(drawn.unique()) == 21
    with raises("range-reversed", 1.1, 0.9):
        Speed(low=1.1, high=0.9)


def test_recipes_know_them() -> None:
    assert isinstance(AUGMENTATIONS.create("filter", {"decibels": 3, "bands": 5}), Filter)
    with raises("option-invalid", "bands"):
        AUGMENTATIONS.create("filter", {"bands": 0})
    with raises("option-invalid", "low"):
        AUGMENTATIONS.create("speed", {"low": 0.1})
