"""A random equalizer, which imitates rooms, loudspeakers and masterings."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register("filter")
class Filter(Augmentation):
    """Raise and lower octaves of a waveform, smoothly from one to the next.

    The curve has random levels at frequencies an octave apart, of which the highest is half the sample rate.
    Between them, decibels are linear in the logarithm of the frequency; below the lowest they are constant.
    The curve is applied to the spectrum of the whole waveform, without delay.

    Parameters
    ----------
    decibels : float >= 0
        Levels are uniform between minus this and this. Samples may exceed full scale: nothing is clipped.
    bands : int, 1..16
        Number of frequencies with a level; one makes it a gain.
    """

    def __init__(
        self,
        *,
        decibels: Annotated[float, Field(ge=0, le=60)] = 6.0,
        bands: Annotated[int, Field(ge=1, le=16)] = 7,
    ) -> None:
        self.decibels = decibels
        self.bands = bands

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return levels in dB, lowest frequency first, `[batch, bands]`."""
        return self.decibels * (2.0 * torch.rand(batch.shape[0], self.bands, generator=generator) - 1.0)

    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Filter each item; all its channels get the same filter."""
        samples = batch.shape[-1]
        spectrum = torch.fft.rfft(batch)
        factors = torch.exp(self.curve(drawn, spectrum.shape[-1]) * (math.log(10.0) / 20.0))
        filtered: Tensor = torch.fft.irfft(spectrum.mul_(factors[:, None]), n=samples)
        return filtered

    def curve(self, levels: Tensor, bins: int) -> Tensor:
        """Return the level of each bin of a spectrum in dB, `[batch, bins]`, from those of `draw`."""
        share = torch.arange(bins, device=levels.device) / max(1, bins - 1)  # of half the sample rate
        octave = (torch.log2(share.clamp_min(1e-9)) + (self.bands - 1)).clamp(0, self.bands - 1)
        bands = torch.arange(self.bands, device=levels.device)
        # A straight line from band to band is a sum of triangles: a product of small matrices, not a look-up.
        return levels @ (1.0 - (octave - bands[:, None]).abs()).clamp_min(0.0)
