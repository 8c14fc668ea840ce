"""Paper `ms-sincresnet` (Chang, Chen, Lee 2021): ResNet18 on learned pictures, and its baselines.

- `sincresnet` takes a picture of any front-end: three channels of sinc filters (SincResNet where their
  lengths are equal, MS-SincResNet where they differ) or a mel spectrogram. 3 x 160 x 1024 becomes 512
  maps of 5 x 32 (2.2.3), from which come 512 averages, or with the spatial pyramid 512 + 4 x 512 = 2560
  values (2.2.4).
- `sincnet` is the network that sinc filters come from (Ravanelli and Bengio 2018; paper 2.1, 3.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.layers.pooling import average_last
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input
from genrelab.lab.models.blocks import FixedAveragePool

Units = Annotated[int, Field(gt=0, le=2**16)]


class SpatialPyramid(nn.Module):
    """Averages over a whole map and over its four quarters (paper 2.2.4, figure 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = FixedAveragePool(1)
        self.quarters = FixedAveragePool(2)

    def forward(self, maps: Tensor) -> Tensor:
        """Change `[batch, maps, height, width]` into `[batch, 5 maps]`."""
        return torch.cat([self.whole(maps).flatten(1), self.quarters(maps).flatten(1)], dim=1)


@MODELS.register("sincresnet")
class SincResNet(Body):
    """ResNet18 on one picture.

    Parameters
    ----------
    pyramid : bool
        Pool the last maps as a spatial pyramid and classify with two dense layers; else average them and
        classify with one, as ResNet18 does.
    hidden : int > 0
        Width of the first of the two dense layers.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture.
    """

    def __init__(
        self, *, inputs: Mapping[str, Shape], genres: int, pyramid: bool = False, hidden: Units = 512
    ) -> None:
        super().__init__()
        self.name, shape = only_input(inputs, axes=3, what="a picture")
        self.backbone = Backbone("resnet18.tv_in1k", channels=shape[0]).to(memory_format=torch.channels_last)
        features = self.backbone.features
        if pyramid:
            self.pool: nn.Module = SpatialPyramid()
            self.hidden: nn.Module = nn.Sequential(nn.Linear(5 * features, hidden), nn.ReLU())
        else:
            self.pool = nn.Sequential(FixedAveragePool(1), nn.Flatten())
            self.hidden = nn.Identity()
        self.classify = nn.Linear(hidden if pyramid else features, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the picture."""
        picture = inputs[self.name].contiguous(memory_format=torch.channels_last)
        features = self.hidden(self.pool(self.backbone(picture)))
        return Scores(self.classify(features), features)


@MODELS.register("sincnet")
class SincNet(Body):
    """SincNet after its sinc filters: two convolutions, three dense layers.

    Each of the three convolutional layers (the sinc filters are the first) is followed by maximum pooling
    over 3 samples, layer normalization over channels and time, and leaky ReLU; before the first
    pooling the absolute value is taken.

    Parameters
    ----------
    maps : int > 0
        Filters of each convolution.
    kernel : int > 0
        Their length in samples.
    steps : int > 0
        Time steps for the dense layers: averages over equal windows. The original processes 0.2 s at a time,
        which gives 107 steps; the 1776 steps of a clip of 3 s would need 218 million weights in the first
        dense layer.
    units : int > 0
        Width of each dense layer; batch norm and leaky ReLU follow it.
    slope : float, 0 <= slope < 1
        Of each leaky ReLU below zero; 0.2 is that of SincNet's code.

    Raises
    ------
    RecipeError
        If the input is not bands over time, or a segment too short for the layers.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        maps: Units = 60,
        kernel: Annotated[int, Field(gt=0, le=1025)] = 5,
        steps: Units = 107,
        units: Units = 2048,
        slope: Annotated[float, Field(ge=0, lt=1)] = 0.2,
    ) -> None:
        super().__init__()
        self.name, (bands, samples) = only_input(inputs, axes=2, what="bands over time")
        left = samples // 3
        for _ in range(2):
            left = (left - kernel + 1) // 3
        if left < 1:
            raise RecipeError(
                f"a segment of {samples:,} samples is too short for SincNet; raise audio.segment_seconds",
                code="segment-too-short",
            )
        self.steps, self.slope = steps, slope
        self.convolutions = nn.ModuleList([nn.Conv1d(bands, maps, kernel), nn.Conv1d(maps, maps, kernel)])
        self.norms = nn.ModuleList([nn.GroupNorm(1, channels) for channels in (bands, maps, maps)])
        layers: list[nn.Module] = []
        for width in (maps * steps, units, units):
            layers += [nn.Linear(width, units, bias=False), nn.BatchNorm1d(units), nn.LeakyReLU(slope)]
        self.dense = nn.Sequential(*layers)
        self.classify = nn.Linear(units, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the bands."""
        x = self._finish(inputs[self.name].abs(), 0)
        for index, convolution in enumerate(self.convolutions):
            x = self._finish(convolution(x), index + 1)
        features = self.dense(average_last(x, self.steps).flatten(1))
        return Scores(self.classify(features), features)

    def _finish(self, x: Tensor, layer: int) -> Tensor:
        normed: Tensor = self.norms[layer](F.max_pool1d(x, 3))
        return F.leaky_relu(normed, self.slope)
