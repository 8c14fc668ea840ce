"""What is frozen in a training: fixed layers, backbones in the first epochs, batch norms in the last ones.

As in Keras, a frozen backbone changes neither its weights nor the statistics of its batch norms, which
normalize with the statistics that they were loaded with. The optimizer has all weights from the start, so a
stopped training resumes in the same way before and after the change; it skips weights without a gradient.

Frozen batch norms keep their statistics, but their gains and biases are trained. In a batch of few clips, the
statistics of the batch depend on which clips are in it. A network that is to predict numbers, such as the
arrays of a teacher, cannot know them, and the noise limits how well it can match them.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from genrelab.errors import RecipeError
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import GenreNetwork
from genrelab.lab.recipes.schema import Training


def freeze_as_in_the_end(network: nn.Module, training: Training) -> None:
    """Enable gradients as in the last epoch, which define the parameter count of a network.

    Raises
    ------
    RecipeError
        If the recipe freezes backbones or fixes layers that the network lacks, or fixes random weights.
    """
    if training.fixed_layers and training.weights == "none":
        raise RecipeError(
            f"{training.fixed_layers} fixed layers would keep random weights; name the weights of a "
            "pretraining with --weights FILE, or set training.fixed_layers to 0",
            code="fixed-layers-random",
        )
    if training.fixed_layers > network_depth(network):
        raise RecipeError(
            f"this network has {network_depth(network)} layers that training.fixed_layers could fix, not "
            f"{training.fixed_layers}",
            code="fixed-layers-too-many",
        )
    if training.frozen_epochs and not _backbones(network):
        raise RecipeError(
            "this network has no backbone (a network of timm) that training.frozen_epochs could freeze; "
            "set it to 0",
            code="no-backbone",
        )
    _set_gradients(network, training, training.max_epochs - 1)


def freeze_for(network: nn.Module, training: Training, epoch: int) -> None:
    """Freeze or unfreeze backbones and batch norms for an epoch (from 0), in training mode.

    Without `fixed_layers`, `frozen_epochs` and `frozen_norms_from` nothing changes.
    """
    for backbone in _set_gradients(network, training, epoch):
        backbone.train(epoch >= training.frozen_epochs)
    if training.frozen_norms_from is not None:
        least = 1 if training.weights == "none" else 0
        for norm in (each for each in network.modules() if isinstance(each, _BatchNorm)):
            norm.train(norm.training and epoch < max(least, training.frozen_norms_from))
    for module in _fixed(network, training):
        module.eval()


def _set_gradients(network: nn.Module, training: Training, epoch: int) -> list[Backbone]:
    """Set which weights get a gradient in an epoch; return the backbones that can be frozen."""
    backbones = _backbones(network) if training.frozen_epochs else []
    for backbone in backbones:
        backbone.requires_grad_(epoch >= training.frozen_epochs)
    for module in _fixed(network, training):
        module.requires_grad_(False)
    return backbones


def network_depth(network: nn.Module) -> int:
    """Return how many of its first layers a training can fix."""
    return network.body.depth if isinstance(network, GenreNetwork) else 0


def _fixed(network: nn.Module, training: Training) -> Sequence[nn.Module]:
    if not training.fixed_layers or not isinstance(network, GenreNetwork):
        return ()
    return network.body.first(training.fixed_layers)


def _backbones(network: nn.Module) -> list[Backbone]:
    return [module for module in network.modules() if isinstance(module, Backbone)]
