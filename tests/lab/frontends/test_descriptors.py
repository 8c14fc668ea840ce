"""The averaged descriptors are librosa's; rows of a table pass unchanged."""

from __future__ import annotations

import csv
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.decode import decode
from genrelab.lab.frontends import FRONTENDS, Descriptors, MelSpectrogram, Table
from genrelab.lab.frontends.base import kind_read
from genrelab.lab.frontends.descriptors import DESCRIPTORS, chroma_filters

RATE = 22050
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")


def librosas(wave: np.ndarray) -> np.ndarray:
    """The averages, by librosa with its defaults but for the tuning."""
    feature = librosa.feature
    six = [
        feature.chroma_stft(y=wave, sr=RATE, tuning=0.0),
        feature.rms(y=wave),
        feature.spectral_centroid(y=wave, sr=RATE),
        feature.spectral_bandwidth(y=wave, sr=RATE),
        feature.spectral_rolloff(y=wave, sr=RATE),
        feature.zero_crossing_rate(wave),
    ]
    return np.array([*(each.mean() for each in six), *feature.mfcc(y=wave, sr=RATE).mean(axis=1)])


def mine(wave: np.ndarray) -> np.ndarray:
    return Descriptors(sample_rate=RATE)(torch.from_numpy(np.atleast_2d(wave))[None])[0, 0].numpy()


def signals(seconds: float = 1.5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    time = np.arange(round(seconds * RATE)) / RATE
    tones = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.2 * np.sign(np.sin(2 * np.pi * 110 * time))
    made = {
        "music": tones + (time % 0.5 < 0.05) * rng.normal(0, 0.3, time.size),
        "noise": rng.normal(0, 0.2, time.size),
        "low": 0.5 * np.sin(2 * np.pi * 60 * time) + rng.normal(0, 1e-4, time.size),
        "offset": 0.2 + 0.1 * rng.normal(0, 0.2, time.size),
        "sweep": 0.5 * np.sin(2 * np.pi * (50.0 + 2000.0 * time) * time),
        "half silent": np.where(time < 0.7, tones, 0.0),
        "click": (np.arange(time.size) == 20_000).astype(float),
        "silence": np.zeros(time.size),
        "shorter than a frame": tones[:700],
    }
    return {name: wave.astype(np.float32) for name, wave in made.items()}


def test_averages_are_librosas() -> None:
    found = np.stack([mine(wave) for wave in signals().values()])
    expected = np.stack([librosas(wave) for wave in signals().values()])
    apart = np.abs(found - expected) / np.ptp(expected, axis=0)
    assert apart.max() < 1e-3, [DESCRIPTORS[at] for at in np.flatnonzero(apart.max(axis=0) > 1e-3)]
    assert np.median(apart) < 1e-6


def test_every_descriptor_tells_sounds_apart() -> None:
    """Else agreement with librosa would say little."""
    found = np.stack([mine(signals()[name]) for name in ("music", "noise", "low")])
    assert (np.ptp(found, axis=0) > 1e-3 * np.abs(found).max(axis=0)).all()


@pytest.mark.parametrize(("rate", "n_fft"), [(22050, 2048), (44100, 4096), (8000, 512)])
def test_chroma_filters_are_librosas(rate: int, n_fft: int) -> None:
    expected = librosa.filters.chroma(sr=rate, n_fft=n_fft, tuning=0.0)
    np.testing.assert_allclose(chroma_filters(sample_rate=rate, n_fft=n_fft), expected, atol=1e-6)


def test_channels_are_averaged() -> None:
    first, second = signals()["music"], signals()["noise"]
    np.testing.assert_allclose(mine(np.stack([first, second])), mine((first + second) / 2), rtol=1e-5)


@settings(max_examples=15, deadline=None)
@given(
    samples=st.integers(1, 5000), batch=st.integers(1, 3), channels=st.integers(1, 2), seed=st.integers(0, 9)
)
def test_output_shape_tells_the_truth(samples: int, batch: int, channels: int, seed: int) -> None:
    frontend = FRONTENDS.create("descriptors", {}, sample_rate=RATE, channels=channels)
    waves = torch.randn(batch, channels, samples, generator=torch.Generator().manual_seed(seed))
    out = frontend(waves)
    assert tuple(out.shape) == (batch, *frontend.output_shape(samples)) == (batch, 1, len(DESCRIPTORS))
    assert out.isfinite().all()
    torch.testing.assert_close(out[-1:], frontend(waves[-1:]), rtol=1e-4, atol=1e-3)


@pytest.mark.data
def test_real_clips_are_librosas_and_the_published_tables(data_dir: Path) -> None:
    waves = [decode(data_dir / f"gtzan-clips/{genre}/{genre}.00000.flac")[0][0] for genre in GENRES]
    short = [wave[RATE : 6 * RATE] for wave in waves]
    expected = np.stack([librosas(wave) for wave in short])
    apart = np.abs(np.stack([mine(wave) for wave in short]) - expected) / np.ptp(expected, axis=0)
    assert apart.max() < 1e-4

    with (data_dir / "gtzan-features/features_30_sec.csv").open(newline="") as stream:
        rows = {row["filename"]: row for row in csv.DictReader(stream)}
    table = {key: np.array([float(row[f"{name}_mean"]) for name in DESCRIPTORS]) for key, row in rows.items()}
    spread = np.ptp(np.stack(list(table.values())), axis=0)
    found = np.stack([mine(wave) for wave in waves])
    apart = np.abs(found - np.stack([table[f"{genre}.00000.wav"] for genre in GENRES])) / spread
    assert apart[:, 1:].max() < 2e-3  # an earlier librosa mirrored the sound at its ends
    assert apart[:, 0].max() < 0.05  # it estimated the tuning
    assert np.median(apart[:, 0]) < 5e-3


def test_a_row_passes_unchanged() -> None:
    table = FRONTENDS.create("table", {}, sample_rate=57, channels=1)
    rows = torch.randn(4, 1, 57)
    assert torch.equal(table(rows), rows)
    assert table.output_shape(57) == (1, 57)


def test_a_segment_must_be_a_row() -> None:
    with raises("table-row", 57, 28, "audio.segment_seconds=1"):
        Table(sample_rate=57, channels=1).output_shape(28)
    with raises("table-channels", 2, "audio.channels=1"):
        Table(sample_rate=57, channels=2)


def test_only_a_network_with_a_table_reads_one() -> None:
    sound = MelSpectrogram(sample_rate=RATE, channels=1)
    assert kind_read(torch.nn.ModuleDict({"sound": sound})) == "audio"
    rows = torch.nn.ModuleDict({"sound": sound, "row": Table(sample_rate=3, channels=1)})
    assert kind_read(rows) == "features"
