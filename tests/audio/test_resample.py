"""Resampling against soxr in one go, and against what a sine must become."""

from __future__ import annotations

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.resample import resample, resample_blocks

RATES = [(44_100, 22_050), (22_050, 44_100), (48_000, 16_000), (32_000, 22_050), (44_100, 48_000)]


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_sine_keeps_its_frequency_phase_and_level(source: int, target: int) -> None:
    def sine(rate: int) -> np.ndarray:
        return np.sin(2 * np.pi * 1000 * np.arange(2 * rate) / rate).astype(np.float32)

    resampled = resample(np.stack([sine(source), 0.5 * sine(source)]), source, target)
    assert resampled.dtype == np.float32
    assert resampled.shape == (2, 2 * target)
    middle = slice(target // 2, 3 * target // 2)
    assert np.allclose(resampled[0, middle], sine(target)[middle], atol=1e-4)
    assert np.allclose(resampled[1], 0.5 * resampled[0], atol=1e-5)


def test_what_the_new_rate_cannot_hold_is_filtered_out() -> None:
    time = np.arange(44_100) / 44_100
    high = np.sin(2 * np.pi * 9000 * time).astype(np.float32)[None]
    assert np.abs(resample(high, 44_100, 16_000)[:, 1000:-1000]).max() < 1e-3


@given(
    rates=st.sampled_from(RATES),
    channels=st.integers(1, 3),
    sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=12),
)
@settings(deadline=None, max_examples=40)
def test_blocks_are_one_filter(rates: tuple[int, int], channels: int, sizes: list[int]) -> None:
    whole = np.random.default_rng(0).standard_normal((channels, sum(sizes))).astype(np.float32)
    blocks = np.split(whole, np.cumsum(sizes)[:-1], axis=1)
    pieces = list(resample_blocks(blocks, *rates))
    assert all(piece.size for piece in pieces)
    joined = np.concatenate([np.zeros((channels, 0), np.float32), *pieces], axis=1)
    expected = soxr.resample(whole.T, *rates, quality="HQ").T
    assert joined.shape == expected.shape
    assert np.allclose(joined, expected, atol=1e-6)


def test_the_same_rate_changes_nothing() -> None:
    waveform = np.random.default_rng(0).standard_normal((2, 100)).astype(np.float32)
    assert np.array_equal(resample(waveform, 8000, 8000), waveform)
    assert np.array_equal(np.concatenate(list(resample_blocks([waveform], 8000, 8000)), axis=1), waveform)
    assert list(resample_blocks([], 8000, 4000)) == []


def test_wrong_use() -> None:
    with raises("sample-rate", -1):
        resample(np.zeros((1, 10), np.float32), 8000, -1)
    with raises("waveform-shape"):
        resample(np.zeros(10, np.float32), 8000, 4000)
    with raises("sample-rate", 0):
        list(resample_blocks([np.zeros((1, 10), np.float32)], 0, 4000))
