"""Random changes of speed that also change the pitch, as on a record player."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation

_STEPS = 21  # different speeds: items of a batch with the same speed are transformed together
_FACTORS = (2, 3, 5, 7, 11, 13, 17, 19)  # prime factors of lengths whose Fourier transform is fast


@AUGMENTATIONS.register("speed")
class Speed(Augmentation):
    """Play each item at another speed; the length stays.

    Resamples in the spectrum of the whole waveform, without aliasing. Shorter results repeat, longer results
    are truncated.

    Parameters
    ----------
    low, high : float, 0.5..2
        Range of the 21 equally spaced speeds from which one is drawn; above 1 is faster, shorter and higher.
        The real speed differs by about 0.1 %, because the length is the nearest with a fast transform.
    """

    def __init__(
        self,
        *,
        low: Annotated[float, Field(ge=0.5, le=2)] = 0.9,
        high: Annotated[float, Field(ge=0.5, le=2)] = 1.1,
    ) -> None:
        if low > high:
            raise RecipeError(f"the lowest speed, {low}, is above the highest, {high}", code="range-reversed")
        self.low = low
        self.high = high

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a speed for each item, `[batch]`."""
        step = torch.randint(_STEPS, (batch.shape[0],), generator=generator)
        speed: Tensor = self.low + (self.high - self.low) * step / (_STEPS - 1)
        return speed

    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Resample each item."""
        samples = batch.shape[-1]
        spectrum = torch.fft.rfft(batch)
        lengths = [_quick_length(samples / speed) for speed in drawn.tolist()]
        played = torch.empty_like(batch)
        for length in sorted(set(lengths)):
            same_length = [number for number, each in enumerate(lengths) if each == length]
            played[same_length] = _played(spectrum[same_length], samples, length)
        return played


@lru_cache(maxsize=1024)
def _quick_length(samples: float) -> int:
    """Return the nearest even number without large prime factors; from 24,000 on it is within 0.4 %.

    Transforms of other lengths take many times as long.
    """
    middle = max(1, round(samples / 2))
    return 2 * next(
        half
        for away in range(middle + 1)
        for half in (middle - away, middle + away)
        if half > 0 and _is_quick(half)
    )


def _is_quick(number: int) -> bool:
    for factor in _FACTORS:
        while number % factor == 0:
            number //= factor
    return number == 1


def _played(spectrum: Tensor, samples: int, length: int) -> Tensor:
    """Return sound of `length` samples, repeated to `[items, channels, samples]`."""
    bins = min(spectrum.shape[-1], length // 2 + 1)
    wave: Tensor = torch.fft.irfft(spectrum[..., :bins], n=length) * (length / samples)
    times = -(-samples // length)
    return wave.repeat(1, 1, times)[..., :samples]
