"""A network of timm over a picture of sound of any length: ImageNet's first stages, pooled, and a classifier.

What a network has learned of photographs helps on pictures of sound, too, where clips are few (Palanisamy et
al., "Rethinking CNN models for audio classification", 2020, arXiv:2007.11154). The last stage knows objects
rather than edges and textures and holds most of the weights, so that it can be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from genrelab.lab.frontends.normalize import Normalize
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input
from genrelab.lab.models.blocks import initialize
from genrelab.lab.models.pooling import Dropout, PooledHead, Pooling, Width


@MODELS.register("pooled-backbone")
class PooledBackbone(Body):
    """A backbone over a picture of its own mean 0 and variance 1, pooled, an embedding, a linear classifier.

    Hears sound of any duration: convolutions pad at the ends, pooling over time takes what is there.

    Parameters
    ----------
    architecture : str
        timm's name of a convolutional network, see `Backbone`.
    stages : int, 1..4, or None
        Keep so many stages of a ResNet; None keeps all.
    pooling : {"mean-max", "mean", "attentive"}
        Over time, after the mean over bands; see `TimePool`.
    embedding : int
    dropout : float in 0..1
        Before the embedding and behind it.

    Raises
    ------
    RecipeError
        If the recipe gives anything but one picture, or timm has no such network or stages.
    """

    shortest_frames = 1

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        architecture: str = "resnet18",
        stages: Annotated[int, Field(ge=1, le=4)] | None = 3,
        pooling: Pooling = "mean-max",
        embedding: Width = 256,
        dropout: Dropout = 0.3,
    ) -> None:
        super().__init__()
        self.name, (channels, _, _) = only_input(inputs, axes=3, what="a picture [channels, bands, frames]")
        self.normalize = Normalize("picture")
        backbone = Backbone(architecture, channels=channels, stages=stages)
        # On a CPU convolutions copy maps that lie channel after channel, forward and backward.
        self.backbone = backbone.to(memory_format=torch.channels_last)
        self.head = PooledHead(
            self.backbone.features, genres, pooling=pooling, embedding=embedding, dropout=dropout
        )
        initialize(self.head)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch of pictures."""
        maps = self.backbone(self.normalize(inputs[self.name]))
        scores: Scores = self.head(maps.mean(dim=2))
        return scores
