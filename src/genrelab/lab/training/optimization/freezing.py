"""Backbones that are frozen in the first epochs of a training: transfer learning, then fine-tuning.

As in Keras, a frozen backbone changes neither its weights nor the statistics of its batch norms, which
normalize with the statistics that they were loaded with. The optimizer has all weights from the start, so a
stopped training resumes in the same way before and after the change; it skips weights without a gradient.
"""

from __future__ import annotations

from torch import nn

from genrelab.errors import RecipeError
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.recipes.schema import Training


def freeze_as_in_the_end(network: nn.Module, training: Training) -> None:
    """Enable gradients as in the last epoch, which define the parameter count of a network.

    Raises
    ------
    RecipeError
        If the recipe freezes backbones, but the network has none.
    """
    if training.frozen_epochs and not _backbones(network):
        raise RecipeError(
            "this network has no backbone (a network of timm) that training.frozen_epochs could freeze; "
            "set it to 0",
            code="no-backbone",
        )
    _set_gradients(network, training, training.max_epochs - 1)


def freeze_for(network: nn.Module, training: Training, epoch: int) -> None:
    """Freeze or unfreeze backbones for an epoch (from 0).

    Without `frozen_epochs` nothing changes.
    """
    for backbone in _set_gradients(network, training, epoch):
        backbone.train(epoch >= training.frozen_epochs)


def _set_gradients(network: nn.Module, training: Training, epoch: int) -> list[Backbone]:
    """Set which weights get a gradient in an epoch; return the backbones that can be frozen."""
    backbones = _backbones(network) if training.frozen_epochs else []
    for backbone in backbones:
        backbone.requires_grad_(epoch >= training.frozen_epochs)
    return backbones


def _backbones(network: nn.Module) -> list[Backbone]:
    return [module for module in network.modules() if isinstance(module, Backbone)]
