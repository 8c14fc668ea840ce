"""Learned band-pass filters on the waveform: SincNet's first layer, of one or several lengths.

Ravanelli and Bengio (2018), "Speaker recognition from raw waveform with SincNet"; paper `ms-sincresnet`
(2.1, 2.2.2) combines three lengths and averages the rectified output of each filter to one row of a picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, Frontend
from genrelab.lab.frontends.mel import hz_to_mel, mel_to_hz
from genrelab.lab.frontends.moments import output_moments
from genrelab.lab.frontends.sections import LearnedFilters, LearnedPictures, ReportSection
from genrelab.lab.frontends.sinc_track import QUIET, shared_averages
from genrelab.lab.layers import fft_convolution
from genrelab.lab.layers.pooling import average_last
from genrelab.lab.layers.whole_batch import pooled_moments

Form = Literal["fast", "plain"]
Spacing = Literal["mel", "linear", "octave"]
_FULL = 0.01  # Hz below half the sample rate where the last band ends at first: its edge can still move
Taps = Annotated[int, Field(ge=3, le=2**16)]
Hertz = Annotated[float, Field(ge=0)]


class CutoffLimits(NamedTuple):
    """Where the cut-offs of sinc filters start, and the limits that they keep, all in Hz.

    Attributes
    ----------
    lowest_hz : float
        Lower cut-off of the first filter at the start; the last filter ends at half the sample rate, and the
        bands between them touch.
    min_low_hz, min_band_hz : float >= 0
        Least lower cut-off and least width of a band.
    unit_hz : float > 0
        Unit of the parameters. Plain gradient descent moves a cut-off with its square: in Hz (SincNet's code)
        by less than float32 can hold at 1 kHz, so not at all. In 1 kHz, low filters move by more than
        their width while high ones hardly move.
    unit_mel : float > 0 or None
        Unit of the parameters in mel (HTK's) in place of `unit_hz`: filters of all heights move alike,
        relative to their widths.
    spacing : {"mel", "linear", "octave"}
        The bands are equally wide at the start in mel (HTK's), in Hz or in octaves.
    """

    lowest_hz: float
    min_low_hz: float
    min_band_hz: float
    unit_hz: float = 1.0
    unit_mel: float | None = None
    spacing: Spacing = "mel"

    def edges(self, filters: int, highest_hz: float) -> npt.NDArray[np.float64]:
        """Return the borders of the bands at the start, in Hz, `[filters + 1]`, rising."""
        if self.spacing == "linear":
            return np.linspace(self.lowest_hz, highest_hz, filters + 1)
        if self.spacing == "octave":
            return np.geomspace(self.lowest_hz, highest_hz, filters + 1)
        lowest, highest = hz_to_mel([self.lowest_hz, highest_hz], scale="htk")
        return mel_to_hz(np.linspace(lowest, highest, filters + 1), scale="htk")


class SincFilters(nn.Module):
    """Band-pass filters with two learned values each: the lower cut-off and the width of the band.

    A filter is the ideal band-pass between its cut-offs, limited to `length` taps by a Hamming window and
    divided by twice its bandwidth: its largest tap is 1 (paper, equations 3 to 5; the division is
    SincNet's). A difference of two sincs would lose precision in narrow bands; therefore the
    filter is computed as the equal product of a sinc of half the bandwidth and a cosine at the band centre.

    The cut-offs keep their order for all values of the parameters:
    low = min_low + unit |p|, high = low + min_band + unit |q|, neither beyond half the sample rate, or with a
    unit in mel the same where the sums with |p| and |q| are formed in mel. A filter pushed against that limit
    gets no gradient there.

    Parameters
    ----------
    filters : int > 0
    length : int, odd, in samples
    sample_rate : int > 0, in Hz
    limits : CutoffLimits

    Raises
    ------
    RecipeError
        If the length is even, or the limits do not fit the initial bands.
    """

    window: Tensor
    times: Tensor
    undecayed = ("low", "band")  # weight decay would pull cut-offs towards 0 Hz

    def __init__(self, *, filters: int, length: int, sample_rate: int, limits: CutoffLimits) -> None:
        super().__init__()
        lowest_hz, min_low_hz, min_band_hz, unit_hz, unit_mel, _ = limits
        if length % 2 == 0:
            raise RecipeError(
                f"a sinc filter needs an odd number of taps, not {length}; use {length + 1}",
                code="sinc-taps-even",
            )
        self.nyquist = sample_rate / 2
        if not min_low_hz < lowest_hz < self.nyquist - _FULL:
            raise RecipeError(
                f"the lowest cut-off, {lowest_hz} Hz, must lie between min_low_hz, {min_low_hz} Hz, and half "
                f"the sample rate, {self.nyquist:g} Hz",
                code="sinc-lowest",
            )
        edges = torch.from_numpy(limits.edges(filters, self.nyquist - _FULL))
        narrowest = float(edges.diff().min())
        if narrowest < min_band_hz:
            raise RecipeError(
                f"the narrowest of {filters} filters starts with {narrowest:.1f} Hz, less than min_band_hz, "
                f"{min_band_hz} Hz; use fewer filters, lower min_band_hz, or raise lowest_hz",
                code="sinc-bands-narrow",
            )
        self.length = length
        self.sample_rate = sample_rate
        self.min_low_hz = min_low_hz
        self.min_band_hz = min_band_hz
        self.unit_hz = unit_hz
        self.unit_mel = unit_mel
        low, high = edges[:-1], edges[1:]
        if unit_mel is None:
            self.low = nn.Parameter(((low - min_low_hz) / unit_hz).float())
            self.band = nn.Parameter(((high - low - min_band_hz) / unit_hz).float())
        else:
            self.low = nn.Parameter((_mel(low - min_low_hz) / unit_mel).float())
            self.band = nn.Parameter(((_mel(high) - _mel(low + min_band_hz)) / unit_mel).float())
        times = torch.arange(length // 2 + 1, dtype=torch.float64)
        window = 0.54 + 0.46 * torch.cos(2 * math.pi * times / length)
        self.register_buffer("times", times, persistent=False)
        self.register_buffer("window", window, persistent=False)

    def cutoffs(self) -> tuple[Tensor, Tensor]:
        """Return the lower and the upper cut-offs in Hz, `[filters]` each."""
        if self.unit_mel is not None:
            return self._from_mel(self.unit_mel)
        low = (self.min_low_hz + self.unit_hz * self.low.abs()).clamp(max=self.nyquist - self.min_band_hz)
        high = (low + self.min_band_hz + self.unit_hz * self.band.abs()).clamp(max=self.nyquist)
        return low, high

    def _from_mel(self, unit: float) -> tuple[Tensor, Tensor]:
        """Return the cut-offs where the parameters are in mel; limited there, because 10^x overflows."""
        most = torch.tensor(self.nyquist, dtype=torch.float64, device=self.low.device)
        highest = most - self.min_band_hz
        low_mel = (unit * self.low.double().abs()).clamp(max=_mel(highest - self.min_low_hz))
        low = self.min_low_hz + _hz(low_mel)
        high_mel = (_mel(low + self.min_band_hz) + unit * self.band.double().abs()).clamp(max=_mel(most))
        high = torch.maximum(_hz(high_mel), low + self.min_band_hz).clamp(max=self.nyquist)
        return low.to(self.low.dtype), high.to(self.low.dtype)

    def half_kernels(self) -> Tensor:
        """Return the kernels' right halves with the centre, `[filters, length // 2 + 1]`.

        Computed in float64: after 500 samples, the error of a float32 phase is 1e-4.
        """
        low, high = (cutoff[:, None].double() / self.sample_rate for cutoff in self.cutoffs())
        envelope = torch.sinc((high - low) * self.times) * self.window
        return (envelope * torch.cos(math.pi * (low + high) * self.times)).to(self.low.dtype)


def _mel(hz: Tensor) -> Tensor:
    return 2595.0 * torch.log10(1.0 + hz / 700.0)


def _hz(mel: Tensor) -> Tensor:
    return 700.0 * torch.expm1(mel * (math.log(10.0) / 2595.0))


@FRONTENDS.register("sinc")
class Sinc(Frontend):
    """Sinc filters as a front-end: bands over time, or a picture with one channel per filter length.

    Each waveform is scaled to mean 0 and variance 1 (layer normalization, paper 2.2.1, as
    SincNet without learned gains: clips start anywhere, so a gain for each of 48,000 positions has no
    meaning). With `frames`, batch norm and ReLU for each filter and the mean over `frames` equal windows
    follow; the result is the energy of each band over time.

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    channels : int
        Of the waveform; must be 1.
    filters : int > 0
        Number of filters of each length.
    lengths : list of int, odd, in samples
        One bank of filters for each, with its own cut-offs, even where lengths are equal.
    frames : int > 0 or None
        Columns of the picture. None returns the output of the filters, `[batch, filters, samples]`.
    lowest_hz, min_low_hz, min_band_hz, unit_hz : float, in Hz
    unit_mel : float or None, in mel
    spacing : {"mel", "linear", "octave"}
        See `CutoffLimits`.
    form : {"fast", "plain"}
        Method of computation: `fast` uses Fourier transforms and slices of the bank, `plain` the direct
        convolution of the paper. Both give the same result; `plain` is the reference.

    Raises
    ------
    RecipeError
        If the waveform is not mono, no length is given, or several lengths are given without `frames`.
    """

    def __init__(
        self,
        *,
        sample_rate: int,
        channels: int,
        filters: Annotated[int, Field(gt=0, le=4096)] = 160,
        lengths: Annotated[list[Taps], Field(min_length=1, max_length=16)] | None = None,
        frames: Annotated[int, Field(gt=0, le=2**16)] | None = 1024,
        lowest_hz: Hertz = 30.0,
        min_low_hz: Hertz = 1.0,
        min_band_hz: Hertz = 1.0,
        unit_hz: Annotated[float, Field(gt=0)] = 1.0,
        unit_mel: Annotated[float, Field(gt=0, le=1e6)] | None = None,
        spacing: Spacing = "mel",
        form: Form = "fast",
    ) -> None:
        super().__init__()
        chosen = [251, 501, 1001] if lengths is None else lengths
        if channels != 1:
            raise RecipeError(
                "sinc filters need a mono waveform; set audio.channels to 1", code="sinc-channels"
            )
        if frames is None and len(chosen) > 1:
            raise RecipeError("without frames, sinc filters need exactly one length", code="sinc-lengths")
        self.filters = filters
        self.frames = frames
        self.form = form
        limits = CutoffLimits(lowest_hz, min_low_hz, min_band_hz, unit_hz, unit_mel, spacing)
        banks = [
            SincFilters(filters=filters, length=length, sample_rate=sample_rate, limits=limits)
            for length in chosen
        ]
        self.banks = nn.ModuleList(banks)
        self.lengths = tuple(chosen)
        self.reach = max(chosen) // 2
        self.shares_tracks = frames is not None and form == "fast"
        self.norm = nn.BatchNorm1d(filters * len(chosen)) if frames is not None else None

    def half_kernels(self) -> Tensor:
        """Return the half kernels of all banks in one matrix, shorter ones padded with zeros."""
        halves = [cast(SincFilters, bank).half_kernels() for bank in self.banks]
        return torch.cat([F.pad(half, (0, self.reach + 1 - half.shape[1])) for half in halves])

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, 1, samples]` into `[batch, lengths, filters, frames]`.

        Without `frames` into `[batch, filters, samples]`.
        """
        signal = standardized(waveform[:, 0])
        exporting = torch.compiler.is_exporting()
        fast = self.form == "fast" and not exporting and not signal.requires_grad
        if self.norm is None:
            return fft_convolution.convolve(signal, self.half_kernels()) if fast else self._direct(signal)
        frames = cast(int, self.frames)
        if fast:
            half, bias = self.normed(signal)
            rows = fft_convolution.rectified_average(signal, half, bias, frames)
        elif exporting:
            rows = average_last(F.relu(self._direct(signal, *self.normed())), frames)
        else:
            rows = average_last(F.relu(self.norm(self._direct(signal))), frames)
        return rows.reshape(-1, len(self.banks), self.filters, frames)

    def _direct(self, signal: Tensor, half: Tensor | None = None, bias: Tensor | None = None) -> Tensor:
        """Convolve with each bank directly: `[batch, lengths * filters, samples]`."""
        half = self.half_kernels() if half is None else half
        outputs = []
        for index, length in enumerate(self.lengths):
            own, reach = slice(index * self.filters, (index + 1) * self.filters), length // 2
            kernels = fft_convolution.mirrored(half[own, : reach + 1])[:, None]
            offset = None if bias is None else bias[own]
            outputs.append(F.conv1d(signal[:, None], kernels, offset, padding=reach))
        return torch.cat(outputs, dim=1)

    def normed(self, signal: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return half kernels and biases that include batch norm.

        In training mode, batch norm uses the statistics of `signal` and updates its running statistics, as
        torch's batch norm does.

        Parameters
        ----------
        signal : Tensor [shape=(batch, samples)] or None
            Standardized; only needed in training mode.

        Returns
        -------
        half : Tensor [shape=(lengths * filters, H + 1)]
        bias : Tensor [shape=(lengths * filters,)]
        """
        norm, half = cast(nn.BatchNorm1d, self.norm), self.half_kernels()
        mean, variance = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        if self.training and signal is not None:
            count = signal.numel()
            running = mean, variance
            mean, variance, count = pooled_moments(*output_moments(signal, half), count)
            with torch.no_grad():
                share = cast(float, norm.momentum)
                running[0].lerp_(mean, share)
                running[1].lerp_(variance * count / max(1, count - 1), share)
                cast(Tensor, norm.num_batches_tracked).add_(1)
        gain = norm.weight * torch.rsqrt(variance + norm.eps)
        return gain[:, None] * half, norm.bias - gain * mean

    def of_track(self, track: Tensor, starts: Sequence[int], samples: int) -> Tensor:
        """Return what `forward` gives for segments of a track, in evaluation mode.

        Parameters
        ----------
        track : Tensor [shape=(1, track_samples)]
        starts : sequence of int
            Where segments begin.
        samples : int
            Length of a segment.

        Returns
        -------
        Tensor [shape=(segments, lengths, filters, frames)]
        """
        if self.training or not self.shares_tracks or samples < 2 * self.reach:
            return super().of_track(track, starts, samples)
        half, bias = self.normed()
        frames = cast(int, self.frames)
        rows = shared_averages(track[0], starts, samples, half, bias, frames)
        return rows.reshape(-1, len(self.banks), self.filters, frames)

    def report_sections(self, initial: Frontend) -> list[ReportSection]:
        """Return pictures of a segment, and the filters before and after training."""
        return [LearnedPictures(self), LearnedFilters(cast(Sinc, initial), self)]

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(lengths, filters, frames)`, or `(filters, samples)`."""
        if self.frames is None:
            return self.filters, samples
        if samples < self.frames:
            raise RecipeError(
                f"a segment of {samples:,} samples is too short for {self.frames:,} frames; "
                "raise audio.segment_seconds or lower the frames of the sinc input",
                code="segment-too-short",
            )
        return len(self.banks), self.filters, self.frames


def standardized(signal: Tensor) -> Tensor:
    """Bring each `[samples]` of `[batch, samples]` to mean 0 and variance 1."""
    centred = signal - signal.mean(dim=1, keepdim=True)
    # Not `+ QUIET`: onnxscript takes an addition of 1e-8 for one of nothing and leaves it out.
    return centred * torch.rsqrt(centred.square().mean(dim=1, keepdim=True).clamp_min(QUIET))
