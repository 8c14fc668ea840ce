"""Mean and variance of a convolution's output, without computing the output.

Batch norm behind a bank of filters needs the mean and the variance of each filter's output over batch
and time. Both follow from the kernel and from the covariance of the signal with itself at the kernel's
taps; for 1,001 taps that is a small matrix, where the output has millions of values.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def output_moments(signal: Tensor, half: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and (biased) variance of `symmetric.convolve(signal, half)` over batch and time.

    Computed in float64: a filter for high frequencies leaves little of a loud bass, and the difference
    would drown in float32. Gradients reach the kernels.

    Parameters
    ----------
    signal : Tensor [shape=(batch, samples)]
        Gets no gradient.
    half : Tensor [shape=(kernels, H + 1)]

    Returns
    -------
    mean, variance : Tensor [shape=(kernels,)]
    """
    with torch.no_grad():
        sums, products = _tap_sums(signal.double(), half.shape[1] - 1)
        sums, products = _folded(sums, 0), _folded(_folded(products, 0), 1)
    taps = torch.cat([half[:, :1] / 2, half[:, 1:]], dim=1).double()  # folding counts the centre twice
    mean = taps @ sums / signal.numel()
    square = ((taps @ products) * taps).sum(dim=1) / signal.numel()
    return mean.to(half.dtype), (square - mean**2).clamp_min(0).to(half.dtype)


def _folded(sums: Tensor, axis: int) -> Tensor:
    """Add the left half to the right half, and the centre to itself."""
    centre = sums.shape[axis] // 2
    return sums.narrow(axis, centre, centre + 1) + sums.narrow(axis, 0, centre + 1).flip(axis)


def _tap_sums(signal: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """Return the sums over batch and time of x[n - i], and of x[n - i] x[n - j], for taps i, j.

    Taps run from -reach to reach, n over the signal, which is zero outside itself. From one tap to the
    next, the window of samples moves on by one: it loses a sample at its end and gains one at its
    beginning. So each diagonal of the products is its first value plus a running sum.
    """
    samples, taps = signal.shape[-1], 2 * reach + 1
    # Tap -reach looks `reach` ahead. Going from tap t to t + 1, x[-1 - t] comes in, x[samples - 1 - t] goes.
    around = F.pad(signal, (taps, taps))
    entering = around[:, taps - reach : taps + reach].flip(-1)
    leaving = around[:, taps + samples - reach : taps + samples + reach].flip(-1)
    sums = _running((entering - leaving).sum(dim=0), first=signal[:, reach:].sum())
    changes = entering.T @ entering - leaving.T @ leaving
    sheared = F.pad(changes, (0, taps + 1)).as_strided((taps - 1, taps), (2 * taps + 1, 1))
    diagonals = torch.zeros(taps, taps, dtype=signal.dtype, device=signal.device)
    diagonals[1:] = sheared.cumsum(dim=0)
    diagonals += _lags(signal, reach, taps)
    upper = signal.new_zeros(taps, 2 * taps)
    upper.as_strided((taps, taps), (2 * taps + 1, 1)).copy_(diagonals)
    half = upper[:, :taps]
    return sums, half + half.triu(1).T


def _running(changes: Tensor, *, first: Tensor) -> Tensor:
    return torch.cat([first.reshape(1), first + changes.cumsum(dim=0)])


def _lags(signal: Tensor, reach: int, count: int) -> Tensor:
    """Return, for lags 0 to count - 1, the sum over batch and n >= reach of x[n] x[n - lag]."""
    size = signal.shape[-1] + count
    late = signal.clone()
    late[:, :reach] = 0
    spectrum = torch.fft.rfft(late, n=size) * torch.fft.rfft(signal, n=size).conj()
    lags: Tensor = torch.fft.irfft(spectrum.sum(dim=0), n=size)
    return lags[:count]
