"""From maps over time to scores, for sound of any duration: pooling, an embedding, a linear classifier.

Mean plus maximum over time is that of the PANNs (Kong et al. 2020, arXiv:1912.10211); attentive statistics
are those of Okabe et al. (2018, arXiv:1803.10963).
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.lab.models.base import Scores

Width = Annotated[int, Field(gt=0, le=2048)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
Pooling = Literal["mean-max", "mean", "attentive"]

_LEAST_VARIANCE = 1e-5


class TimePool(nn.Module):
    """From `[batch, features, frames]` to one vector an item, for any number of frames.

    Parameters
    ----------
    features : int > 0
    pooling : {"mean-max", "mean", "attentive"}
        The sum of mean and maximum; the mean; or mean and standard deviation, weighted by attention.
    """

    def __init__(self, features: int, pooling: Pooling) -> None:
        super().__init__()
        self.pooling = pooling
        self.size = 2 * features if pooling == "attentive" else features
        self.attention = (
            nn.Sequential(
                nn.Conv1d(features, features // 4 + 1, 1),
                nn.Tanh(),
                nn.Conv1d(features // 4 + 1, features, 1),
            )
            if pooling == "attentive"
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """Pool over time."""
        if self.pooling == "mean":
            return x.mean(dim=-1)
        if self.pooling == "mean-max":
            return x.mean(dim=-1) + x.amax(dim=-1)
        weights = torch.softmax(self.attention(x), dim=-1)
        mean = (weights * x).sum(dim=-1)
        variance = (weights * (x - mean[..., None]).square()).sum(dim=-1)
        return torch.cat([mean, variance.clamp_min(_LEAST_VARIANCE).sqrt()], dim=-1)


class PooledHead(nn.Module):
    """Pool over time, make an embedding of it, and score the genres.

    Parameters
    ----------
    features : int > 0
        Of each frame.
    genres : int > 1
    pooling : {"mean-max", "mean", "attentive"}
        See `TimePool`.
    embedding : int > 0
    dropout : float in 0..1
        Before the embedding and behind it.
    """

    def __init__(
        self, features: int, genres: int, *, pooling: Pooling, embedding: int, dropout: float
    ) -> None:
        super().__init__()
        self.pool = TimePool(features, pooling)
        self.embed = nn.Sequential(
            nn.Dropout(dropout), nn.Linear(self.pool.size, embedding), nn.BatchNorm1d(embedding), nn.ReLU()
        )
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(embedding, genres)

    def forward(self, x: Tensor) -> Scores:
        """Score `[batch, features, frames]`."""
        embedding = self.embed(self.pool(x))
        return Scores(self.classify(self.dropout(embedding)), embedding)
