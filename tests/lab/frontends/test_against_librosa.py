"""Front-ends give librosa's and scipy's numbers."""

from __future__ import annotations

from pathlib import Path

import librosa
import music_like
import numpy as np
import pytest
import scipy.signal
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.decode import decode
from genrelab.lab.frontends import MelSpectrogram, Stft, Waveform
from genrelab.lab.frontends.mel import mel_filters
from genrelab.lab.frontends.stft import PowerSpectrum

RATE = 22050


def music(seconds: float = 1.0, channels: int = 1, rate: int = RATE) -> np.ndarray:
    """Tones, noise and a beat: every band holds something."""
    return music_like.music(seconds, rate, channels).astype(np.float32)


def relative(mine: np.ndarray, reference: np.ndarray) -> float:
    return float(np.abs(mine - reference).max() / np.abs(reference).max())


@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 512), (2048, 512), (400, 160)])
def test_power_spectrum_is_librosas(n_fft: int, hop: int, pad_mode: str) -> None:
    wave = music(channels=2)
    power = PowerSpectrum(n_fft=n_fft, hop_length=hop, pad_mode=pad_mode)  # type: ignore[arg-type]
    mine = power(torch.from_numpy(wave)[None])[0].numpy()
    reference = np.abs(librosa.stft(wave, n_fft=n_fft, hop_length=hop, pad_mode=pad_mode)) ** 2
    assert mine.shape == reference.shape == (2, 1 + n_fft // 2, power.frames(wave.shape[1]))
    np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-6 * reference.max())


@pytest.mark.parametrize(
    ("scale", "area_norm"), [("slaney", True), ("slaney", False), ("htk", True), ("htk", False)]
)
def test_mel_filters_are_librosas(scale: str, area_norm: bool) -> None:
    mine = mel_filters(
        sample_rate=44100,
        n_fft=1024,
        n_mels=64,
        band=(20.0, 16000.0),
        scale=scale,
        area_norm=area_norm,  # type: ignore[arg-type]
    )
    reference = librosa.filters.mel(
        sr=44100,
        n_fft=1024,
        n_mels=64,
        fmin=20.0,
        fmax=16000.0,
        htk=scale == "htk",
        norm="slaney" if area_norm else None,
    )
    np.testing.assert_allclose(mine, reference, rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize("channels", [1, 2])
def test_soundfusions_mel_is_librosas(channels: int) -> None:
    wave = music(2.0, channels, 44100)
    mel = MelSpectrogram(
        sample_rate=44100, channels=channels, n_fft=1024, hop_length=512, n_mels=64,
        scale="htk", area_norm=False, pad_mode="reflect", top_db=None,
    )  # fmt: skip
    mine = mel(torch.from_numpy(wave)[None])[0].numpy()
    power = librosa.feature.melspectrogram(
        y=wave, sr=44100, n_fft=1024, hop_length=512, n_mels=64, htk=True, norm=None, pad_mode="reflect"
    )
    reference = librosa.power_to_db(power, top_db=None)
    assert mine.shape == reference.shape == mel.output_shape(wave.shape[1])
    assert relative(mine, reference) < 1e-4


@pytest.mark.parametrize("relative_to_peak", [False, True])
def test_stft_in_decibels_is_librosas(relative_to_peak: bool) -> None:
    wave = music(channels=2)
    stft = Stft(channels=2, relative=relative_to_peak, top_db=60.0)
    mine = stft(torch.from_numpy(wave)[None])[0].numpy()
    power = np.abs(librosa.stft(wave)) ** 2
    reference = librosa.power_to_db(power, ref=np.max if relative_to_peak else 1.0, top_db=60.0)
    assert mine.shape == reference.shape == stft.output_shape(wave.shape[1])
    assert relative(mine, reference) < 1e-4


def test_scaling_follows_decibels() -> None:
    wave = torch.from_numpy(music())[None]
    plain, scaled = Stft(channels=1)(wave), Stft(channels=1, mean=-20.0, std=10.0)(wave)
    torch.testing.assert_close(scaled, (plain + 20.0) / 10.0)


def test_each_item_of_a_batch_has_its_own_floor() -> None:
    loud, soft = torch.from_numpy(music())[None], torch.from_numpy(music())[None] * 1e-3
    stft = Stft(channels=1, top_db=40.0)
    torch.testing.assert_close(stft(torch.cat([loud, soft])), torch.cat([stft(loud), stft(soft)]))


@pytest.mark.data
def test_mel_is_librosas_on_a_real_clip(data_dir: Path) -> None:
    wave, _ = decode(data_dir / "gtzan-clips/reggae/reggae.00000.flac", start=5.0, duration=5.0)
    mel = MelSpectrogram(sample_rate=RATE, channels=1)
    mine = mel(torch.from_numpy(wave)[None])[0].numpy()
    reference = librosa.power_to_db(librosa.feature.melspectrogram(y=wave, sr=RATE))
    assert relative(mine, reference) < 1e-4


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_waveform_is_scipys_resample_poly(factor: int) -> None:
    wave = music(0.5, 2, 44100)
    wave = wave[:, : wave.shape[1] // 12 * 12]
    slower = Waveform(sample_rate=44100, channels=2, rate=44100 // factor)
    mine = slower(torch.from_numpy(wave)[None])[0].numpy()
    reference = scipy.signal.resample_poly(wave.astype(np.float64), 1, factor, axis=1)
    assert mine.shape == reference.shape == slower.output_shape(wave.shape[1])
    assert relative(mine, reference) < 1e-4


def test_waveform_averages_channels() -> None:
    wave = torch.from_numpy(music(0.1, 2))[None]
    mono = Waveform(sample_rate=RATE, channels=2, mono=True)
    torch.testing.assert_close(mono(wave), wave.mean(dim=1, keepdim=True))
    assert mono.output_shape(100) == (1, 100)


def test_a_rate_that_does_not_divide_is_refused() -> None:
    with raises("waveform-rate", 44100, 16000):
        Waveform(sample_rate=44100, channels=1, rate=16000)


def test_a_segment_too_short_to_be_mirrored_is_refused() -> None:
    mirrored = Stft(channels=1, n_fft=400, pad_mode="reflect")
    with raises("segment-too-short", "= 200", "audio.segment_seconds"):
        mirrored.output_shape(200)
    assert mirrored(torch.zeros(1, 1, 201)).shape == (1, *mirrored.output_shape(201))
    silent = Stft(channels=1, n_fft=400, pad_mode="constant")
    assert silent(torch.zeros(1, 1, 1)).shape == (1, *silent.output_shape(1))


@pytest.mark.parametrize(
    ("band", "code"),
    [
        ({"fmin": 500.0, "fmax": 400.0}, "mel-band"),
        ({"fmax": 20000.0}, "mel-band"),
        ({"n_mels": 0}, "option-not-positive"),
    ],
)
def test_an_impossible_mel_band_is_refused(band: dict[str, float], code: str) -> None:
    with raises(code):
        MelSpectrogram(sample_rate=RATE, channels=1, **band)  # type: ignore[arg-type]


@settings(max_examples=25, deadline=None)
@given(samples=st.integers(1200, 30000), batch=st.integers(1, 3), channels=st.integers(1, 2))
def test_output_shape_tells_the_truth(samples: int, batch: int, channels: int) -> None:
    wave = torch.zeros(batch, channels, samples)
    for frontend in (
        Stft(channels=channels),
        MelSpectrogram(sample_rate=RATE, channels=channels, n_mels=32),
        Waveform(sample_rate=RATE, channels=channels, rate=RATE // 2, mono=True),
    ):
        made = frontend(wave)
        assert made.shape == (batch, *frontend.output_shape(samples))
        assert torch.isfinite(made).all()
