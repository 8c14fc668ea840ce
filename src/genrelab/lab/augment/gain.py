"""Random changes of gain."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register("gain")
class Gain(Augmentation):
    """Multiply each item by 10^(gain / 20) (paper `soundfusion`, VI.A: gain in -12..12 dB).

    Parameters
    ----------
    low, high : float, in dB
        Range of the gain, which is uniformly distributed. Samples may exceed full scale: nothing is clipped.
    """

    def __init__(self, *, low: float = -12.0, high: float = 12.0) -> None:
        if low > high:
            raise RecipeError(
                f"the lowest gain, {low} dB, is above the highest, {high} dB", code="range-reversed"
            )
        self.low = low
        self.high = high

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a gain in dB for each item, `[batch]`."""
        return self.low + (self.high - self.low) * torch.rand(batch.shape[0], generator=generator)

    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Multiply."""
        factor: Tensor = 10.0 ** (drawn / 20.0)
        return batch * factor.reshape(-1, *([1] * (batch.ndim - 1)))
