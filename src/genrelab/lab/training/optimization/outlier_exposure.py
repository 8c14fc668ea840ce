"""Outlier exposure: synthetic non-music in a batch, with all genres equally likely."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genrelab.lab.augment.not_music import not_music
from genrelab.lab.recipes.schema import NotMusic


class Outliers:
    """Synthetic non-music for each batch, and the loss of confident predictions for it.

    Parameters
    ----------
    settings : NotMusic
    sample_rate : int > 0
        In Hz.
    """

    def __init__(self, settings: NotMusic, *, sample_rate: int) -> None:
        self.settings = settings
        self.sample_rate = sample_rate
        self.rng = np.random.default_rng(0)

    def seed(self, seed: int) -> None:
        """Restart the random values."""
        self.rng = np.random.default_rng([seed, 2])

    def like(self, waveform: Tensor, items: int) -> Tensor:
        """Make sound like `[rows, channels, samples]` for a batch of `items`: the share in the settings."""
        channels, samples = waveform.shape[1:]
        count = max(1, round(self.settings.share * items))
        made = not_music(
            count, samples=samples, channels=channels, sample_rate=self.sample_rate, rng=self.rng
        )
        return torch.from_numpy(made).to(waveform)

    def loss(self, logits: Tensor) -> Tensor:
        """Return the divergence of predictions `[items, genres]` from equal probabilities, in nats."""
        genres = logits.shape[-1]
        uniform = torch.full_like(logits, 1.0 / genres)
        return self.settings.weight * F.kl_div(F.log_softmax(logits, dim=-1), uniform, reduction="batchmean")
