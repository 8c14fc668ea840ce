"""Paper `soundfusion` (Prodan, Keshavarz, Ausilio): a waveform network, a mel network, and their fusions.

ResNet1D follows Allamy and Koerich (2021), which section V.A names; ResNet2D is "our own version of
ResNet34", scaled down in width. The paper prints only their sizes: 70k/280k/1.1m and 445k/1.7m/6.8m
for 16/32/64 filters in the first residual block, and 3136 = 64 x 7 x 7 values before ResNet2D's
classifier. The blocks here are the ones that give these figures:

- ResNet1D: a convolution of length 3 and stride 3, then 2, 6 and 1 residual blocks of w, 2w, 4w
  filters, each followed by maximum pooling over 3, a 1x1 convolution, a dense layer of 4w ("the final
  layer has 64 outputs"). For 8 genres 69,720 / 274,600 / 1,089,864 parameters.
- ResNet2D: ResNet34's 7x7 stem, then 3, 3 and 5 residual blocks of w, 2w, 4w filters, averaged to
  7x7. For 8 genres 446,024 / 1,726,600 / 6,791,432 parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, shapes_of
from genrelab.lab.models.blocks import (
    BasicBlock,
    FixedAveragePool,
    average_probabilities,
    conv_norm,
    initialize,
)

Width = Annotated[int, Field(gt=0, le=1024)]
Dropout = Annotated[float, Field(ge=0, lt=1)]

_FUSED = 64  # outputs of each branch before they are joined (section V.A.3)
_MAP = 7  # side of the map that ResNet2D averages to
_SHORTEST = 3**10  # samples that ResNet1D's stem and nine poolings reduce to one


class ResNet1DTrunk(nn.Module):
    """Waveform `[batch, channels, samples]` -> `[batch, 4 width]`."""

    def __init__(self, *, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs = width
        for factor, count in ((1, 2), (2, 6), (4, 1)):
            for _ in range(count):
                blocks.append(BasicBlock(1, inputs, factor * width, pool=3))
                inputs = factor * width
        self.features = inputs
        self.body = nn.Sequential(
            nn.Conv1d(channels, width, 3, stride=3, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            *blocks,
            conv_norm(1, inputs, inputs, kernel=1),
            nn.ReLU(),
        )
        self.dense = nn.Sequential(nn.Dropout(dropout), nn.Linear(inputs, inputs), nn.ReLU())

    def forward(self, waveform: Tensor) -> Tensor:
        """Change `[batch, channels, samples]` into `[batch, 4 width]`."""
        features: Tensor = self.dense(self.body(waveform).mean(dim=-1))
        return features


class ResNet2DTrunk(nn.Module):
    """Picture `[batch, channels, bands, frames]` -> `[batch, 4 width x 7 x 7]`."""

    def __init__(self, *, channels: int, width: int, dropout: float) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        inputs = width
        for stage, count in enumerate((3, 3, 5)):
            outputs = width * 2**stage
            for index in range(count):
                blocks.append(BasicBlock(2, inputs, outputs, stride=2 if stage and not index else 1))
                inputs = outputs
        self.features = inputs * _MAP * _MAP
        self.body = nn.Sequential(
            conv_norm(2, channels, width, kernel=7, stride=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            *blocks,
            FixedAveragePool(_MAP),
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, picture: Tensor) -> Tensor:
        """Change `[batch, channels, bands, frames]` into `[batch, 4 width x 7 x 7]`."""
        features: Tensor = self.dropout(self.body(picture).flatten(1))
        return features


def _trunk1d(inputs: Mapping[str, Shape], width: int, dropout: float) -> ResNet1DTrunk:
    channels, samples = _shape(inputs, "waveform", 2)
    if samples < _SHORTEST:
        raise RecipeError(
            f"this model pools {_SHORTEST:,} samples to one value; a segment of {samples:,} is too short. "
            "Raise audio.segment_seconds or the rate of the waveform input",
            code="segment-too-short",
        )
    return ResNet1DTrunk(channels=channels, width=width, dropout=dropout)


def _trunk2d(inputs: Mapping[str, Shape], width: int, dropout: float) -> ResNet2DTrunk:
    return ResNet2DTrunk(channels=_shape(inputs, "mel", 3)[0], width=width, dropout=dropout)


def _shape(inputs: Mapping[str, Shape], name: str, rank: int) -> Shape:
    """Return the shape of the input named `name`, which must have `rank` axes."""
    if name not in inputs or len(inputs[name]) != rank:
        raise RecipeError(
            f"this model needs an input named {name!r} with {rank} axes; the recipe gives "
            f"{shapes_of(inputs)}",
            code="model-inputs",
        )
    return inputs[name]


class _Single(Body):
    """One trunk on one input, then a classifier."""

    def __init__(self, trunk: ResNet1DTrunk | ResNet2DTrunk, name: str, genres: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.name = name
        self.classify = nn.Linear(trunk.features, genres)
        initialize(self)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the input."""
        features = self.trunk(inputs[self.name])
        return Scores(self.classify(features), features)


@MODELS.register("resnet1d")
class ResNet1D(_Single):
    """The waveform network; needs an input `waveform`.

    Parameters
    ----------
    width : int, 1..1024
        Filters of the first residual block: 16 small, 32 medium, 64 large.
    dropout : float, 0 <= dropout < 1
    """

    def __init__(
        self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 16, dropout: Dropout = 0.0
    ) -> None:
        super().__init__(_trunk1d(inputs, width, dropout), "waveform", genres)


@MODELS.register("resnet2d")
class ResNet2D(_Single):
    """The mel network; needs an input `mel`.

    Parameters
    ----------
    width : int, 1..1024
        Filters of the first residual block: 16 small, 32 medium, 64 large.
    dropout : float, 0 <= dropout < 1
    """

    def __init__(
        self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 16, dropout: Dropout = 0.0
    ) -> None:
        super().__init__(_trunk2d(inputs, width, dropout), "mel", genres)


@MODELS.register("soundfusion-1")
class SoundFusion1(Body):
    """Fusion of features: 64 values of each branch, concatenated, then one layer and softmax.

    Parameters
    ----------
    width : int, 1..1024
        Filters of the first residual block of both branches.
    dropout : float, 0 <= dropout < 1
    """

    def __init__(
        self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 16, dropout: Dropout = 0.0
    ) -> None:
        super().__init__()
        self.wave = _trunk1d(inputs, width, dropout)
        self.picture = _trunk2d(inputs, width, dropout)
        self.wave_out = (
            nn.Identity() if self.wave.features == _FUSED else nn.Linear(self.wave.features, _FUSED)
        )
        self.picture_out = nn.Linear(self.picture.features, _FUSED)
        self.classify = nn.Linear(2 * _FUSED, genres)
        initialize(self)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score both inputs together."""
        wave = torch.relu(self.wave_out(self.wave(inputs["waveform"])))
        picture = torch.relu(self.picture_out(self.picture(inputs["mel"])))
        features = torch.cat([wave, picture], dim=1)
        return Scores(self.classify(features), features)


@MODELS.register("soundfusion-2")
class SoundFusion2(Body):
    """Fusion of decisions: the mean of both networks' probabilities, equally weighted.

    Parameters
    ----------
    width : int, 1..1024
        Filters of the first residual block of both branches.
    dropout : float, 0 <= dropout < 1
    """

    averages_probabilities = True

    def __init__(
        self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 16, dropout: Dropout = 0.0
    ) -> None:
        super().__init__()
        self.wave = ResNet1D(inputs=inputs, genres=genres, width=width, dropout=dropout)
        self.picture = ResNet2D(inputs=inputs, genres=genres, width=width, dropout=dropout)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score both inputs separately and average."""
        wave, picture = self.wave(inputs), self.picture(inputs)
        logits = average_probabilities(wave.logits, picture.logits)
        return Scores(logits, torch.cat([wave.embedding, picture.embedding], dim=1))
