"""Power spectra by products of matrices are those of the Fourier transform, in torch and in a model file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from genrelab.lab.frontends.fourier import MatrixPower, beginning, columns_of, pays
from genrelab.lab.frontends.stft import PowerSpectrum


@settings(max_examples=60, deadline=None)
@given(n_fft=st.integers(2, 600), hop=st.integers(1, 400), frames=st.integers(1, 5), spare=st.integers(0, 50))
@example(n_fft=512, hop=256, frames=4, spare=3)
@example(n_fft=400, hop=160, frames=3, spare=0)
@example(n_fft=1001, hop=91, frames=3, spare=0)  # odd, seven columns
@example(n_fft=441, hop=210, frames=3, spare=0)  # an odd number of rows and of columns
@example(n_fft=509, hop=509, frames=2, spare=0)  # a prime: one column
def test_they_are_those_of_a_transform(n_fft: int, hop: int, frames: int, spare: int) -> None:
    rng = np.random.default_rng(n_fft + hop)
    window = rng.uniform(0.1, 1.0, n_fft)
    signal = rng.normal(size=(2, (frames - 1) * hop + n_fft + spare))
    starts = range(0, frames * hop, hop)
    cut = np.stack([signal[:, start : start + n_fft] for start in starts], axis=-1)
    wanted = np.abs(np.fft.rfft(cut * window[:, None], axis=1)) ** 2
    found = MatrixPower(window, hop_length=hop)(torch.from_numpy(signal).float(), frames)
    assert found.shape == (2, n_fft // 2 + 1, frames)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5 * wanted.max())


def test_columns_divide_window_and_step() -> None:
    assert [columns_of(512, 256), columns_of(1024, 512), columns_of(2048, 512)] == [16, 32, 32]
    assert [columns_of(400, 160), columns_of(2048, 441)] == [20, 1]


@pytest.mark.parametrize(
    ("n_fft", "hop", "used"),
    [(512, 256, True), (1024, 512, True), (2048, 512, True), (2048, 441, False), (2**16, 1, False)],
)
def test_it_is_used_where_it_pays(n_fft: int, hop: int, used: bool) -> None:
    assert pays(n_fft, hop) is used
    assert (PowerSpectrum(n_fft=n_fft, hop_length=hop, pad_mode="reflect").products is not None) is used


def test_the_sizes_of_a_network_can_be_had_without_values() -> None:
    with torch.device("meta"):
        assert PowerSpectrum(n_fft=512, hop_length=256, pad_mode="reflect").frames(1000) == 4


def test_the_beginning_is_cut() -> None:
    assert beginning(torch.arange(6)[None], 4).tolist() == [[0, 1, 2, 3]]


class Named(torch.nn.Module):
    """With a name for what it takes."""

    def __init__(self, power: PowerSpectrum) -> None:
        super().__init__()
        self.power = power

    def forward(self, waveform: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.power(waveform)
        return found


@pytest.mark.parametrize("pad_mode", ["reflect", "constant"])
@pytest.mark.parametrize(
    ("n_fft", "hop", "transform"),
    [pytest.param(512, 256, False, marks=pytest.mark.slow), (400, 160, False), (1024, 441, True)],
)
def test_model_files_hold_them_for_any_batch_and_duration(
    n_fft: int, hop: int, transform: bool, pad_mode: str, tmp_path: Path
) -> None:
    power = PowerSpectrum(n_fft=n_fft, hop_length=hop, pad_mode=pad_mode)  # type: ignore[arg-type]
    free = {0: torch.export.Dim("batch", min=1, max=64), 2: torch.export.Dim("samples", min=1500)}
    example = torch.randn(2, 1, 4000)
    with torch.no_grad():
        traced = torch.export.export(
            Named(power).eval(),
            (example,),
            dynamic_shapes={"waveform": free},
            prefer_deferred_runtime_asserts_over_guards=True,
        )
        program = torch.onnx.export(traced, (example,), opset_version=18, dynamo=True, verbose=False)
    assert program is not None
    assert ("STFT" in {node.op_type for node in program.model_proto.graph.node}) is transform
    program.save(tmp_path / "power.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "power.onnx")
    for items, samples in ((1, 1500), (3, 4000), (2, 5003)):
        sound = torch.randn(items, 1, samples)
        wanted = power(sound).numpy()
        (found,) = session.run(None, {session.get_inputs()[0].name: sound.numpy()})
        assert found.shape == wanted.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-5 * wanted.max())
