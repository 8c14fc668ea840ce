"""The additive margin: the logit of a clip's genre has to lead the others by more."""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from genrelab.lab.losses.base import LOSSES, Costs, GenreLoss


@LOSSES.register("additive-margin")
class AdditiveMargin(GenreLoss):
    """A genre costs its cross-entropy after the margin is subtracted from its logit.

    Wang, Cheng, Liu and Liu (2018), "Additive margin softmax for face verification", and Cao, Wei, Gaidon,
    Arechiga and Ma (2019), "Learning imbalanced datasets with label-distribution-aware margin loss". They
    normalize weights and features; here the logits stay as they are, so that the network answers as it was
    trained.

    Parameters
    ----------
    margin : float, 0..100
        In logits; 0 is cross-entropy.
    """

    def __init__(self, *, margin: Annotated[float, Field(ge=0, le=100)] = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def forward(self, logits: Tensor) -> Costs:
        """Return what genres cost, from logits `[segments, genres]`."""
        own = torch.eye(logits.shape[-1], dtype=torch.bool, device=logits.device)
        others = logits[:, None, :].masked_fill(own, -torch.inf).logsumexp(dim=-1)
        return Costs(F.softplus(others - logits + self.margin))
