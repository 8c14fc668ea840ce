"""Random changes of amplitude by a ratio."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register("amplitude")
class Amplitude(Augmentation):
    """Multiply each item by a ratio (paper `ms-sincresnet`, 2.3: within 0.9..1.1).

    Parameters
    ----------
    low, high : float >= 0
        Range of the ratio, which is uniformly distributed. Samples may exceed full scale: nothing is clipped.
    """

    def __init__(self, *, low: float = 0.9, high: float = 1.1) -> None:
        if low < 0.0:
            raise RecipeError(f"the lowest ratio of amplitudes, {low}, is below 0", code="ratio-negative")
        if low > high:
            raise RecipeError(
                f"the lowest ratio of amplitudes, {low}, is above the highest, {high}", code="range-reversed"
            )
        self.low = low
        self.high = high

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return a ratio for each item, `[batch]`."""
        return self.low + (self.high - self.low) * torch.rand(batch.shape[0], generator=generator)

    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Multiply."""
        return batch * drawn.reshape(-1, *([1] * (batch.ndim - 1)))
