"""The loss of tags: independent binary cross-entropies, each over the views for which the tag is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.lab.recipes.tags import NO_MUSIC, Tags
from genrelab.lab.training.distillation.taught import Taught
from genrelab.lab.training.optimization.views import Views


@dataclass(frozen=True)
class TagTargets:
    """The tags of training clips.

    Attributes
    ----------
    tags : sequence of str
        In the order of the network's outputs: of the corpus, of teachers, `content:no music`.
    truth : np.ndarray [shape=(clips, tags of the corpus)]
        1, 0, or -1 where it is unknown.
    taught : int
        Number of tags of teachers.
    """

    tags: Sequence[str]
    truth: npt.NDArray[np.int8]
    taught: int


class TagLoss(nn.Module):
    """Cross-entropy of tags with labels, with regressions on teachers, with teachers, and with outliers.

    Parameters
    ----------
    settings : Tags
    targets : TagTargets
        By the numbers of clips.
    """

    truth: Tensor

    def __init__(self, settings: Tags, targets: TagTargets) -> None:
        super().__init__()
        self.settings = settings
        own = targets.truth.shape[1]
        self.own, self.taught = slice(0, own), slice(own, own + targets.taught)
        self.no_music = list(targets.tags).index(NO_MUSIC) if NO_MUSIC in targets.tags else None
        truth = torch.from_numpy(targets.truth.astype(np.float32))
        self.register_buffer("truth", truth, persistent=False)

    def forward(self, logits: Tensor, views: Views, taught: Taught | None) -> dict[str, Tensor]:
        """Return the terms of a batch's loss, by name.

        Parameters
        ----------
        logits : Tensor [shape=(views x segments, tags)]
        views : Views
        taught : Taught or None
        """
        terms = {}
        # A track's probability is the mean over its segments.
        predicted = views.mean(torch.sigmoid(logits))
        own = predicted[:, self.own]
        if self.settings.labels > 0 and own.shape[1]:
            truth = self.truth[views.clip]
            known = views.both((truth >= 0).to(truth.dtype))
            each = _cross_entropy(own, views.mixed(truth.clamp_min(0)))
            terms["tags_labels"] = self.settings.labels * (known * each).sum() / known.sum().clamp_min(1.0)
        if taught is None:
            return terms
        for name, weight, part, wanted in (
            ("tags_heads", self.settings.heads, own, taught.tag_heads),
            ("tags_teachers", self.settings.teacher, predicted[:, self.taught], taught.tag_teachers),
        ):
            if wanted is not None and weight > 0:
                each = _cross_entropy(part, wanted).mean(dim=1)
                terms[name] = weight * (taught.share * each).sum()
        return terms

    def content(self, music: Tensor, outliers: Tensor) -> Tensor | None:
        """Return the loss of `content:no music` for logits of music and of outliers; None without it.

        Both halves count alike, however few outliers there are.
        """
        if self.no_music is None or self.settings.no_music == 0:
            return None
        found = F.softplus(music[:, self.no_music]).mean() + F.softplus(-outliers[:, self.no_music]).mean()
        return self.settings.no_music * found / 2


def _cross_entropy(predicted: Tensor, wanted: Tensor) -> Tensor:
    least = torch.finfo(predicted.dtype).eps
    predicted = predicted.clamp(least, 1.0 - least)
    return -(wanted * predicted.log() + (1.0 - wanted) * (1.0 - predicted).log())
