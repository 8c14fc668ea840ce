"""The fully convolutional network of Choi, Fazekas and Sandler (2016, arXiv:1606.00298).

A mel spectrogram passes through five layers of 3 x 3 convolutions with pooling. The poolings of Won et al.
(2020, arXiv:2006.00751) reduce 96 bands and 320 frames to 4 x 1. The classifier uses the time averages of all
five layers (Lee and Nam 2017, arXiv:1703.01793): low layers describe the sound, high layers the music.

Each layer pools before batch norm and ReLU; the paper pools last. Maximum and ReLU commute, and so does batch
norm with a positive gain: the network can represent the same functions with less work on full-size maps
(benchmarks/training_step.py).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input
from genrelab.lab.models.blocks import initialize

Widths = tuple[
    Annotated[int, Field(gt=0, le=1024)],
    Annotated[int, Field(gt=0, le=1024)],
    Annotated[int, Field(gt=0, le=1024)],
    Annotated[int, Field(gt=0, le=1024)],
    Annotated[int, Field(gt=0, le=1024)],
]

_POOLS = ((2, 4), (2, 4), (2, 4), (3, 5))  # bands x frames, of all layers but the fifth


def layer(inputs: int, outputs: int, pool: tuple[int, int] | None) -> nn.Sequential:
    """Return convolution, maximum pooling, batch norm, ReLU."""
    pooling = [] if pool is None else [nn.MaxPool2d(pool)]
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), *pooling, nn.BatchNorm2d(outputs), nn.ReLU()
    )


@MODELS.register("fcn")
class FullyConvolutional(Body):
    """Five convolutions over a picture; genres from the averages of all layers.

    The last layer contributes its maximum over bands and frames, the others their averages. A batch norm
    without weights scales these values to mean 0 and variance 1, which gives the embedding. Takes sound of
    any duration of at least 320 frames.

    Parameters
    ----------
    widths : five int, 1..1024
        Filters of the layers.
    layers : int, 1..5
        Only the first layers, to pretrain them alone. Three need 8 bands and 64 frames.

    Raises
    ------
    RecipeError
        If the recipe does not give one picture of at least 24 bands and 320 frames, or as many as the layers
        need.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        widths: Widths = (64, 128, 128, 128, 64),
        layers: Annotated[int, Field(ge=1, le=5)] = 5,
    ) -> None:
        super().__init__()
        self.name, (channels, bands, frames) = only_input(inputs, axes=3, what="a picture")
        pools, used = _POOLS[:layers], widths[:layers]
        least_bands, least_frames = (math.prod(each) for each in zip(*pools, strict=True))
        if bands < least_bands or frames < least_frames:
            raise RecipeError(
                f"this model pools {least_bands} bands and {least_frames} frames to one; {bands} x {frames} "
                "is too small. Raise audio.segment_seconds or the number of bands",
                code="picture-too-small",
            )
        self.normalize = nn.BatchNorm2d(channels)
        sizes = zip([channels, *used], used, [*pools, None], strict=False)
        self.shortest_frames = least_frames
        self.depth = layers - 1
        self.map_channels = used
        # On a CPU, convolutions copy maps in channels-first layout, forward and backward.
        self.layers = nn.ModuleList(layer(*each) for each in sizes).to(memory_format=torch.channels_last)
        self.embed = nn.BatchNorm1d(sum(used), affine=False)
        self.classify = nn.Linear(sum(used), genres)
        initialize(self)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch of pictures."""
        return self.finish(self.stem(inputs, 0), 0)

    def first(self, layers: int) -> Sequence[nn.Module]:
        """Return the modules of the first layers."""
        return (self.normalize, *self.layers[:layers])

    def stem(self, inputs: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
        """Return the last map of the first layers, and the averages of all of them."""
        maps, averages = self.normalize(inputs[self.name]), []
        for each in self.layers[:layers]:
            maps = each(maps)
            averages.append(maps.mean(dim=(2, 3)))
        return {"maps": maps} | ({"averages": torch.cat(averages, dim=1)} if averages else {})

    def finish(self, stem: Mapping[str, Tensor], layers: int) -> Scores:
        """Score the output of the first layers; their maps are empty in the scores."""
        maps = stem["maps"]
        averages = [stem["averages"]] if layers else []
        kept = [maps[:, :0]] * layers
        for each in self.layers[layers:]:
            maps = each(maps)
            kept.append(maps)
            averages.append(maps.mean(dim=(2, 3)))
        averages[-1] = maps.amax(dim=(2, 3))
        embedding = self.embed(torch.cat(averages, dim=1))
        return Scores(self.classify(embedding), embedding, maps=tuple(kept))
