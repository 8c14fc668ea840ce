"""The cross-entropy of genres that exclude each other."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from genrelab.lab.losses.base import LOSSES, Costs, GenreLoss


@LOSSES.register("cross-entropy")
class CrossEntropy(GenreLoss):
    """A genre costs the negative logarithm of its probability (softmax)."""

    def forward(self, logits: Tensor) -> Costs:
        """Return what genres cost, from logits `[segments, genres]`."""
        return Costs(-F.log_softmax(logits, dim=-1))
