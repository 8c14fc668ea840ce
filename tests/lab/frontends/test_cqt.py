"""The constant-Q transform is librosa's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import librosa
import numpy as np
import onnxruntime
import pytest
import soxr
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from raising import raises

from genrelab.audio.decode import decode
from genrelab.lab.frontends import FRONTENDS, Cqt, Mfcc
from genrelab.lab.frontends.cqt import Halve, correlate

RATE = 22050


def sounds(seconds: float = 3.0) -> dict[str, np.ndarray]:
    """Sounds to which all bins respond differently: constant, local, moving, and between octaves."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * RATE)) / RATE
    sweep = 2 * np.pi * 20 * seconds / np.log(500) * (500 ** (time / seconds) - 1)
    made = {
        "noise": rng.normal(0, 0.2, time.size),
        "tone": 0.5 * np.sin(2 * np.pi * 440 * time),
        "tone at the edge of half the rate": 0.5 * np.sin(2 * np.pi * 5260 * time),
        "bass": 0.5 * np.sign(np.sin(2 * np.pi * 41.2 * time)),
        "sweep": 0.5 * np.sin(sweep),
        "clicks": (np.arange(time.size) % 11025 == 5000).astype(float),
    }
    return {name: wave.astype(np.float32) for name, wave in made.items()}


def cqt(wave: np.ndarray, **options: Any) -> np.ndarray:
    frontend = Cqt(sample_rate=RATE, channels=1, **options)
    picture: torch.Tensor = frontend(torch.from_numpy(wave)[None, None])
    return picture[0, 0].numpy()


def decibels_apart(mine: np.ndarray, reference: np.ndarray, *, down_to: float) -> float:
    """The largest difference where the reference is less than `down_to` dB below its maximum."""
    assert mine.shape == reference.shape
    heard = reference > reference.max() * 10 ** (-down_to / 20)
    return float(np.abs(20 * np.log10(mine[heard] / reference[heard])).max())


@pytest.mark.parametrize("name", sounds())
def test_magnitudes_are_librosas(name: str) -> None:
    wave = sounds()[name]
    mine, reference = cqt(wave, output="magnitude"), np.abs(librosa.cqt(wave, sr=RATE))
    assert decibels_apart(mine, reference, down_to=60) < 0.05
    assert decibels_apart(mine, reference, down_to=80) < 0.5


@pytest.mark.data
@pytest.mark.parametrize("genre", ["classical", "reggae", "metal"])
def test_a_real_clip_is_librosas(genre: str, data_dir: Path) -> None:
    wave, _ = decode(data_dir / f"gtzan-clips/{genre}/{genre}.00000.flac", start=5.0, duration=5.0)
    reference = np.abs(librosa.cqt(wave[0], sr=RATE))
    assert decibels_apart(cqt(wave[0], output="magnitude"), reference, down_to=80) < 0.05


@pytest.mark.parametrize(
    "options",
    [
        {"bins_per_octave": 24, "n_bins": 168},
        {"bins_per_octave": 36, "n_bins": 30, "fmin": 1000.0},
        {"n_bins": 80, "fmin": 40.0},
        {"hop_length": 441},
        {"hop_length": 96},
    ],
)
def test_other_bins_and_hops_are_librosas(options: dict[str, Any]) -> None:
    wave = sounds()["noise"] + sounds()["tone"]
    reference = np.abs(librosa.cqt(wave, sr=RATE, **options))
    assert decibels_apart(cqt(wave, output="magnitude", **options), reference, down_to=60) < 0.05


@pytest.mark.parametrize("options", [{"n_bins": 60}, {"n_bins": 40, "hop_length": 1024}, {"n_bins": 5}])
def test_low_bins_are_librosas(options: dict[str, Any]) -> None:
    """The rate is lowered before the first octave; librosa then loses the last sample of odd lengths."""
    wave = (sounds()["noise"] + sounds()["tone"])[:65536]
    reference = np.abs(librosa.cqt(wave, sr=RATE, **options))
    apart = np.abs(cqt(wave, output="magnitude", **options) - reference) / reference.max()
    inside = slice(apart.shape[1] // 4, -apart.shape[1] // 4)
    assert apart[:, inside].max() < 1e-3
    assert apart.max() < 0.02


def test_decibels_are_librosas_below_the_loudest() -> None:
    wave = sounds()["noise"] * np.linspace(0, 1, 3 * RATE, dtype=np.float32)
    magnitude = np.abs(librosa.cqt(wave, sr=RATE))
    reference = librosa.amplitude_to_db(magnitude, ref=np.max, top_db=50.0)
    mine = cqt(wave, top_db=50.0)
    assert reference.min() == pytest.approx(-50, abs=1e-3)
    np.testing.assert_allclose(mine, reference, atol=0.02)
    np.testing.assert_allclose(cqt(0.1 * wave, top_db=50.0), mine, atol=0.02)
    np.testing.assert_allclose(
        cqt(wave, top_db=50.0, normalize="picture"), (mine - mine.mean()) / mine.std(), atol=1e-4
    )


@pytest.mark.filterwarnings("ignore:n_fft=256 is too large")
@pytest.mark.parametrize("samples", [11900, 22050, 22527, 22528, 22529, 30001])
def test_frames_are_mfccs_and_librosas(samples: int) -> None:
    wave = sounds()["noise"][:samples]
    frontend = Cqt(sample_rate=RATE, channels=1, output="magnitude")
    mine = frontend(torch.from_numpy(wave)[None, None])
    assert mine.shape[-1] == Mfcc(sample_rate=RATE, channels=1).output_shape(samples)[-1]
    reference = np.abs(librosa.cqt(wave, sr=RATE))
    assert decibels_apart(mine[0, 0].numpy(), reference, down_to=60) < 0.05


@pytest.mark.parametrize("samples", [1, 2, 127, 128, 129, 5000, 5001])
def test_half_the_rate_is_soxrs(samples: int) -> None:
    wave = sounds()["noise"][:samples]
    mine = Halve()(torch.from_numpy(wave)[None])[0].numpy()
    reference = soxr.resample(np.pad(wave, (2000, 2000)), 2, 1, quality="soxr_hq")[1000:]
    assert mine.shape == (-(-samples // 2),)
    np.testing.assert_allclose(mine, reference[: mine.size], atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(
    samples=st.integers(50, 300),
    length=st.integers(1, 50),
    count=st.integers(1, 5),
    stride=st.integers(1, 20),
)
def test_products_with_frames(samples: int, length: int, count: int, stride: int) -> None:
    """Both ways to compute them, that of the CPU and that of other devices, are numpy's."""
    rng = np.random.default_rng(samples)
    signal, kernels = rng.normal(size=(2, samples)), rng.normal(size=(count, length))
    frames = np.lib.stride_tricks.sliding_window_view(signal, length, axis=1)[:, ::stride]
    expected = np.einsum("btl,kl->bkt", frames, kernels)
    made = correlate(torch.from_numpy(signal), torch.from_numpy(kernels), stride=stride)
    np.testing.assert_allclose(made.numpy(), expected, atol=1e-9)


def test_items_and_channels_are_independent() -> None:
    waves = torch.from_numpy(np.stack([*sounds(1.0).values()])).reshape(3, 2, RATE)
    magnitude = Cqt(sample_rate=RATE, channels=2, output="magnitude")
    together = magnitude(waves)
    for item, channel in np.ndindex(3, 2):
        alone = magnitude(waves[item, channel][None, None])
        torch.testing.assert_close(together[item, channel], alone[0, 0], rtol=1e-4, atol=1e-5)
    decibel = Cqt(sample_rate=RATE, channels=2)(waves)
    assert decibel.amax(dim=(1, 2, 3)).tolist() == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("output", ["decibel", "magnitude"])
@pytest.mark.parametrize("normalize", ["none", "rows", "picture"])
def test_silence_gives_zeros(output: str, normalize: str) -> None:
    assert np.abs(cqt(np.zeros(RATE, np.float32), output=output, normalize=normalize)).max() == 0.0


@pytest.mark.parametrize(
    ("options", "direct", "checked", "quoted"),
    [
        ({"n_bins": 120}, "cqt-above-nyquist", "cqt-above-nyquist", "22050 Hz"),
        ({"fmin": 12000.0, "n_bins": 1}, "cqt-above-nyquist", "cqt-above-nyquist", "22050 Hz"),
        ({"fmin": 0.0}, "option-not-positive", "option-not-positive", "fmin"),
        ({"n_bins": 0}, "option-not-positive", "option-invalid", "n_bins"),
        ({"bins_per_octave": 0}, "option-not-positive", "option-invalid", "bins_per_octave"),
        ({"normalize": "columns"}, "option-not-one-of", "option-invalid", "normalize"),
        ({"output": "power"}, "option-not-one-of", "option-invalid", "output"),
    ],
)
def test_impossible_options_are_refused(
    options: dict[str, Any], direct: str, checked: str, quoted: str
) -> None:
    with raises(direct, quoted):
        Cqt(sample_rate=RATE, channels=1, **options)
    with raises(checked, quoted):
        FRONTENDS.create("cqt", options, sample_rate=RATE, channels=1)


def test_a_segment_shorter_than_the_lowest_bins_kernel_is_refused() -> None:
    frontend = Cqt(sample_rate=RATE, channels=1)
    lengths, _ = librosa.filters.wavelet_lengths(freqs=librosa.cqt_frequencies(84, fmin=32.703195), sr=RATE)
    assert frontend.longest == np.ceil(lengths[0])
    with raises("segment-too-short", f"{frontend.longest:,}", "5,000"):
        frontend.output_shape(5000)
    assert frontend.output_shape(frontend.longest)[:2] == (1, 84)


@settings(max_examples=15, deadline=None)
@given(
    samples=st.integers(12000, 40000), batch=st.integers(1, 2), channels=st.integers(1, 2),
    hop=st.sampled_from([512, 441, 300, 1000]), bins=st.integers(1, 84),
)  # fmt: skip
def test_output_shape_tells_the_truth(samples: int, batch: int, channels: int, hop: int, bins: int) -> None:
    frontend = Cqt(sample_rate=RATE, channels=channels, hop_length=hop, n_bins=bins)
    made = frontend(torch.zeros(batch, channels, samples))
    assert made.shape == (batch, *frontend.output_shape(samples))
    assert torch.isfinite(made).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_onnxruntime_gives_what_torch_gives() -> None:
    waves = torch.from_numpy(np.stack([*sounds(1.0).values()]))[:, None]
    # Beside a loud pure tone, float32 has no more than three digits of what lies 80 dB below.
    waves = waves + 0.1 * torch.randn(waves.shape, generator=torch.Generator().manual_seed(0))
    frontend = Cqt(sample_rate=RATE, channels=1, normalize="picture").eval()
    program = torch.onnx.export(
        frontend,
        (waves[:2],),
        input_names=["waveform"],
        dynamic_shapes={"waveform": {0: torch.export.Dim("batch", min=1, max=64)}},
        opset_version=18,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString())
    for batch in (waves, waves[:1]):
        mine = session.run(None, {"waveform": batch.numpy()})[0]
        expected = frontend(batch).numpy()
        assert np.abs(mine - expected).max() < 1e-4 * np.abs(expected).max()
