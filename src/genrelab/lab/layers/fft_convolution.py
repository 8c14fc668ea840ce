"""Convolution with many long symmetric kernels, by Fourier transform, a slice of the bank at a time.

A bank of 480 kernels of up to 1,001 taps turns a clip of 48,000 samples into 23 million values. Direct
convolution takes up to 1,001 multiplications for each, a Fourier transform about 20. A symmetric kernel
has a real spectrum, which halves the products, and `rectified_average` keeps none of the 23 million: it
goes through the bank in slices that fit the processor's cache, and once more for the gradient. Signals
longer than a block are cut by overlap-save.

Kernels are given by their right half, `[kernels, H + 1]`, the centre first: tap `j` is `half[:, |j|]`.
A signal counts as zero before its first and after its last sample, and gets no gradient.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from genrelab.lab.layers.pooling import average_last

_BLOCK = 2**13  # longest transform for kernels of up to 512 taps a side, in samples
_SLICE = 2**19  # values of one slice of the bank on the CPU: as many as fit its cache
_SLICE_ELSEWHERE = 2**27


def mirrored(half: Tensor) -> Tensor:
    """Return whole kernels `[kernels, 2 H + 1]` from their right halves `[kernels, H + 1]`."""
    return torch.cat([half[:, 1:].flip(1), half], dim=1)


def convolve(signal: Tensor, half: Tensor) -> Tensor:
    """Convolve and keep the length.

    Parameters
    ----------
    signal : Tensor [shape=(batch, samples)]
    half : Tensor [shape=(kernels, H + 1)]

    Returns
    -------
    Tensor [shape=(batch, kernels, samples)]
    """
    out: Tensor = _Convolve.apply(signal, half)
    return out


def rectified_average(signal: Tensor, half: Tensor, bias: Tensor, count: int) -> Tensor:
    """Convolve, add, rectify and average over time: `adaptive_avg_pool1d(relu(convolution + bias))`.

    Parameters
    ----------
    signal : Tensor [shape=(batch, samples)]
    half : Tensor [shape=(kernels, H + 1)]
    bias : Tensor [shape=(kernels,)]
    count : int > 0
        Windows, those of `torch.nn.AdaptiveAvgPool1d`.

    Returns
    -------
    Tensor [shape=(batch, kernels, count)]
    """
    out: Tensor = _RectifiedAverage.apply(signal, half, bias, count)
    return out


class Plan(NamedTuple):
    """How a signal is cut into blocks.

    Attributes
    ----------
    samples : int
        Length of the signal.
    reach : int
        H: taps on each side of a kernel's centre.
    size : int
        Length of a transform, without large prime factors.
    blocks : int
        Number of transforms.
    """

    samples: int
    reach: int
    size: int
    blocks: int

    @classmethod
    def of(cls, samples: int, reach: int) -> Plan:
        """Plan for a signal: one block if it is short, else blocks of at least eight kernels' lengths."""
        longest = max(_BLOCK, _without_large_primes(16 * reach))
        size = min(_without_large_primes(samples + 2 * reach), longest)
        return cls(samples, reach, size, -(-samples // (size - 2 * reach)))

    @property
    def valid(self) -> int:
        """Number of values in a block without wrap-around."""
        return self.size - 2 * self.reach

    def spectra(self, signal: Tensor) -> Tensor:
        """Change `[batch, samples]` into `[batch, blocks, size / 2 + 1]`."""
        padded = F.pad(signal, (self.reach, self.blocks * self.valid + self.reach - self.samples))
        spectra: Tensor = torch.fft.rfft(padded.unfold(-1, self.size, self.valid))
        return spectra

    def responses(self, half: Tensor) -> Tensor:
        """Change half kernels into their real spectra `[kernels, 1, size / 2 + 1]`."""
        one_sided: Tensor = torch.fft.rfft(half, n=self.size)
        return (2 * one_sided.real - half[:, :1])[:, None]

    def filtered(self, spectra: Tensor, responses: Tensor) -> Tensor:
        """Return one signal filtered by all kernels, `[kernels, blocks, valid]`, a view."""
        whole: Tensor = torch.fft.irfft(spectra * responses, n=self.size)
        return whole[..., self.reach : self.reach + self.valid]

    def joined(self, blocks: Tensor) -> Tensor:
        """Change `[kernels, blocks, valid]` into `[kernels, samples]`."""
        return blocks.reshape(len(blocks), -1)[:, : self.samples]

    def shifted(self, spectra: Tensor) -> Tensor:
        """Return the conjugate spectra of blocks that begin at their first valid sample."""
        frequency = torch.arange(spectra.shape[-1], device=spectra.device, dtype=torch.float64)
        phase = -2 * math.pi * self.reach / self.size * frequency
        return spectra.conj() * torch.polar(torch.ones_like(phase), phase).to(spectra.dtype)

    def correlate(self, total: Tensor, shifted: Tensor, gradient: Tensor) -> None:
        """Add to `total` the spectrum of the correlation of `[kernels, samples]` with one signal."""
        padded = F.pad(gradient, (0, self.blocks * self.valid - self.samples))
        blocks = torch.fft.rfft(padded.view(len(gradient), self.blocks, self.valid), n=self.size)
        for block, other in zip(blocks.unbind(1), shifted, strict=True):
            total.addcmul_(block, other)

    def half_gradient(self, total: Tensor) -> Tensor:
        """Change summed correlations `[kernels, size / 2 + 1]` into the gradient of half kernels.

        A tap occurs on both sides of the centre: the sum of the two correlations is real.
        """
        even: Tensor = torch.fft.irfft(total.real.to(total.dtype), n=self.size)
        both = 2 * even[:, : self.reach + 1]
        both[:, 0] = even[:, 0]
        return both

    def slices(self, kernels: int, device: torch.device) -> list[slice]:
        """Return the slices of a bank that are processed one by one."""
        values = _SLICE if device.type == "cpu" else _SLICE_ELSEWHERE
        width = max(1, values // (self.blocks * self.size))
        return [slice(begin, begin + width) for begin in range(0, kernels, width)]


def _without_large_primes(least: int) -> int:
    """Return the smallest even number from `least` on that only 2, 3 and 5 divide."""
    size = max(2, least + least % 2)
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 2


class _Convolve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, signal: Tensor, half: Tensor) -> Tensor:
        plan = Plan.of(signal.shape[-1], half.shape[-1] - 1)
        ctx.plan = plan
        ctx.save_for_backward(signal)
        responses = plan.responses(half)
        out = signal.new_empty(len(signal), len(half), plan.samples)
        for spectra, values in zip(plan.spectra(signal), out, strict=True):
            for part in plan.slices(len(half), signal.device):
                values[part] = plan.joined(plan.filtered(spectra, responses[part]))
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor]:
        plan: Plan = ctx.plan
        (signal,) = ctx.saved_tensors
        spectra = plan.spectra(signal)
        total = spectra.new_zeros(gradient.shape[1], plan.size // 2 + 1)
        for each, values in zip(plan.shifted(spectra), gradient, strict=True):
            for part in plan.slices(len(total), signal.device):
                plan.correlate(total[part], each, values[part])
        return None, plan.half_gradient(total)


class _RectifiedAverage(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, signal: Tensor, half: Tensor, bias: Tensor, count: int) -> Tensor:
        plan = Plan.of(signal.shape[-1], half.shape[-1] - 1)
        ctx.plan, ctx.count = plan, count
        ctx.save_for_backward(signal, half, bias)
        responses = plan.responses(half)
        out = signal.new_empty(len(signal), len(half), count)
        for spectra, averages in zip(plan.spectra(signal), out, strict=True):
            for part in plan.slices(len(half), signal.device):
                values = plan.joined(plan.filtered(spectra, responses[part]) + bias[part, None, None])
                averages[part] = average_last(values.clamp_min_(0), count)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor, Tensor, None]:
        plan: Plan = ctx.plan
        signal, half, bias = ctx.saved_tensors
        responses = plan.responses(half)
        spectra = plan.spectra(signal)
        total = spectra.new_zeros(len(half), plan.size // 2 + 1)
        bias_gradient = torch.zeros_like(bias)
        for each, shifted, averages in zip(spectra, plan.shifted(spectra), gradient, strict=True):
            for part in plan.slices(len(half), signal.device):
                values = plan.joined(plan.filtered(each, responses[part]) + bias[part, None, None])
                with torch.enable_grad():
                    values.requires_grad_()
                    again = average_last(F.relu(values), ctx.count)
                (passed,) = torch.autograd.grad(again, values, averages[part])
                bias_gradient[part] += passed.sum(dim=1)
                plan.correlate(total[part], shifted, passed)
        return None, plan.half_gradient(total), bias_gradient, None
