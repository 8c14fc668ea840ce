"""Power to decibels, as `librosa.power_to_db`, and the fixed scaling that follows it."""

from __future__ import annotations

import torch
from torch import Tensor

from genrelab.errors import RecipeError


class Decibel(torch.nn.Module):
    """10 log10(power) with a floor, then `(x - mean) / std` with fixed numbers.

    Parameters
    ----------
    amin : float > 0
        Power below which everything is taken as `amin`.
    top_db : float > 0 or None, in dB
        What lies more than this below the loudest value of its item is lifted to that floor.
    relative : bool
        Give decibels below the loudest value of the item (`ref=np.max` of librosa) and not below 1.
    mean, std : float, in dB
        Subtracted, then divided by, so that a network gets numbers near -1..1.
    """

    def __init__(
        self,
        *,
        amin: float = 1e-10,
        top_db: float | None = None,
        relative: bool = False,
        mean: float = 0.0,
        std: float = 1.0,
    ) -> None:
        super().__init__()
        if amin <= 0 or std <= 0 or (top_db is not None and top_db <= 0):
            raise RecipeError(
                f"amin, std and top_db must be positive, not {amin}, {std} and {top_db}",
                code="option-not-positive",
            )
        self.amin = amin
        self.top_db = top_db
        self.relative = relative
        self.mean = mean
        self.std = std

    def forward(self, power: Tensor) -> Tensor:
        """Change `[batch, channels, bands, frames]` power into scaled decibels of the same shape."""
        decibel = 10.0 * torch.log10(power.clamp(min=self.amin))
        if self.relative or self.top_db is not None:
            peak = decibel.amax(dim=(-3, -2, -1), keepdim=True)
            if self.relative:
                decibel = decibel - peak
                peak = torch.zeros_like(peak)
            if self.top_db is not None:
                decibel = torch.maximum(decibel, peak - self.top_db)
        return (decibel - self.mean) / self.std
