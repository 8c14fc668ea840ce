"""Through MP3 and back: length, alignment, what an outside decoder hears."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.decode import probe
from genrelab.audio.encode import mp3_rate, through_mp3, write_mp3


def music(seconds: float, rate: int, channels: int = 1) -> np.ndarray:
    """Some tones with noise bursts, other ones on each channel."""
    rng = np.random.default_rng(round(seconds * 10) + channels)
    time = np.arange(round(seconds * rate)) / rate
    beat = np.exp(-8 * (time % 0.37))
    sides = [
        0.2 * np.sin(2 * np.pi * (300 + 170 * side) * time) + 0.2 * beat * rng.normal(0, 0.3, time.size)
        for side in range(channels)
    ]
    return np.stack(sides).astype(np.float32)


def delay(heard: np.ndarray, sent: np.ndarray) -> int:
    """By how many samples `heard` comes late, by cross-correlation through the Fourier transform."""
    size = 2 * sent.size
    product = np.fft.irfft(np.fft.rfft(heard, size) * np.conj(np.fft.rfft(sent, size)), size)
    best = int(np.argmax(product))
    return best if best < sent.size else best - size


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 48000, 96000, 7350])
@pytest.mark.parametrize("channels", [1, 2])
def test_length_and_alignment_stay(rate: int, channels: int) -> None:
    sent = music(1.3, rate, channels)
    heard = through_mp3(sent, rate, bitrate=64)
    assert heard.shape == sent.shape and heard.dtype == np.float32
    for side in range(channels):
        assert delay(heard[side], sent[side]) == 0
        assert np.corrcoef(heard[side], sent[side])[0, 1] > 0.9


@settings(max_examples=8, deadline=None)
@given(samples=st.integers(1, 3000), channels=st.sampled_from([1, 2]))
def test_the_shortest_sounds_come_back(samples: int, channels: int) -> None:
    sent = music(1.0, 22050, channels)[:, :samples]
    heard = through_mp3(sent, 22050, bitrate=48)
    assert heard.shape == sent.shape and np.isfinite(heard).all()


def test_fewer_bits_lose_more(tmp_path: Path) -> None:
    sent = music(2.0, 44100)
    errors = [float(np.std(through_mp3(sent, 44100, bitrate=rate) - sent)) for rate in (32, 64, 128, 320)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 3 * errors[-1] > 0


def test_an_outside_decoder_finds_the_file_that_was_asked_for(tmp_path: Path) -> None:
    sent = music(3.0, 22050, 2)
    path = tmp_path / "sound.mp3"
    write_mp3(path, sent, 22050, bitrate=64)
    about = soundfile.info(path)
    assert (about.format, about.samplerate, about.channels, about.frames) == ("MP3", 22050, 2, sent.shape[1])
    assert probe(path).codec == "mp3"
    assert path.stat().st_size * 8 / 3.0 / 1000 == pytest.approx(64, rel=0.1), "kbit a second"
    read, _ = soundfile.read(path, dtype="float32")
    np.testing.assert_allclose(read.T, through_mp3(sent, 22050, bitrate=64), atol=1e-6)


def test_rates_that_mp3_does_not_know_go_to_the_next(tmp_path: Path) -> None:
    assert [mp3_rate(rate) for rate in (4000, 8000, 30000, 44100, 44101, 192000)] == [
        8000, 8000, 32000, 44100, 48000, 48000,
    ]  # fmt: skip
    with raises("mp3-sample-rate", 30000, 32000):
        write_mp3(tmp_path / "a.mp3", music(0.1, 30000), 30000, bitrate=64)


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    with raises("mp3-bitrate", 22050, 320, "8, 16"):
        through_mp3(music(0.1, 22050), 22050, bitrate=320)
    with raises("mp3-bitrate", 8000, 128):
        through_mp3(music(0.1, 8000), 8000, bitrate=128)
    for shape in ((1, 0), (3, 100), (100,)):
        with raises("waveform-shape", shape):
            write_mp3(tmp_path / "a.mp3", np.zeros(shape, np.float32), 44100, bitrate=128)
    with raises("audio-unwritable", "nowhere"):
        write_mp3(tmp_path / "nowhere" / "a.mp3", music(0.1, 44100), 44100, bitrate=128)
