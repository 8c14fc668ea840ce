"""Power spectra in onnxruntime: the ONNX operator STFT compared with the two matrix products of model files.

One thread, one process; both forms take turns on the same segments. The figures are medians of processor
time.

    python benchmarks/power_spectrum.py [--quick]
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import statistics
import time
import warnings

import numpy as np
import onnxruntime
import torch
from machine import machine
from torch import Tensor, nn

from genrelab.lab.frontends.stft import PowerSpectrum

SECONDS, ITEMS = 5, 6
CASES = ((16_000, 512, 256), (22_050, 1024, 512), (22_050, 2048, 512))


class Plain(nn.Module):
    """The transform with the STFT of torch and ONNX."""

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int) -> None:
        super().__init__()
        self.n_fft, self.hop_length = n_fft, hop_length
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Return power `[batch, bins, frames]` of a waveform `[batch, 1, samples]`."""
        spectrum = torch.stft(
            waveform[:, 0], self.n_fft, self.hop_length, window=self.window, return_complex=True
        )
        return torch.view_as_real(spectrum).square().sum(dim=-1)


def session(module: nn.Module, example: Tensor) -> onnxruntime.InferenceSession:
    """Export a module; return its onnxruntime session with one thread."""
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(module.eval(), (example,), opset_version=18, dynamo=True)
    assert program is not None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(program.model_proto.SerializeToString(), options)


def main() -> None:
    """Print one line per window and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few rounds: a smoke test")
    rounds = 3 if parser.parse_args().quick else 41
    figures = []
    for rate, n_fft, hop_length in CASES:
        sound = 0.1 * torch.randn(ITEMS, 1, SECONDS * rate)
        forms = {
            "plain": session(Plain(n_fft, hop_length), sound),
            "products": session(PowerSpectrum(n_fft=n_fft, hop_length=hop_length, pad_mode="reflect"), sound),
        }
        took: dict[str, list[float]] = {name: [] for name in forms}
        found = {}
        for _ in range(rounds):
            for name, form in forms.items():
                begin = time.process_time()
                (found[name],) = form.run(None, {form.get_inputs()[0].name: sound.numpy()})
                took[name].append(time.process_time() - begin)
        apart = np.abs(found["plain"] - found["products"].reshape(found["plain"].shape)).max()
        plain, products = (1000 * statistics.median(took[name]) / (SECONDS * ITEMS) for name in forms)
        figures.append({"rate": rate, "n_fft": n_fft, "hop_length": hop_length, "ratio": plain / products})
        print(f"{rate:6} Hz, window {n_fft:5}, step {hop_length}, per second of audio:", end=" ")
        print(f"{plain:.3f} ms and {products:.3f} ms, {plain / products:.1f}x", end="; ")
        print(f"largest difference {apart / found['plain'].max():.0e} of the largest value")
    print(json.dumps({"benchmark": "power_spectrum", "figures": figures} | machine("torch", "onnxruntime")))


if __name__ == "__main__":
    main()
