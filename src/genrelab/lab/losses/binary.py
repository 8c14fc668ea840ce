"""The binary cross-entropy of independent genres, for clips with several genres."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from genrelab.lab.losses.base import LOSSES, Costs, GenreLoss


@LOSSES.register("binary")
class Binary(GenreLoss):
    """Each genre is a question of its own: the binary cross-entropy, averaged over the genres.

    Equals `torch.nn.BCEWithLogitsLoss` for labels of 0 and 1.
    """

    independent = True

    def forward(self, logits: Tensor) -> Costs:
        """Return what genres cost, from logits `[segments, genres]`."""
        genres = logits.shape[-1]
        return Costs(F.softplus(-logits) / genres, F.softplus(logits) / genres)
