"""Mixing channels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from raising import raises

from genrelab.audio.channels import match_channels
from genrelab.audio.decode import decode


@pytest.mark.parametrize("present", range(1, 13))
@pytest.mark.parametrize("wanted", [1, 2])
def test_equal_channels_stay_what_they_are(present: int, wanted: int) -> None:
    one = np.random.default_rng(present).uniform(-1, 1, (1, 50)).astype(np.float32)
    mixed = match_channels(np.repeat(one, present, axis=0), wanted)
    assert mixed.dtype == np.float32
    assert np.allclose(mixed, np.repeat(one, wanted, axis=0), atol=1e-6)


def test_mono_is_the_mean() -> None:
    waveform = np.random.default_rng(0).uniform(-1, 1, (6, 50)).astype(np.float32)
    assert np.allclose(match_channels(waveform, 1)[0], waveform.mean(axis=0), atol=1e-6)


def test_surround_keeps_its_sides() -> None:
    speakers = np.eye(6, dtype=np.float32)  # one speaker at each sample
    left, right = match_channels(speakers, 2)
    third = pytest.approx(1 / 3)
    assert left.tolist() == [third, 0, third, 0, third, 0]
    assert right.tolist() == [0, third, third, 0, 0, third]


def test_more_channels_than_any_layout() -> None:
    left, right = match_channels(np.eye(10, dtype=np.float32), 2)
    assert np.flatnonzero(left).tolist() == [0, 2, 4, 6, 8]
    assert np.flatnonzero(right).tolist() == [1, 3, 5, 7, 9]


def test_a_surround_file(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, (4000, 6)).astype(np.float32)
    sf.write(tmp_path / "six.wav", samples, 8000, subtype="FLOAT")
    assert decode(tmp_path / "six.wav")[0].shape == (6, 4000)
    assert np.array_equal(decode(tmp_path / "six.wav", channels=2)[0], match_channels(samples.T, 2))


@pytest.mark.parametrize("wanted", [0, 3, -1])
def test_wrong_use(wanted: int) -> None:
    with raises("channel-count", wanted):
        match_channels(np.zeros((2, 5), np.float32), wanted)
    with raises("waveform-shape"):
        match_channels(np.zeros(5, np.float32), 1)
