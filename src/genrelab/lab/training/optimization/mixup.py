"""Mixing of pairs of items in a batch (Zhang et al. 2018, arXiv:1710.09412)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Blend(NamedTuple):
    """How each item of a batch is mixed with a partner.

    Attributes
    ----------
    share : Tensor [shape=(batch,)]
        Share of the item itself, at least one half; the rest belongs to its partner.
    partner : Tensor [shape=(batch,)]
        Number of the partner of each item; each occurs once.
    """

    share: Tensor
    partner: Tensor

    def of(self, values: Tensor) -> Tensor:
        """Mix `[batch, ...]`: waveforms, label probabilities, or targets."""
        share = self.share.to(values.dtype).reshape(-1, *([1] * (values.ndim - 1)))
        return torch.lerp(values[self.partner], values, share)


class Mixup:
    """Draws how batches are mixed.

    Parameters
    ----------
    alpha : float > 0
        Shares are drawn from the Beta distribution of `alpha`, `alpha`: near 0 items stay almost unchanged;
        from 1 on most mixtures are close to one half each.
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.rng = np.random.default_rng(0)

    def seed(self, seed: int) -> None:
        """Restart the random values."""
        self.rng = np.random.default_rng([seed, 1])

    def draw(self, items: int, device: torch.device) -> Blend:
        """Draw the mixture of a batch of `items` items."""
        share = self.rng.beta(self.alpha, self.alpha, items)
        share = np.maximum(share, 1.0 - share).astype(np.float32)
        partner = self.rng.permutation(items)
        return Blend(torch.from_numpy(share).to(device), torch.from_numpy(partner).to(device))
