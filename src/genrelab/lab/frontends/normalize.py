"""Scaling of each picture, or each of its rows, to mean 0 and variance 1."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor

from genrelab.lab.frontends.base import check_choice

Normalization = Literal["none", "rows", "picture"]

_DIMENSIONS: dict[str, tuple[int, ...]] = {"rows": (-1,), "picture": (-3, -2, -1)}
_LEAST_DEVIATION = 1e-2  # dB; below it is silence, whose rounding errors must not be amplified


class Normalize(torch.nn.Module):
    """Subtract the mean, divide by the (biased) standard deviation.

    Parameters
    ----------
    by : {"none", "rows", "picture"}
        Over what the two are taken: `rows` over time, for each band of each channel (Zheng et al., "Neural
        Network for Music Style Recognizing", 2.6); `picture` over all channels, bands and frames of an item
        (3.3); `none` leaves the picture as it is. What varies by less than 0.01 is divided by that: silence
        gives zeros.

    Raises
    ------
    RecipeError
        If `by` is none of these.
    """

    def __init__(self, by: Normalization) -> None:
        super().__init__()
        check_choice("normalize", by, get_args(Normalization))
        self.by = by

    def forward(self, picture: Tensor) -> Tensor:
        """Change `[batch, channels, bands, frames]` into the same shape."""
        if self.by == "none":
            return picture
        dimensions = _DIMENSIONS[self.by]
        centred = picture - picture.mean(dim=dimensions, keepdim=True)
        variance = centred.square().mean(dim=dimensions, keepdim=True)
        return centred / torch.sqrt(variance.clamp_min(_LEAST_DEVIATION**2))
