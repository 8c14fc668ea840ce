"""The loss of a training: labels and, for distillation, the targets of a teacher."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.losses import Costs, CrossEntropy, GenreLoss
from genrelab.lab.models import Scores
from genrelab.lab.recipes.distill import Distill
from genrelab.lab.training.distillation.taught import Source, Taught
from genrelab.lab.training.optimization.tag_loss import TagLoss
from genrelab.lab.training.optimization.views import Views

UNLABELLED = -1
"""Class number of a clip without a genre."""

RegressLoss = Literal["smooth-l1", "mse", "cosine"]


class Objective(nn.Module):
    """The loss: that of genres with labels, smoothed per clip and weighted per class; teachers; tags.

    Parameters
    ----------
    smoothing : sequence of float in 0..1
        Smoothing of the label, by the number of the clip.
    class_weights : sequence of float
        By class number.
    distill : Distilling or None
        The loss with the targets of teachers.
    tags : TagLoss or None
        The loss of tags.
    loss : GenreLoss or None
        The loss of genres; None is the cross-entropy.
    genres : np.ndarray [shape=(clips, genres)] or None
        Which genres each clip has, 0 or 1, for a loss of independent genres.
    """

    smoothing: Tensor
    class_weights: Tensor
    genres: Tensor | None

    def __init__(
        self,
        *,
        smoothing: Sequence[float],
        class_weights: Sequence[float],
        distill: Distilling | None = None,
        tags: TagLoss | None = None,
        loss: GenreLoss | None = None,
        genres: npt.NDArray[np.int8] | None = None,
    ) -> None:
        super().__init__()
        for name, values in (("smoothing", smoothing), ("class_weights", class_weights)):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        table = None if genres is None else torch.from_numpy(genres.astype(np.float32))
        self.register_buffer("genres", table, persistent=False)
        self.distill = distill
        self.tags = tags
        self.loss = CrossEntropy() if loss is None else loss

    def forward(self, scores: Scores, views: Views) -> dict[str, Tensor]:
        """Return the terms of a batch's loss, by name; the loss is their sum.

        If the scores have members, each term of genres and targets is the mean over the members.

        Parameters
        ----------
        scores : Scores
            Of all segments, after mixing.
        views : Views
        """
        taught = None if self.distill is None else self.distill.source(views)
        found = []
        for number, each in enumerate(scores.learning):
            terms = {}
            weight = 1.0 if self.distill is None else self.distill.settings.label_weight
            if weight > 0:
                labels = self.labels(each.logits.float(), views)
                terms["labels"] = labels if self.distill is None else weight * labels
            if self.distill is not None and taught is not None:
                terms |= self.distill(number, each, views, taught)
            found.append(terms)
        whole = {name: torch.stack([terms[name] for terms in found]).mean() for name in found[0]}
        if self.tags is not None and scores.tags is not None:
            whole |= self.tags(scores.tags.float(), views, taught)
        return whole

    def labels(self, logits: Tensor, views: Views) -> Tensor:
        """Return the loss of genres of segments, averaged over the views that have labels."""
        costs: Costs = self.loss(logits)
        label = views.label
        known = (label != UNLABELLED).to(logits.dtype)
        weight = (known * self.class_weights[label.clamp_min(0)])[:, None]
        wanted, known = views.mixed(self._wanted(logits, views) * weight), views.mixed(known)
        total = (wanted * views.mean(costs.wanted)).sum()
        if costs.unwanted is not None:
            total = total + ((views.mixed(weight) - wanted) * views.mean(costs.unwanted)).sum()
        return total / known.sum().clamp_min(torch.finfo(total.dtype).eps)

    def measured(self, logits: Tensor, label: Tensor, genres: Tensor | None) -> Tensor:
        """Return the loss of clips that are not trained on, comparable between losses of one kind.

        Parameters
        ----------
        logits : Tensor [shape=(batch, genres)]
        label : Tensor [shape=(batch,)]
            Class numbers.
        genres : Tensor [shape=(batch, genres)] or None
            0 or 1, for independent genres; None is the cross-entropy.
        """
        if genres is None:
            return F.cross_entropy(logits, label)
        return F.binary_cross_entropy_with_logits(logits, genres)

    def _wanted(self, logits: Tensor, views: Views) -> Tensor:
        """Return the smoothed label of each view, `[views, genres]`."""
        genres, smoothing = logits.shape[-1], self.smoothing[views.clip][:, None]
        if self.genres is not None:  # each genre is between yes and no
            return (1 - smoothing) * self.genres[views.clip] + smoothing / 2
        return (1 - smoothing) * F.one_hot(views.label.clamp_min(0), genres) + smoothing / genres


class Distilling(nn.Module):
    """The loss with the targets of teachers.

    The linear layers from the embedding of the network to the targets exist only in training.

    Parameters
    ----------
    settings : Distill
    source : Source
        Of the targets.
    embeddings : sequence of int > 0
        Length of the embedding of the network, or of each of its members.
    maps : sequence of int > 0
        Channels of the maps of the network.

    Raises
    ------
    RecipeError
        If a teacher teaches maps that the network lacks.
    """

    def __init__(
        self, settings: Distill, source: Source, *, embeddings: Sequence[int], maps: Sequence[int] = ()
    ) -> None:
        super().__init__()
        if source.layers and (len(embeddings) > 1 or len(maps) <= max(source.layers.values())):
            raise RecipeError(
                f"this network has {len(maps)} maps that a teacher could teach, too few for "
                f"distill.regress={', '.join(settings.regress)}; remove the maps there",
                code="no-maps",
            )
        self.settings = settings
        self.source = source
        self.heads = nn.ModuleList(
            nn.ModuleList(
                nn.Linear(length, size)
                if name not in source.layers
                else nn.Conv2d(maps[source.layers[name]], size, 1)
                for name, size in source.sizes.items()
            )
            for length in embeddings
        )

    def predict(self, member: int, scores: Scores, views: Views) -> dict[str, Tensor]:
        """Return what the linear layers of a member predict, by the names of `Source.sizes`.

        Maps are `[views, segments, channels, bands, frames]`, other arrays `[views, segments, d]`.
        """
        found = {}
        for head, key in zip(cast(nn.ModuleList, self.heads[member]), self.source.sizes, strict=True):
            layer = self.source.layers.get(key)
            found[key] = views.by_view(
                head(scores.embedding if layer is None else scores.maps[layer]).float()
            )
        return found

    def forward(self, member: int, scores: Scores, views: Views, taught: Taught) -> dict[str, Tensor]:
        """Return the terms of one member's loss."""
        settings, terms = self.settings, {}
        predictions = self.predict(member, scores, views)
        for key, targets in taught.arrays.items():
            array, predicted = self.source.names[key], predictions[key]
            if array in settings.tags:
                what, weight = "tags", settings.tags[array]
                each = _tag_loss(predicted.mean(dim=1), targets)
            else:
                what, weight = "regress", settings.regress[array]
                predicted = predicted if targets.ndim > 2 else predicted.mean(dim=1)
                if key in self.source.layers:
                    _check_maps(predicted, targets)
                    predicted, targets = predicted.movedim(2, -1), targets.movedim(2, -1)
                each = _distance(predicted, targets, settings.regress_loss)
                each = each.flatten(1).mean(dim=1) if each.ndim > 1 else each
            terms[f"{what}_{key}"] = weight * (taught.share * each).sum()
        if settings.genres is not None and taught.genres is not None:
            heat = settings.genres.temperature
            predicted = _log_mean(F.log_softmax(scores.logits.float() / heat, dim=-1), views)
            each = F.kl_div(predicted, taught.genres, reduction="none").sum(dim=-1)
            # The gradients of softened predictions shrink with the square of the temperature (Hinton et al.,
            # 2).
            terms["genres"] = settings.genres.weight * heat**2 * (taught.share * each).sum()
        return terms


def _log_mean(logarithms: Tensor, views: Views) -> Tensor:
    """Return the logarithm of the mean over a view's segments, from logarithms of probabilities."""
    if views.segments == 1:
        return logarithms
    return torch.logsumexp(views.by_view(logarithms), dim=1) - math.log(views.segments)


def _tag_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the binary cross-entropy of each item, averaged over tags."""
    return F.binary_cross_entropy_with_logits(logits, targets, reduction="none").mean(dim=-1)


def _check_maps(predicted: Tensor, targets: Tensor) -> None:
    """Raise if maps have other places than those of the teacher."""
    if predicted.shape != targets.shape:
        raise RecipeError(
            f"maps of {tuple(predicted.shape[-2:])} bands and frames cannot match a teacher's "
            f"{tuple(targets.shape[-2:])}: the network needs the front-end of the teacher and its poolings. "
            "Remove the maps from distill.regress",
            code="maps-differ",
        )


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
