"""Mixing the items of a batch two by two (Zhang et al. 2018, arXiv:1710.09412)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor


class Blend(NamedTuple):
    """How a batch is mixed with itself in another order.

    Attributes
    ----------
    share : Tensor [shape=(batch,)]
        Of each item itself, the greater one of the two; the rest is its partner's.
    partner : Tensor [shape=(batch,)]
        Numbers of items, each once.
    """

    share: Tensor
    partner: Tensor

    def of(self, values: Tensor) -> Tensor:
        """Mix `[batch, ...]`: sound, labels as probabilities, targets."""
        share = self.share.to(values.dtype).reshape(-1, *([1] * (values.ndim - 1)))
        return torch.lerp(values[self.partner], values, share)


class Mixup:
    """Draws how batches are mixed.

    Parameters
    ----------
    alpha : float > 0
        Shares are drawn from the Beta distribution of `alpha`, `alpha`: near 0 an item stays as it is, from 1
        on mixtures are half and half more often than not.
    """

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha
        self.rng = np.random.default_rng(0)

    def seed(self, seed: int) -> None:
        """Start the random values anew."""
        self.rng = np.random.default_rng([seed, 1])

    def draw(self, items: int, device: torch.device) -> Blend:
        """Draw how a batch of so many items is mixed."""
        share = self.rng.beta(self.alpha, self.alpha, items)
        share = np.maximum(share, 1.0 - share).astype(np.float32)
        partner = self.rng.permutation(items)
        return Blend(torch.from_numpy(share).to(device), torch.from_numpy(partner).to(device))
