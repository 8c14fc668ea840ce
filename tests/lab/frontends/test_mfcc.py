"""Mel-frequency cepstral coefficients are librosa's, and rows have mean 0 and variance 1."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import music_like
import numpy as np
import onnxruntime
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.decode import decode
from genrelab.lab.frontends import FRONTENDS, Frontend, Mfcc
from genrelab.lab.frontends.mfcc import cosine_transform
from genrelab.lab.frontends.normalize import Normalize

RATE = 22050


def music(seconds: float = 2.0) -> np.ndarray:
    """Tones, noise and a beat: every coefficient moves."""
    return music_like.music(seconds, RATE)[0].astype(np.float32)


def mfcc(wave: np.ndarray, **options: Any) -> np.ndarray:
    picture: torch.Tensor = Mfcc(sample_rate=RATE, channels=1, **options)(torch.from_numpy(wave)[None, None])
    return picture[0, 0].numpy()


def apart(mine: np.ndarray, reference: np.ndarray) -> float:
    """The largest difference as a share of the reference's range."""
    assert mine.shape == reference.shape
    return float(np.abs(mine - reference).max() / np.ptp(reference))


@pytest.mark.parametrize("window", ["hann", "hamming"])
@pytest.mark.parametrize(("n_mfcc", "n_fft", "hop", "n_mels"), [(84, 2048, 512, 128), (13, 1024, 441, 40)])
def test_coefficients_are_librosas(window: str, n_mfcc: int, n_fft: int, hop: int, n_mels: int) -> None:
    wave = music()[:-100]
    mine = mfcc(wave, window=window, n_mfcc=n_mfcc, n_fft=n_fft, hop_length=hop, n_mels=n_mels)
    reference = librosa.feature.mfcc(
        y=wave, sr=RATE, n_mfcc=n_mfcc, n_fft=n_fft, hop_length=hop, n_mels=n_mels, window=window
    )
    assert apart(mine, reference) < 1e-5


def test_the_mel_bands_are_librosas_too() -> None:
    wave = music()
    options = {"fmin": 50.0, "fmax": 8000.0}
    mine = mfcc(wave, scale="htk", area_norm=False, pad_mode="reflect", **options)
    reference = librosa.feature.mfcc(
        y=wave, sr=RATE, n_mfcc=84, htk=True, mel_norm=None, pad_mode="reflect", **options
    )
    assert apart(mine, reference) < 1e-5


def test_windows_differ() -> None:
    """Else the comparison of both with librosa would say little."""
    assert apart(mfcc(music(), window="hann"), mfcc(music(), window="hamming")) > 1e-3


@pytest.mark.parametrize("signal", ["silence", "click", "sweep", "noise"])
def test_extreme_sounds_are_librosas(signal: str) -> None:
    time = np.arange(2 * RATE) / RATE
    wave = {
        "silence": np.zeros(time.size),
        "click": (np.arange(time.size) == 20000).astype(float),
        "sweep": 0.5 * np.sin(2 * np.pi * (50.0 + 2000.0 * time) * time),
        "noise": np.random.default_rng(0).normal(0, 0.2, time.size),
    }[signal].astype(np.float32)
    reference = librosa.feature.mfcc(y=wave, sr=RATE, n_mfcc=84, window="hamming")
    assert apart(mfcc(wave, window="hamming"), reference) < 1e-3


@pytest.mark.data
@pytest.mark.parametrize("genre", ["classical", "hiphop", "metal"])
def test_a_real_clip_is_librosas(genre: str, data_dir: Path) -> None:
    wave, _ = decode(data_dir / f"gtzan-clips/{genre}/{genre}.00000.flac", start=5.0, duration=5.0)
    reference = librosa.feature.mfcc(y=wave[0], sr=RATE, n_mfcc=84, window="hamming")
    assert apart(mfcc(wave[0], window="hamming"), reference) < 1e-5


@pytest.mark.parametrize(("size", "count"), [(128, 84), (26, 26), (1, 1)])
def test_the_transform_is_scipys(size: int, count: int) -> None:
    values = np.random.default_rng(0).normal(size=size)
    reference = scipy.fft.dct(values, type=2, norm="ortho")[:count]
    np.testing.assert_allclose(cosine_transform(size=size, count=count) @ values, reference, atol=1e-5)


def test_rows_are_librosas_brought_to_mean_0_and_variance_1() -> None:
    wave = music()
    reference = librosa.feature.mfcc(y=wave, sr=RATE, n_mfcc=84, window="hamming")
    reference -= reference.mean(axis=1, keepdims=True)
    reference /= reference.std(axis=1, keepdims=True)
    np.testing.assert_allclose(mfcc(wave, window="hamming", normalize="rows"), reference, atol=1e-3)


def test_rows_do_not_know_how_loud_the_recording_is() -> None:
    np.testing.assert_allclose(
        mfcc(music(), normalize="rows"), mfcc(0.1 * music(), normalize="rows"), atol=1e-3
    )


@settings(max_examples=30, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 9), st.integers(2, 40)),
    offset=st.floats(-300, 300),
    scale=st.floats(0.5, 50),
)
def test_normalized_pictures_have_mean_0_and_variance_1(
    shape: tuple[int, int, int, int], offset: float, scale: float
) -> None:
    picture = offset + scale * torch.randn(shape, generator=torch.Generator().manual_seed(1))
    assert Normalize("none")(picture) is picture
    for by, dimensions in (("rows", (3,)), ("picture", (1, 2, 3))):
        normalized = Normalize(by)(picture)  # type: ignore[arg-type]
        expected = picture.double()
        expected = expected - expected.mean(dimensions, keepdim=True)
        expected = expected / expected.std(dimensions, correction=0, keepdim=True).clamp_min(1e-2)
        torch.testing.assert_close(normalized.double(), expected, atol=5e-3, rtol=1e-3)


@pytest.mark.parametrize("normalize", ["rows", "picture"])
def test_constant_rows_stay_zero(normalize: str) -> None:
    silence = Normalize(normalize)(torch.full((1, 2, 3, 50), -100.1))  # type: ignore[arg-type]
    assert silence.abs().max() < 1e-2
    assert np.isfinite(mfcc(np.zeros(RATE, np.float32), normalize=normalize)).all()


def test_silence_normalizes_to_zeros() -> None:
    assert np.abs(mfcc(np.zeros(RATE, np.float32), normalize="rows")).max() < 0.05


@pytest.mark.parametrize(
    ("options", "direct", "checked", "quoted"),
    [
        ({"n_mfcc": 129}, "mfcc-count", "mfcc-count", "n_mels = 128, not 129"),
        ({"n_mfcc": 0}, "mfcc-count", "option-invalid", "n_mfcc"),
        ({"fmin": 9000.0, "fmax": 8000.0}, "mel-band", "mel-band", "Hz"),
        ({"fmax": 12000.0}, "mel-band", "mel-band", "Hz"),
        ({"window": "kaiser"}, "option-not-one-of", "option-invalid", "window"),
        ({"normalize": "columns"}, "option-not-one-of", "option-invalid", "normalize"),
    ],
)
def test_impossible_options_are_refused(
    options: dict[str, Any], direct: str, checked: str, quoted: str
) -> None:
    with raises(direct, quoted):
        Mfcc(sample_rate=RATE, channels=1, **options)
    with raises(checked, quoted):
        FRONTENDS.create("mfcc", options, sample_rate=RATE, channels=1)


@settings(max_examples=20, deadline=None)
@given(samples=st.integers(1, 30000), batch=st.integers(1, 3), channels=st.integers(1, 2))
def test_output_shape_tells_the_truth(samples: int, batch: int, channels: int) -> None:
    frontend = Mfcc(sample_rate=RATE, channels=channels, normalize="rows")
    made = frontend(torch.zeros(batch, channels, samples))
    assert made.shape == (batch, *frontend.output_shape(samples))
    assert torch.isfinite(made).all()


def in_onnxruntime(frontend: Frontend, waves: torch.Tensor) -> np.ndarray:
    program = torch.onnx.export(
        frontend.eval(),
        (waves[:2],),
        input_names=["waveform"],
        dynamic_shapes={"waveform": {0: torch.export.Dim("batch", min=1, max=64)}},
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    return np.asarray(session.run(None, {"waveform": waves.numpy()})[0])


@pytest.mark.filterwarnings("ignore")
def test_onnxruntime_gives_what_torch_gives() -> None:
    wave = torch.from_numpy(music())
    waves = torch.stack([wave, wave.flip(0), 0.01 * wave])[:, None]
    frontend = Mfcc(sample_rate=RATE, channels=1, window="hamming", normalize="rows")
    assert np.abs(in_onnxruntime(frontend, waves) - frontend(waves).numpy()).max() < 1e-4
