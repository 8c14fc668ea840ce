"""What the synthetic collection's renderer gives: the same sound always, at any rate."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import librosa
import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.lab.corpora.synthetic import load
from genrelab.lab.corpora.types import Clip, Waveform

GENRES = load("").genres


def sound(id: str, *, options: str = "seconds=2", rate: int = 22_050, channels: int = 1) -> Waveform:
    corpus = load(options)
    assert corpus.renderer is not None
    return corpus.renderer(corpus.by_id()[id], rate, channels)


@pytest.mark.parametrize("genre", GENRES)
def test_every_genre_sounds(genre: str) -> None:
    stereo = sound(f"{genre}/0002", rate=44_100, channels=2)
    assert stereo.shape == (2, 88_200)
    assert stereo.dtype == np.float32
    assert np.isfinite(stereo).all()
    assert 0.01 < np.abs(stereo).max() <= 1
    for quarter in np.split(stereo, 4, axis=1):
        assert np.sqrt(np.mean(quarter**2)) > 1e-3
    assert not np.array_equal(stereo[0], stereo[1])


@settings(max_examples=12, deadline=None)
@given(
    rate=st.integers(4_000, 48_000),
    channels=st.integers(1, 2),
    seconds=st.floats(1, 2),
    genre=st.sampled_from(GENRES),
)
def test_any_rate_length_and_channels(rate: int, channels: int, seconds: float, genre: str) -> None:
    heard = sound(f"{genre}/0001", options=f"tracks=3,seconds={seconds}", rate=rate, channels=channels)
    assert heard.shape == (channels, round(seconds * rate))
    assert np.isfinite(heard).all()
    assert 0 < np.abs(heard).max() <= 1


def test_mono_is_the_mean_of_left_and_right() -> None:
    stereo = sound("rock/0000", channels=2)
    np.testing.assert_array_equal(sound("rock/0000"), stereo.mean(axis=0, keepdims=True))


def test_order_of_rendering_does_not_matter() -> None:
    ids = [f"{genre}/0003" for genre in GENRES]
    forward = {id: sound(id) for id in ids}
    backward = {id: sound(id) for id in reversed(ids)}
    for id in ids:
        np.testing.assert_array_equal(forward[id], backward[id])


def test_a_fresh_process_gives_the_same_bits() -> None:
    program = (
        "import hashlib; from genrelab.lab.corpora.synthetic import load; c = load('tracks=3,seconds=2')\n"
        "for g in c.genres: print(hashlib.sha256(c.renderer(c.by_id()[g + '/0001'], 22050, 2)).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": "123"}
    fresh = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    here = [
        hashlib.sha256(np.ascontiguousarray(sound(f"{genre}/0001", channels=2))).hexdigest()
        for genre in GENRES
    ]
    assert fresh.stdout.split() == here


def test_seeds_and_clips_differ_and_size_of_the_collection_does_not_matter() -> None:
    first = sound("jazz/0001")
    assert not np.array_equal(first, sound("jazz/0001", options="seconds=2,seed=1"))
    assert not np.array_equal(first, sound("jazz/0006"))  # the same artist
    np.testing.assert_array_equal(first, sound("jazz/0001", options="tracks=3,seconds=2"))


def test_loudness_tells_no_genre() -> None:
    """The level is drawn without regard to the genre, so the genres' means are within a few decibels."""
    loudness = {}
    for genre in ("classical", "metal", "disco"):
        power = [np.mean(sound(f"{genre}/{track:04d}", rate=8_000) ** 2) for track in range(10)]
        loudness[genre] = float(np.mean(10 * np.log10(power)))
    assert max(loudness.values()) - min(loudness.values()) < 5


@pytest.mark.parametrize("genre", GENRES)
def test_lower_rate_is_the_same_music_without_its_top(genre: str) -> None:
    """A clip made at 22,050 Hz matches the clip made at 44,100 Hz and resampled by soxr: no aliasing."""
    low = sound(f"{genre}/0000")[0]
    high = soxr.resample(sound(f"{genre}/0000", rate=44_100)[0], 44_100, 22_050)

    def picture(y: Waveform) -> np.ndarray:
        mel = librosa.feature.melspectrogram(y=y, sr=22_050, n_mels=64, fmax=9_500)
        return librosa.power_to_db(mel, ref=np.max, top_db=60)

    difference = np.abs(picture(low) - picture(high))
    assert np.median(difference) < 0.8
    assert np.percentile(difference, 95) < 3.0
    onsets = [librosa.onset.onset_strength(y=y, sr=22_050) for y in (low, high)]
    assert np.corrcoef(*onsets)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("clip", "rate", "channels", "code", "quoted"),
    [
        ("polka/0001", 22_050, 1, "synthetic-clip-unknown", "polka/0001"),
        ("blues-7", 22_050, 1, "synthetic-clip-unknown", "blues/0007"),
        ("blues/0000", 100, 1, "synthetic-sample-rate", "100 Hz"),
        ("blues/0000", 22_050, 3, "synthetic-channels", "3"),
    ],
)
def test_impossible_requests_are_named(clip: str, rate: int, channels: int, code: str, quoted: str) -> None:
    renderer = load("").renderer
    assert renderer is not None
    with raises(code, quoted):
        renderer(Clip(clip, None, None), rate, channels)
