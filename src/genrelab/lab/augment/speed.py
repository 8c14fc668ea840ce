"""Faster and slower, higher and lower at once, as a record player does it."""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation

_STEPS = 21  # different speeds: Fourier transforms of few lengths are planned once


@AUGMENTATIONS.register("speed")
class Speed(Augmentation):
    """Play each item at another speed; the length stays.

    Resampled in the spectrum of the whole waveform, so that nothing is folded over. What becomes shorter
    begins again, what becomes longer is cut.

    Parameters
    ----------
    low, high : float, 0.5..2
        One of 21 speeds evenly between them is drawn; above 1 is faster, shorter and higher.
    """

    def __init__(
        self,
        *,
        low: Annotated[float, Field(ge=0.5, le=2)] = 0.9,
        high: Annotated[float, Field(ge=0.5, le=2)] = 1.1,
    ) -> None:
        if low > high:
            raise RecipeError(f"the lowest speed, {low}, is above the highest, {high}")
        self.low = low
        self.high = high

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a speed for each item, `[batch]`."""
        step = torch.randint(_STEPS, (batch.shape[0],), generator=generator)
        speed: Tensor = self.low + (self.high - self.low) * step / (_STEPS - 1)
        return speed

    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Resample each item."""
        spectrum = torch.fft.rfft(batch)
        samples = batch.shape[-1]
        played = [
            _played(item, samples, max(1, round(samples / speed)))
            for item, speed in zip(spectrum, drawn.tolist(), strict=True)
        ]
        return torch.stack(played)


def _played(spectrum: Tensor, samples: int, length: int) -> Tensor:
    """Return `[channels, samples]` of sound that is `length` samples long, again and again."""
    bins = min(spectrum.shape[-1], length // 2 + 1)
    wave: Tensor = torch.fft.irfft(spectrum[..., :bins], n=length) * (length / samples)
    times = -(-samples // length)
    return wave.repeat(1, times)[..., :samples]
