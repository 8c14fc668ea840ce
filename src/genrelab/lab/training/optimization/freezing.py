"""Backbones that do not learn in the first epochs of a training: transfer learning, then fine-tuning.

As in Keras, a frozen backbone neither changes its weights nor counts statistics in its batch norms, which
then normalize by those that it came with. The optimizer knows all weights from the start, so that a
training that was stopped goes on alike on both sides of the change; those without a gradient it leaves alone.
"""

from __future__ import annotations

from torch import nn

from genrelab.errors import RecipeError
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.recipes.schema import Training


def freeze_as_in_the_end(network: nn.Module, training: Training) -> None:
    """Let learn what will learn in the last epoch: what counts as a network's parameters.

    Raises
    ------
    RecipeError
        If backbones are to be frozen, and the network has none.
    """
    if training.frozen_epochs and not _backbones(network):
        raise RecipeError(
            "this network has no backbone (a network of timm) that training.frozen_epochs could freeze; "
            "set it to 0",
            code="no-backbone",
        )
    _let_learn(network, training, training.max_epochs - 1)


def freeze_for(network: nn.Module, training: Training, epoch: int) -> None:
    """Freeze backbones, or let them learn again, as it is right for an epoch (from 0).

    Without `frozen_epochs` nothing is changed.
    """
    for backbone in _let_learn(network, training, epoch):
        backbone.train(epoch >= training.frozen_epochs)


def _let_learn(network: nn.Module, training: Training, epoch: int) -> list[Backbone]:
    """Set which weights get a gradient in an epoch; return the backbones that are frozen at times."""
    backbones = _backbones(network) if training.frozen_epochs else []
    for backbone in backbones:
        backbone.requires_grad_(epoch >= training.frozen_epochs)
    return backbones


def _backbones(network: nn.Module) -> list[Backbone]:
    return [module for module in network.modules() if isinstance(module, Backbone)]
