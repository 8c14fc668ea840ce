"""Pieces of a sound at another rate are those of the whole at this rate."""

from __future__ import annotations

import doctest
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

import genrelab.audio.excerpts
from genrelab.audio.decode import decode, open_excerpts
from genrelab.audio.excerpts import Excerpts
from genrelab.audio.resample import resample

RATES = (8000, 11025, 16000, 22050, 32000, 44100, 48000)


def noise(rate: int, seconds: float) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 0.2, (1, round(rate * seconds))).astype(np.float32)


def test_the_example() -> None:
    assert doctest.testmod(genrelab.audio.excerpts).failed == 0


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(RATES), st.sampled_from(RATES), st.floats(0, 1), st.floats(0.001, 1.5))
def test_pieces_of_the_whole(source: int, target: int, place: float, seconds: float) -> None:
    sound = noise(source, 2.0)
    whole = resample(sound, source, target)
    excerpts = Excerpts(lambda first, count: sound[:, first : first + count], sound.shape[1], source, target)
    assert excerpts.seconds == pytest.approx(2.0, abs=1e-4)
    assert abs(excerpts.samples - whole.shape[1]) <= 1
    first, count = int(place * excerpts.samples), max(1, round(seconds * target))
    piece = excerpts.take(first, count)
    # A soxr stream and a soxr call end a sound with one sample more or less.
    assert abs(piece.shape[1] - min(count, whole.shape[1] - first)) <= 1
    both = min(piece.shape[1], whole.shape[1] - first)
    np.testing.assert_allclose(piece[:, :both], whole[:, first : first + both], atol=2e-6)


def test_behind_the_end_there_is_nothing() -> None:
    sound = noise(44100, 1.0)
    excerpts = Excerpts(lambda first, count: sound[:, first : first + count], 44100, 44100, 16000)
    assert excerpts.take(17_000, 100).shape == (1, 0)
    assert excerpts.take(32_000, 100).shape == (1, 0)


def test_rates_are_checked() -> None:
    with raises("sample-rate"):
        Excerpts(lambda first, count: np.zeros((1, count), np.float32), 1, 0, 8000)


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_pieces_in_any_order(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, 0.5 * noise(44100, 8.0)[0], 44100)
    whole, _ = decode(path, sample_rate=22050, channels=1)
    with open_excerpts(path, sample_rate=22050, channels=1) as excerpts:
        assert excerpts is not None
        # Near gaps are read over, overlaps and ways back are sought; behind the end comes less.
        for seconds in (0.0, 1.1, 1.3, 3.0, 3.05, 6.5, 2.0, 0.01, 7.9):
            first = round(seconds * 22050)
            piece = excerpts.take(first, 4410)
            np.testing.assert_allclose(piece, whole[:, first : first + piece.shape[1]], atol=2e-3)
            assert piece.shape[1] == pytest.approx(min(4410, excerpts.samples - first), abs=2)


def test_a_cut_shows_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    soundfile.write(path, noise(44100, 8.0)[0], 44100)
    path.write_bytes(path.read_bytes()[:-50_000])
    with raises("audio-damaged", path), open_excerpts(path, sample_rate=22050, channels=1):
        pass
