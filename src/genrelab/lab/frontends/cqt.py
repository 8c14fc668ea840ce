"""Constant-Q transform, as `librosa.cqt` computes it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, FrameSamples, Frontend, check_choice
from genrelab.lab.frontends.constant_q import (
    bin_frequencies,
    halving_filter,
    highest_frequency,
    octaves,
    relative_bandwidth,
)
from genrelab.lab.frontends.decibel import Decibel
from genrelab.lab.frontends.fourier import beginning
from genrelab.lab.frontends.normalize import Normalization, Normalize

Output = Literal["decibel", "magnitude"]

_C1_HZ = 440.0 * 2.0 ** (-45 / 12)
_TOGETHER = 64  # samples of the halved signal per matrix product: the fastest of 32, 64, 128, 256


def correlate(signal: Tensor, kernels: Tensor, *, stride: int) -> Tensor:
    """Multiply frames of a signal with kernels.

    On devices other than the CPU by a matrix product: a convolution would round its factors to TF32 there,
    and -60 dB next to a loud tone would be noise.

    Parameters
    ----------
    signal : Tensor [shape=(batch, samples)]
    kernels : Tensor [shape=(kernels, length)]
    stride : int > 0, in samples
        From frame to frame.

    Returns
    -------
    Tensor [shape=(batch, kernels, 1 + (samples - length) // stride)]
    """
    if signal.device.type == "cpu":
        return F.conv1d(signal[:, None], kernels[:, None], stride=stride)
    return kernels @ signal.unfold(-1, kernels.shape[-1], stride).transpose(-1, -2)


class Halve(nn.Module):
    """Half the sample rate, as soxr's high quality gives it.

    One matrix contains the filter for 64 results in shifted rows: a matrix product is several times as fast
    as a convolution with one kernel.
    """

    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = halving_filter()
        self.reach = taps.size // 2
        rows = np.zeros((_TOGETHER, 2 * (_TOGETHER - 1) + taps.size), dtype=np.float32)
        for place, row in enumerate(rows):
            row[2 * place : 2 * place + taps.size] = taps
        self.register_buffer("rows", torch.from_numpy(rows), persistent=False)

    def forward(self, signal: Tensor, *, size: int | None = None) -> Tensor:
        """Change `[batch, samples]` into `[batch, ceil(samples / 2)]`; silence lies beyond both ends.

        `size` is that half, if the caller has a simpler expression for it.
        """
        halved = (signal.shape[-1] + 1) // 2 if size is None else size
        padded = F.pad(signal, (self.reach, self.rows.shape[-1] - self.reach))
        blocks = correlate(padded, self.rows, stride=2 * _TOGETHER)
        return beginning(blocks.transpose(1, 2).flatten(1), halved)


@FRONTENDS.register("cqt")
class Cqt(Frontend):
    """Constant-Q transform in decibels below its loudest value, one picture per channel.

    Matches `abs(librosa.cqt(y, sr=sample_rate, hop_length=..., fmin=..., n_bins=..., bins_per_octave=...))`
    within 0.5 dB down to -60 dB, and `librosa.amplitude_to_db` of it with `ref=np.max`. That is what Zheng
    et al., "Neural Network for Music Style Recognizing", 3.1 to 3.3, take with `normalize="picture"`.
    With bins so low that librosa lowers the rate before the first octave, the frames at both ends differ by
    up to 2 % of the maximum.

    Apart from `amin`, the loudness of a recording changes neither decibels nor normalized values.

    Parameters
    ----------
    sample_rate : int > 0, in Hz
    channels : int > 0
        Of the waveform.
    n_bins : int > 0
    bins_per_octave : int > 0
    hop_length : int > 0, in samples
        The more often it is divisible by 2, the cheaper low octaves are.
    fmin : float > 0 or None, in Hz
        Centre of the lowest bin; None is the note C1, 32.7 Hz.
    output : {"decibel", "magnitude"}
        Decibels relative to the loudest value over all channels of the item, or plain magnitudes.
    amin, top_db
        See `Decibel`; without effect on magnitudes.
    normalize : {"none", "rows", "picture"}
        See `Normalize`.

    Raises
    ------
    RecipeError
        If the highest bin extends above half the sample rate, or an option is invalid.
    """

    fixed = True

    def __init__(
        self,
        *,
        sample_rate: int,
        channels: int,
        n_bins: Annotated[int, Field(gt=0, le=1024)] = 84,
        bins_per_octave: Annotated[int, Field(gt=0, le=96)] = 12,
        hop_length: FrameSamples = 512,
        fmin: float | None = None,
        output: Output = "decibel",
        amin: float = 1e-10,
        top_db: float | None = 80.0,
        normalize: Normalization = "none",
    ) -> None:
        super().__init__()
        lowest = _C1_HZ if fmin is None else fmin
        if min(n_bins, bins_per_octave, hop_length) < 1 or lowest <= 0:
            raise RecipeError(
                "n_bins, bins_per_octave, hop_length and fmin must be positive, "
                f"not {n_bins}, {bins_per_octave}, {hop_length} and {fmin}",
                code="option-not-positive",
            )
        check_choice("output", output, get_args(Output))
        frequencies = bin_frequencies(fmin=lowest, n_bins=n_bins, bins_per_octave=bins_per_octave)
        top = highest_frequency(frequencies, bins_per_octave=bins_per_octave)
        if top > sample_rate / 2:
            raise RecipeError(
                f"the highest of {n_bins} constant-Q bins extends to {top:,.0f} Hz, above half the "
                f"sample rate of {sample_rate} Hz. Lower n_bins or fmin",
                code="cqt-above-nyquist",
            )
        self.channels = channels
        self.n_bins = n_bins
        self.hop_length = hop_length
        self.output = output
        self.longest = int(np.ceil(sample_rate / (relative_bandwidth(bins_per_octave) * lowest)))
        self.halve = Halve()
        self.decibel = Decibel(amin=amin, top_db=top_db, relative=True)
        self.normalize = Normalize(normalize)
        self.octaves = octaves(
            sample_rate=sample_rate,
            frequencies=frequencies,
            bins_per_octave=bins_per_octave,
            hop_length=hop_length,
        )
        for number, octave in enumerate(self.octaves):
            kernels = torch.from_numpy(octave.kernels).flatten(0, 1)
            self.register_buffer(f"kernels_{number}", kernels, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, channels, n_bins, frames]`."""
        batch, channels, samples = waveform.shape
        signal = waveform.flatten(0, 1)
        if not torch.compiler.is_exporting() and len(signal) == 1:
            # torch convolves a single signal in another way, with other last bits.
            signal = signal.expand(2, -1)
        power = self._power(signal, 1 + samples // self.hop_length)[: batch * channels]
        power = power.reshape(batch, channels, self.n_bins, power.shape[-1])
        picture = self.decibel(power) if self.output == "decibel" else torch.sqrt(power)
        normalized: Tensor = self.normalize(picture)
        return normalized

    def _power(self, signal: Tensor, frames: int) -> Tensor:
        """Change `[batch, samples]` into `[batch, n_bins, frames]`."""
        found, samples, factor = [], signal.shape[-1], 1
        for number, octave in enumerate(self.octaves):
            for _ in range(octave.halvings):
                factor *= 2
                signal = self.halve(signal, size=(samples + factor - 1) // factor)
            kernels = self.get_buffer(f"kernels_{number}")
            half = kernels.shape[-1] // 2
            parts = correlate(F.pad(signal, (half, half)), kernels, stride=octave.hop_length)
            real, imaginary = beginning(parts, frames).chunk(2, dim=1)
            found.append(real.square() + imaginary.square())
        return torch.cat(found[::-1], dim=1)

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(channels, n_bins, frames)`.

        Raises
        ------
        RecipeError
            If the kernel of the lowest bin is longer than the segment.
        """
        if samples < self.longest:
            raise RecipeError(
                f"the lowest constant-Q bin needs {self.longest:,} samples; a segment of {samples:,} is too "
                "short. Raise audio.segment_seconds or fmin, or lower bins_per_octave",
                code="segment-too-short",
            )
        return self.channels, self.n_bins, 1 + samples // self.hop_length
