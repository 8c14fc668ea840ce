"""Power spectra as two matrix products, for model files.

onnxruntime's own transform takes several times as long (benchmarks/power_spectrum.py).

A frame of `rows x columns` samples is transformed along its columns, turned by the twiddle factors of Cooley
and Tukey, and transformed along its rows. Window and twiddle factors are part of the first matrices, and rows
overlap from frame to frame, so that the first step is a grouped convolution over the signal itself: nothing
is copied frame by frame. The half of the first step that is the other's conjugate is left out, and the second
step's bins come in an order of their own.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MOST_PRODUCTS = 512
"""Per sample of a frame: well below what onnxruntime's transform costs."""


def beginning(signal: Tensor, size: int | torch.SymInt) -> Tensor:
    """Return `signal[..., :size]`.

    Uses an index where the size is dynamic: the exporter cannot prove that a slice is long enough.
    """
    if isinstance(size, int):
        return signal[..., :size]
    return signal.index_select(-1, torch.arange(size, device=signal.device))


def columns_of(n_fft: int, hop_length: int) -> int:
    """Return the best number of columns for a frame: a divisor of both, near the root of `n_fft`."""
    common = math.gcd(n_fft, hop_length)
    return max(size for size in range(1, math.isqrt(n_fft) + 1) if common % size == 0)


def pays(n_fft: int, hop_length: int) -> bool:
    """Return whether two products cost less than onnxruntime's own transform."""
    columns = columns_of(n_fft, hop_length)
    low_bins = n_fft // columns // 2 + 1
    return 2 * low_bins * n_fft + low_bins * (2 * columns) ** 2 <= _MOST_PRODUCTS * n_fft


class MatrixPower(nn.Module):
    """Squared magnitudes of the Fourier transforms of overlapping frames.

    Matches `abs(torch.stft(y, n_fft, hop_length, window=window, center=False)) ** 2` to rounding errors.

    Parameters
    ----------
    window : np.ndarray [shape=(n_fft,)]
    hop_length : int > 0, in samples
        The more divisors it has in common with `n_fft`, the cheaper.
    """

    first: Tensor
    second: Tensor
    order: Tensor

    def __init__(self, window: npt.NDArray[np.float64], *, hop_length: int) -> None:
        super().__init__()
        n_fft = window.size
        self.n_fft, self.hop_length = n_fft, hop_length
        self.columns = columns_of(n_fft, hop_length)
        rows = n_fft // self.columns
        self.low_bins = rows // 2 + 1
        row, column, low = np.arange(rows), np.arange(self.columns), np.arange(self.low_bins)
        # [columns, low bins, rows]
        turns = row * low[:, None] / rows + column[:, None, None] * low[:, None] / n_fft
        kernels = np.exp(-2j * np.pi * turns) * window.reshape(rows, self.columns).T[:, None, :]
        first = np.stack([kernels.real, kernels.imag], axis=1).reshape(-1, 1, rows)
        tones = np.exp(-2j * np.pi * np.outer(column, column) / self.columns)
        # Real and imaginary parts of each column in, all real parts and then all imaginary ones out.
        real = np.stack([tones.real, -tones.imag], axis=-1)
        imaginary = np.stack([tones.imag, tones.real], axis=-1)
        second = np.stack([real, imaginary]).reshape(2 * self.columns, 2 * self.columns)
        bins = np.arange(n_fft // 2 + 1)
        bins = np.where(
            bins % rows < self.low_bins, bins, n_fft - bins
        )  # a real signal's bins mirror each other
        order = bins % rows * self.columns + bins // rows
        for name, table in (("first", first), ("second", second)):
            self.register_buffer(name, torch.from_numpy(table.astype(np.float32)), persistent=False)
        self.register_buffer("order", torch.from_numpy(order), persistent=False)

    def forward(self, signal: Tensor, frames: int) -> Tensor:
        """Change `[batch, samples]` into `[batch, 1 + n_fft // 2, frames]`."""
        used = beginning(signal, (frames - 1) * self.hop_length + self.n_fft)
        laid = used.reshape(used.shape[0], -1, self.columns).transpose(1, 2)
        turned = F.conv1d(laid, self.first, stride=self.hop_length // self.columns, groups=self.columns)
        turned = turned.reshape(used.shape[0], self.columns, 2, self.low_bins, frames)
        squares = (self.second @ turned.permute(0, 3, 1, 2, 4).flatten(2, 3)).square()
        real, imaginary = squares.chunk(2, dim=2)
        power: Tensor = (real + imaginary).flatten(1, 2).index_select(1, self.order)
        return power
