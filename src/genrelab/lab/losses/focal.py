"""The focal loss: segments that are already right count less."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from genrelab.lab.losses.base import LOSSES, Costs, GenreLoss


@LOSSES.register("focal")
class Focal(GenreLoss):
    """A genre of probability p costs -(1 - p)^gamma log p.

    Lin, Goyal, Girshick, He and Dollár (2017), "Focal loss for dense object detection".

    Parameters
    ----------
    gamma : float, 0..100
        0 is cross-entropy.
    """

    def __init__(self, *, gamma: Annotated[float, Field(ge=0, le=100)] = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor) -> Costs:
        """Return what genres cost, from logits `[segments, genres]`."""
        logs = F.log_softmax(logits, dim=-1)
        # expm1 keeps the digits of 1 - p; a power below 1 has no gradient at 0.
        others = (-logs.expm1()).clamp_min(torch.finfo(logs.dtype).eps)
        return Costs(-others.pow(self.gamma) * logs)
