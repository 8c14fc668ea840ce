"""The generalized cross-entropy: labels that look wrong count less."""

from __future__ import annotations

from typing import Annotated

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from genrelab.lab.losses.base import LOSSES, Costs, GenreLoss


@LOSSES.register("generalized")
class Generalized(GenreLoss):
    """A genre of probability p costs (1 - p^q) / q.

    Zhang and Sabuncu (2018), "Generalized cross entropy loss for training deep neural networks with noisy
    labels". GTZAN has 106 wrong labels (Sturm 2013).

    Parameters
    ----------
    q : float, 0 < q <= 1
        Cross-entropy towards 0; 1 is the mean absolute error.
    """

    def __init__(self, *, q: Annotated[float, Field(gt=0, le=1)] = 0.7) -> None:
        super().__init__()
        self.q = q

    def forward(self, logits: Tensor) -> Costs:
        """Return what genres cost, from logits `[segments, genres]`."""
        return Costs(-(self.q * F.log_softmax(logits, dim=-1)).expm1() / self.q)
