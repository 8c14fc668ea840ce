"""The waveform itself, mixed to mono and resampled to a lower rate inside the network."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.frontends.base import FRONTENDS, Frontend

_ZERO_CROSSINGS = 10  # on each side of the filter's peak, as scipy.signal.resample_poly
_KAISER_BETA = 5.0


def lowpass(factor: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the low-pass filter for keeping one sample in `factor`.

    A Kaiser-windowed sinc with its cut-off at the new Nyquist frequency and unit gain at 0 Hz, the
    one that `scipy.signal.resample_poly(x, 1, factor)` uses; 20 `factor` + 1 taps.
    """
    half = _ZERO_CROSSINGS * factor
    taps = np.sinc(np.arange(-half, half + 1) / factor) * np.kaiser(2 * half + 1, _KAISER_BETA)
    return np.asarray(taps / taps.sum())


@FRONTENDS.register("waveform")
class Waveform(Frontend):
    """The waveform, for networks that learn from samples.

    A recipe may also need a picture at the full rate (paper `soundfusion`: 44,100 Hz stereo for mel,
    22,050 Hz mono for samples). This front-end derives the slower waveform from the same input, so a model
    file has one input.

    Parameters
    ----------
    sample_rate : int > 0, in Hz
        Of the input.
    channels : int > 0
        Of the input.
    rate : int > 0 or None, in Hz
        Of the output; must divide `sample_rate`. None keeps it.
    mono : bool
        Average the channels.

    Raises
    ------
    RecipeError
        If `rate` does not divide `sample_rate`.
    """

    taps: Tensor

    def __init__(
        self, *, sample_rate: int, channels: int, rate: int | None = None, mono: bool = False
    ) -> None:
        super().__init__()
        target = sample_rate if rate is None else rate
        if target < 1 or sample_rate % target:
            raise RecipeError(
                f"the waveform input cannot go from {sample_rate} to {target} Hz: "
                "the output rate must divide the input rate",
                code="waveform-rate",
            )
        self.mono = mono
        self.factor = sample_rate // target
        self.channels = 1 if mono else channels
        taps = torch.from_numpy(lowpass(self.factor)).float()
        self.register_buffer("taps", taps.reshape(1, 1, -1), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, 1 or channels, samples / factor]`."""
        if self.mono:
            waveform = waveform.mean(dim=1, keepdim=True)
        if self.factor == 1:
            return waveform
        batch, channels, samples = waveform.shape
        flat = waveform.reshape(batch * channels, 1, samples)
        slower = F.conv1d(flat, self.taps, stride=self.factor, padding=self.taps.shape[-1] // 2)
        return slower.reshape(batch, channels, slower.shape[-1])

    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return `(1 or channels, ceil(samples / factor))`."""
        return self.channels, -(-samples // self.factor)
