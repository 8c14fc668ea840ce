"""Additive noise."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register("gaussian-noise")
class GaussianNoise(Augmentation):
    """Add independent normal noise to every sample, or, after a front-end, to every point of a picture.

    Paper `soundfusion`, VI.A: std 0.02 on sound; Zheng et al., "Neural Network for Music Style
    Recognizing", 5.1: on pictures.

    Parameters
    ----------
    std : float >= 0
        Relative to the input: full scale of sound is 1, and the deviation of a normalized picture is 1.
    """

    def __init__(self, *, std: float = 0.02) -> None:
        if std < 0:
            raise RecipeError(
                f"the standard deviation must not be negative, but is {std}", code="deviation-negative"
            )
        self.std = std

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return normal noise of the batch's shape."""
        return torch.randn(batch.shape, generator=generator)

    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Add the noise."""
        return batch + self.std * drawn
