"""The loss of a training: labels and, for distillation, the targets of a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.lab.models import Scores
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.training.distillation.distillation import ClipTargets
from genrelab.lab.training.optimization.mixup import Blend

UNLABELLED = -1
"""Class number of a clip without a genre."""

RegressLoss = Literal["smooth-l1", "mse", "cosine"]


class Objective(nn.Module):
    """Cross-entropy with labels, smoothed per clip and weighted per class.

    Parameters
    ----------
    smoothing : sequence of float in 0..1
        Smoothing of the label, by the number of the clip.
    class_weights : sequence of float
        By class number.
    """

    smoothing: Tensor
    class_weights: Tensor

    def __init__(self, *, smoothing: Sequence[float], class_weights: Sequence[float]) -> None:
        super().__init__()
        for name, values in (("smoothing", smoothing), ("class_weights", class_weights)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)

    def forward(
        self, scores: Scores, label: Tensor, clip: Tensor, blend: Blend | None = None
    ) -> dict[str, Tensor]:
        """Return the terms of a batch's loss, by name; the loss is their sum.

        If the scores have members, each term is the mean over the members.

        Parameters
        ----------
        scores : Scores
            Scores of the batch, after mixing.
        label, clip : Tensor [shape=(batch,)]
            Class numbers, or `UNLABELLED`, and numbers of clips, of the batch before mixing.
        blend : Blend or None
            How the batch was mixed.
        """
        found = [self.terms(number, each, label, clip, blend) for number, each in enumerate(scores.learning)]
        return {name: torch.stack([terms[name] for terms in found]).mean() for name in found[0]}

    def terms(
        self, member: int, scores: Scores, label: Tensor, clip: Tensor, blend: Blend | None
    ) -> dict[str, Tensor]:
        """Return the terms of one member's loss."""
        return {"labels": self.labels(scores.logits.float(), label, clip, blend)}

    def labels(self, logits: Tensor, label: Tensor, clip: Tensor, blend: Blend | None) -> Tensor:
        """Return the cross-entropy, averaged over the items that have labels."""
        genres = logits.shape[-1]
        known = (label != UNLABELLED).to(logits.dtype)
        number = label.clamp_min(0)
        smoothing = self.smoothing[clip][:, None]
        wanted = (1 - smoothing) * F.one_hot(number, genres) + smoothing / genres
        wanted = wanted * (known * self.class_weights[number])[:, None]
        if blend is not None:
            wanted, known = blend.of(wanted), blend.of(known)
        total = -(wanted * F.log_softmax(logits, dim=-1)).sum()
        return total / known.sum().clamp_min(torch.finfo(total.dtype).eps)


class DistillingObjective(Objective):
    """Labels and the targets of a teacher.

    The linear layers from the embedding of the network to the targets exist only in training.

    Parameters
    ----------
    settings : Distill
    targets : ClipTargets
        By the numbers of clips.
    embeddings : sequence of int > 0
        Length of the embedding of the network, or of each of its members.
    smoothing, class_weights : sequence of float
        See `Objective`.
    """

    taught: Tensor
    genres: Tensor

    def __init__(
        self,
        settings: Distill,
        targets: ClipTargets,
        *,
        embeddings: Sequence[int],
        smoothing: Sequence[float],
        class_weights: Sequence[float],
    ) -> None:
        super().__init__(smoothing=smoothing, class_weights=class_weights)
        self.settings = settings
        self.parts = [("regress", *item) for item in settings.regress.items()]
        self.parts += [("tags", *item) for item in settings.tags.items()]
        sizes = []
        for number, (what, key, _) in enumerate(self.parts):
            table = targets.regress[key] if what == "regress" else targets.tags[key]
            self._keep(f"targets_{number}", table)
            sizes.append(table.shape[1])
        self.heads = nn.ModuleList(
            nn.ModuleList(nn.Linear(length, size) for size in sizes) for length in embeddings
        )
        self._keep("taught", targets.present)
        if targets.genres is not None:
            self._keep("genres", targets.genres)

    def _keep(self, name: str, values: np.ndarray) -> None:
        """Register a table that moves to the device of the network and is not part of its stored state."""
        self.register_buffer(name, torch.from_numpy(values.astype(np.float32)), persistent=False)

    def terms(
        self, member: int, scores: Scores, label: Tensor, clip: Tensor, blend: Blend | None
    ) -> dict[str, Tensor]:
        """Return the terms of one member's loss."""
        heads = cast(nn.ModuleList, self.heads[member])
        settings, logits = self.settings, scores.logits.float()
        terms = {}
        if settings.label_weight > 0:
            terms["labels"] = settings.label_weight * self.labels(logits, label, clip, blend)
        known = self.taught[clip]
        if blend is not None:
            known = known * known[blend.partner]
        share = known / known.sum().clamp_min(1.0)
        for number, (what, key, weight) in enumerate(self.parts):
            targets = getattr(self, f"targets_{number}")[clip]
            targets = targets if blend is None else blend.of(targets)
            predicted = heads[number](scores.embedding).float()
            each = (
                _tag_loss(predicted, targets)
                if what == "tags"
                else _distance(predicted, targets, settings.regress_loss)
            )
            terms[f"{what}_{key}"] = weight * (share * each).sum()
        if settings.genres is not None:
            heat = settings.genres.temperature
            wanted = torch.softmax(self.genres[clip] / heat, dim=-1)
            wanted = wanted if blend is None else blend.of(wanted)
            each = F.kl_div(F.log_softmax(logits / heat, dim=-1), wanted, reduction="none").sum(dim=-1)
            # The gradients of softened predictions shrink with the square of the temperature (Hinton et al.,
            # 2).
            terms["genres"] = settings.genres.weight * heat**2 * (share * each).sum()
        return terms


def _tag_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the binary cross-entropy of each item, averaged over tags."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=-1)


def _distance(predicted: Tensor, targets: Tensor, loss: RegressLoss) -> Tensor:
    """Return the distance of each item from its target."""
    if loss == "cosine":
        return 1.0 - F.cosine_similarity(predicted, targets, dim=-1)
    if loss == "mse":
        return F.mse_loss(predicted, targets, reduction="none").mean(dim=-1)
    return F.smooth_l1_loss(predicted, targets, reduction="none").mean(dim=-1)


def embedding_lengths(network: nn.Module, *, channels: int, samples: int) -> list[int]:
    """Return the length of the embedding of a network, or of each of its members."""
    training = network.training
    network.eval()
    with torch.no_grad():
        scores: Scores = network(torch.zeros(1, channels, samples))
    network.train(training)
    return [each.embedding.shape[-1] for each in scores.learning]
