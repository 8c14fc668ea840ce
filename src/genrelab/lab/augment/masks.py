"""Masks over frequency or time of a picture (SpecAugment, Park et al. 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab.errors import RecipeError
from genrelab.lab.augment.base import AUGMENTATIONS, Augmentation


class _Mask(Augmentation):
    """Replace bars of a picture by the mean of the picture.

    Parameters
    ----------
    count : int >= 0
        Number of bars per item; they may overlap.
    max_share : float, 0..1
        Greatest width of a bar as a share of the axis. The width is uniform from 0 to it, and so is the
        position where the bar fits.
    """

    axis: int  # of [batch, channels, bands, frames]

    def __init__(self, *, count: int = 2, max_share: float = 0.3) -> None:
        if count < 0 or not 0.0 <= max_share <= 1.0:
            raise RecipeError(
                f"count must be 0 or more and max_share in 0..1, not {count} and {max_share}",
                code="mask-size",
            )
        self.count = count
        self.max_share = max_share

    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return start and end of each bar, `[batch, count, 2]`, as positions on the axis."""
        size = batch.shape[self.axis]
        uniform = torch.rand(batch.shape[0], self.count, 2, generator=generator)
        width = torch.floor(uniform[..., 0] * (int(self.max_share * size) + 1))
        begin = torch.floor(uniform[..., 1] * (size - width + 1))
        return torch.stack([begin, begin + width], dim=-1)

    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Replace the bars by the mean of the item."""
        place = torch.arange(batch.shape[self.axis], device=batch.device)
        begin, end = drawn[..., 0, None], drawn[..., 1, None]
        hidden = ((place >= begin) & (place < end)).any(dim=1)  # [batch, size of the axis]
        shape = [1] * batch.ndim
        shape[0], shape[self.axis] = hidden.shape
        mean = batch.mean(dim=(-2, -1), keepdim=True)
        return torch.where(hidden.reshape(shape), mean, batch)


@AUGMENTATIONS.register("frequency-mask")
class FrequencyMask(_Mask):
    """Horizontal bars: whole bands are hidden (paper `soundfusion`, VI.A: two, up to 30 %)."""

    axis = -2


@AUGMENTATIONS.register("time-mask")
class TimeMask(_Mask):
    """Vertical bars: whole moments are hidden (paper `soundfusion`, VI.A: two, up to 30 %)."""

    axis = -1
