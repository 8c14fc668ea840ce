"""Spectral peaks and landmarks, against signals of known content, librosa and soxr."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.audit.fingerprint import SAMPLE_RATE, Fingerprint, fingerprint
from genrelab.lab.audit.search import find_candidates, landmarks


def notes(seed: int, seconds: float = 8.0, *, per_second: int = 6) -> np.ndarray:
    """Decaying tones of random pitch at random times: float32 `[samples]` at SAMPLE_RATE."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    wave = np.zeros_like(time)
    for begin in rng.uniform(0, seconds, int(seconds * per_second)):
        after = np.maximum(time - begin, 0)
        pitch = 300 * 2 ** rng.uniform(0, 3)
        wave += (time >= begin) * np.sin(2 * np.pi * pitch * after) * np.exp(-after / 0.15) * after
    return (0.5 * wave / np.abs(wave).max()).astype(np.float32)


def random_peaks(seed: int, count: int = 200, seconds: float = 10.0) -> Fingerprint:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.uniform(0, seconds, count)).astype(np.float32)
    frequencies = (300 * 2 ** rng.uniform(0, 3.5, count)).astype(np.float32)
    return Fingerprint(times, frequencies, np.zeros(count, np.float32), seconds)


def beside(first: Fingerprint, second: Fingerprint) -> float:
    """The share of the first one's peaks that have one of the second within 30 ms and 1 %."""
    near = np.abs(first.times[:, None] - second.times) < 0.03
    alike = np.abs(first.frequencies[:, None] / second.frequencies - 1) < 0.01
    return float((near & alike).any(axis=1).mean())


@pytest.mark.parametrize(("at", "pitch"), [(0.613, 441.0), (1.207, 1234.5), (1.5, 3100.2)])
def test_a_beep_is_where_it_is(at: float, pitch: float) -> None:
    time = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    beep = 0.25 * np.sin(2 * np.pi * pitch * time) * np.exp(-(((time - at) / 0.1) ** 2))
    found = fingerprint(beep.astype(np.float32))
    loudest = found.levels.argmax()
    assert found.times[loudest] == pytest.approx(at, abs=0.005)
    assert found.frequencies[loudest] == pytest.approx(pitch, rel=0.003)
    assert found.seconds == 2.0


@pytest.mark.slow
def test_levels_are_those_of_librosas_spectrogram() -> None:
    wave = notes(0)
    found = fingerprint(wave)
    spectrum = np.abs(librosa.stft(wave, n_fft=1024, hop_length=256, window="hann", center=False))
    reference = librosa.amplitude_to_db(spectrum / 256, amin=1e-7, top_db=None)
    frames = np.rint((found.times - 0.064) * SAMPLE_RATE / 256).astype(int)
    bins = np.rint(found.frequencies * 1024 / SAMPLE_RATE).astype(int)
    assert len(found) > 30
    assert np.median(np.abs(found.levels - reference[bins, frames])) < 0.01
    assert found.levels.max() == pytest.approx(reference[32:474].max(), abs=0.01)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.02, 2.0), seed=st.integers(0, 20))
def test_loudness_moves_levels_alone(gain: float, seed: int) -> None:
    wave = notes(seed, 3.0)
    plain, louder = fingerprint(wave), fingerprint(wave * np.float32(gain))
    share = beside(plain, louder) if gain > 1 else beside(louder, plain)
    assert share > 0.97
    assert louder.levels.max() - plain.levels.max() == pytest.approx(20 * np.log10(gain), abs=0.01)


@pytest.mark.parametrize("speed", [0.98, 1.02])
def test_played_is_what_resampling_does(speed: float) -> None:
    wave = notes(1)
    faster = soxr.resample(wave, SAMPLE_RATE * speed, SAMPLE_RATE, quality="HQ")
    heard, made = fingerprint(faster), fingerprint(wave).played(speed)
    assert beside(made, heard) > 0.85
    assert beside(fingerprint(wave), heard) < 0.5
    assert made.seconds == pytest.approx(heard.seconds, abs=0.001)


@settings(max_examples=25, deadline=None)
@given(samples=st.integers(0, 6000), seed=st.integers(0, 5))
def test_any_length(samples: int, seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.1, samples).astype(np.float32)
    found = fingerprint(noise)
    assert len(found.times) == len(found.frequencies) == len(found.levels)
    assert (np.diff(found.times) >= 0).all()
    assert ((found.frequencies > 230) & (found.frequencies < 3720)).all()
    hashes, times = landmarks(found)
    assert len(hashes) == len(times) <= 6 * len(found)


def test_silence_has_no_peaks() -> None:
    assert len(fingerprint(np.zeros(20_000, np.float32))) == 0
    assert find_candidates([fingerprint(np.zeros(20_000, np.float32))] * 3) == []
    assert find_candidates([]) == []


def test_two_channels_are_refused() -> None:
    with raises("fingerprint-channels", "(2, 100)"):
        fingerprint(np.zeros((2, 100), np.float32))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), shift=st.integers(1, 16))
def test_landmarks_do_not_depend_on_when(seed: int, shift: int) -> None:
    peaks = random_peaks(seed)
    late = Fingerprint(peaks.times + np.float32(shift), peaks.frequencies, peaks.levels, 30.0)
    hashes, times = landmarks(peaks)
    moved, later = landmarks(late)
    assert (hashes == moved).mean() > 0.99  # rounding may cross the edge of a step
    np.testing.assert_allclose(later - times, shift, atol=1e-3)


def test_landmarks_of_other_music_are_others() -> None:
    mine, theirs = landmarks(random_peaks(1))[0], landmarks(random_peaks(2))[0]
    assert len(np.unique(mine)) > 0.9 * len(mine) > 900
    assert len(np.intersect1d(mine, theirs)) < 5


@pytest.mark.parametrize(("speed", "cut"), [(1.0, 20), (1.01, 0), (1 / 1.02, 30)])
def test_the_true_place_has_most_votes(speed: float, cut: int) -> None:
    peaks = [random_peaks(seed) for seed in range(5)]
    faster = peaks[3].played(speed)
    begin = faster.times[cut] - 0.01
    later = Fingerprint(faster.times[cut:] - begin, faster.frequencies[cut:], faster.levels[cut:], 10.0)
    found = max(find_candidates([*peaks, later]), key=lambda place: place.votes)
    assert (found.first, found.second) == (3, 5)
    assert found.speed == pytest.approx(speed, abs=0.006)
    assert found.lag == pytest.approx(begin, abs=0.15)
    assert found.votes > 100
