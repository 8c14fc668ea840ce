"""The Lightning module: a network, its loss and its optimizer."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from genrelab.lab.models import GenreNetwork, Scores
from genrelab.lab.models.base import Ready, Sound, waveform_of
from genrelab.lab.recipes.schema import Training
from genrelab.lab.training.optimization.freezing import freeze_as_in_the_end, freeze_for
from genrelab.lab.training.optimization.mixup import Mixup
from genrelab.lab.training.optimization.objective import UNLABELLED, Objective
from genrelab.lab.training.optimization.optimizers.muon import Muon
from genrelab.lab.training.optimization.optimizers.soap import Soap
from genrelab.lab.training.optimization.outlier_exposure import Outliers
from genrelab.lab.training.optimization.schedule import learning_rate
from genrelab.lab.training.optimization.views import Views, cut
from genrelab.lab.training.parallel.part import Division, WholeBatch

Batch = tuple[Any, ...]
"""Waveforms or outputs of front-ends, class numbers and, in training, numbers of copies and clips."""


class GenreTask(L.LightningModule):
    """Training of a network.

    Parameters
    ----------
    network : GenreNetwork
    training : Training
        The training section of the recipe.
    objective : Objective
        The loss, with the layers that only training needs.
    seed : int
        With the number of the epoch, it seeds all random values (augmentation, mixing, dropout): an epoch
        gives the same result whether or not the run was stopped before it.
    outliers : Outliers or None
        Synthetic non-music that is added to each batch.
    division : Division or None
        How batches are divided among processes; None if this process trains alone.

    Raises
    ------
    RecipeError
        If the recipe freezes backbones, but the network has none.
    """

    def __init__(
        self,
        network: GenreNetwork,
        training: Training,
        objective: Objective,
        *,
        seed: int,
        outliers: Outliers | None = None,
        division: Division | None = None,
    ) -> None:
        super().__init__()
        freeze_as_in_the_end(network, training)
        self.network = network
        self.objective = objective
        self.settings = training
        self.mixup = Mixup(training.mixup) if training.mixup > 0 else None
        self.outliers = outliers
        self.division = division
        self.seed = seed

    def forward(self, waveform: Sound, copy: Tensor | None = None) -> Scores:
        """Score `[batch, channels, samples]`."""
        scores: Scores = self.network(waveform, copy)
        return scores

    def on_train_start(self) -> None:
        """Set the rate of the first epoch: a training that is extended may go on with another one."""
        for group in self.trainer.optimizers[0].param_groups:
            group["lr"] = learning_rate(self.settings, self.current_epoch)

    def on_train_batch_start(self, batch: Batch, batch_index: int) -> None:
        """Seed the random values of this epoch and freeze what its recipe freezes, before its first batch.

        Lightning does not call `on_train_epoch_start` for the first epoch after a run resumes.
        """
        if batch_index == 0:
            base = self.seed * 100_003 + self.current_epoch
            torch.manual_seed(base)
            self.network.seed(base)
            if self.mixup is not None:
                self.mixup.seed(base)
            if self.outliers is not None:
                self.outliers.seed(base)
            freeze_for(self.network, self.settings, self.current_epoch)

    def on_train_end(self) -> None:
        """Unfreeze the weights that are trained in the last epoch, wherever training stopped."""
        freeze_as_in_the_end(self.network, self.settings)

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        """Return the loss of a batch; log it, and the accuracy on labelled items.

        One of several processes gets its part of the batch, and computes the network for it alone; the loss
        is that of the whole batch.
        """
        waveform, label, copy, clip = batch
        part = WholeBatch() if self.division is None else self.division.part(batch_index)
        label, clip, own = part.whole(label), part.whole(clip), len(waveform_of(waveform))
        if isinstance(waveform, Ready):  # nothing changes, mixes or cuts it
            return self._loss(self.network.score_changed(waveform, copy), Views(label, clip), 0)
        segments, added = self.settings.view_segments, 0
        blend = None if self.mixup is None else self.mixup.draw(len(label), label.device)
        sound = waveform if blend is None else part.own(blend.of(part.whole(waveform)))
        if self.outliers is not None and segments == 1:
            others = self.outliers.like(sound, len(label))
            added, others = len(others), part.own(others)
            sound, copy = torch.cat([sound, others]), torch.cat([copy, copy.new_zeros(len(others))])
        with part.computing(others=added):
            sound = self.network.changed(sound)
        views = Views(label, clip, blend, segments, sound[:own], part)
        sound, copy = cut(sound, segments), copy.repeat_interleave(segments)
        if self.outliers is not None and segments > 1:
            others = self.network.changed(self.outliers.like(sound, len(label) * segments))
            added, others = len(others), part.own(others)
            sound, copy = torch.cat([sound, others]), torch.cat([copy, copy.new_zeros(len(others))])
        with part.computing(segments, added):
            everything = self.network.score_changed(sound, copy)
        everything = part.whole_scores(everything, added)
        return self._loss(everything, views, added)

    def _loss(self, everything: Scores, views: Views, added: int) -> Tensor:
        """Return the loss of a batch from its scores, and log it; `added` outliers stand at the end."""
        label, segments = views.label, views.segments
        music = len(label) * segments
        scores = everything.first(music)
        terms = self.objective(scores, views)
        if self.outliers is not None and added:
            terms["not_music"] = torch.stack(
                [self.outliers.loss(each.logits[music:].float()) for each in everything.learning]
            ).mean()
            if self.objective.tags is not None and everything.tags is not None:
                tags = everything.tags.float()
                content = self.objective.tags.content(tags[:music], tags[music:])
                terms |= {} if content is None else {"no_music": content}
        loss = torch.stack(list(terms.values())).sum()
        values = {"train_loss": loss.detach()}
        if len(terms) > 1:
            values |= {f"train_loss_{name}": term.detach() for name, term in terms.items()}
        self.log_dict(values, on_step=False, on_epoch=True, batch_size=len(label))
        label = label.repeat_interleave(segments)
        labelled = label != UNLABELLED
        count = int(labelled.sum())
        if count:
            right = (scores.logits.argmax(dim=1) == label)[labelled].float().mean()
            self.log("train_accuracy", right, on_step=False, on_epoch=True, batch_size=count)
        return loss

    def validation_step(self, batch: Batch, batch_index: int) -> None:
        """Log loss and accuracy of a batch."""
        waveform, label, *genres = batch
        logits = self(waveform).logits.float()
        accuracy = (logits.argmax(dim=1) == label).float().mean()
        loss = self.objective.measured(logits, label, genres[0] if genres else None)
        values = {"valid_loss": loss, "valid_accuracy": accuracy}
        self.log_dict(
            values,
            on_step=False,
            on_epoch=True,
            batch_size=len(label),
            sync_dist=self.division is not None,
        )

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Return the recipe's optimizer and schedule."""
        settings = self.settings
        # LambdaLR multiplies the rate of the optimizer: 1 keeps the rates of the schedule.
        rate, decay = 1.0, settings.weight_decay
        groups = decay_groups(self, decay, which=settings.decay)
        optimizer: torch.optim.Optimizer
        if settings.optimizer == "adam":
            optimizer = torch.optim.Adam(groups, lr=rate)
        elif settings.optimizer == "adamw":
            optimizer = torch.optim.AdamW(groups, lr=rate)
        elif settings.optimizer == "muon":
            optimizer = Muon(groups, lr=rate)
        elif settings.optimizer == "soap":
            optimizer = Soap(groups, lr=rate)
        else:
            optimizer = torch.optim.SGD(
                groups, lr=rate, momentum=settings.momentum, nesterov=settings.nesterov
            )
        schedule = LambdaLR(optimizer, partial(learning_rate, settings))
        return {"optimizer": optimizer, "lr_scheduler": schedule}


def decay_groups(
    network: nn.Module, decay: float, *, which: Literal["all", "kernels"] = "all"
) -> list[dict[str, Any]]:
    """Return the parameter groups of an optimizer: weights with decay, and weights without.

    Parameters
    ----------
    network : nn.Module
        Parameters that its modules name in `undecayed` do not decay.
    decay : float >= 0
    which : {"all", "kernels"}
        `kernels` excludes parameters with one dimension: biases and the gains of batch norms. The weights of
        convolutions and dense layers remain.
    """
    excluded = {
        id(getattr(module, name)) for module in network.modules() for name in getattr(module, "undecayed", ())
    }
    if which == "kernels":
        excluded |= {id(each) for each in network.parameters() if each.ndim < 2}
    kept = [each for each in network.parameters() if id(each) not in excluded]
    free = [each for each in network.parameters() if id(each) in excluded]
    groups: list[dict[str, Any]] = [{"params": kept, "weight_decay": decay}]
    return groups + ([{"params": free, "weight_decay": 0.0}] if free else [])
