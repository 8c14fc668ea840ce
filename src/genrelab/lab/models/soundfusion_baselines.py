"""Paper `soundfusion`, section V.A.2: the baselines.

- `simple-cnn` and `simple-vgg`: small networks on a mel picture.
- `nnet1` and `nnet2`: after Zhang, Lei, Xu and Xing (2016). Their poolings of 26x1 and 125x1 determine the
  layers. 128 frames become 125 by a convolution of length 4 without padding, 62 by pooling, then 59, 29 and
  26: the final pooling of `nnet1` covers all remaining frames, and here it does so for any length. 125 is
  the output of the first convolution: `nnet2` pools only at its end, and the convolutions beside the
  shortcut are padded.
- `averaged-backbone`: a network of timm (VGG16, ResNet18, ResNet34) with a linear classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input
from genrelab.lab.models.blocks import FixedAveragePool, initialize

Width = Annotated[int, Field(gt=0, le=1024)]
Dropout = Annotated[float, Field(ge=0, lt=1)]

_KERNEL = 4  # side of the filters of nnet1 and nnet2
_DENSE = (300, 150)  # their hidden dense layers


class _PictureBody(Body):
    """Layers that compute features of one picture, then a linear classifier."""

    def __init__(self, name: str, trunk: nn.Module, *, features: int, genres: int) -> None:
        super().__init__()
        self.name = name
        self.trunk = trunk
        self.classify = nn.Linear(features, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the picture."""
        features = self.trunk(inputs[self.name])
        return Scores(self.classify(features), features)


@MODELS.register("simple-cnn")
class SimpleCNN(_PictureBody):
    """Four convolutions with stride 2, batch norm and ReLU; average; linear layer.

    The first filter is 5x5, the others are 3x3. The paper prints 25,472 parameters, as for two channels,
    8/16/32/64 filters, biases and 8 genres.

    Parameters
    ----------
    width : int, 1..1024
        Filters of the first convolution; each later one doubles the number.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture.
    """

    def __init__(self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 8) -> None:
        name, (channels, *_) = only_input(inputs, axes=3, what="a picture")
        layers: list[nn.Module] = []
        for index in range(4):
            kernel, outputs = 5 if index == 0 else 3, width * 2**index
            layers += [
                nn.Conv2d(channels, outputs, kernel, stride=2, padding=kernel // 2),
                nn.BatchNorm2d(outputs),
                nn.ReLU(),
            ]
            channels = outputs
        trunk = nn.Sequential(*layers, FixedAveragePool(1), nn.Flatten())
        super().__init__(name, trunk, features=channels, genres=genres)
        initialize(self)


@MODELS.register("simple-vgg")
class SimpleVGG(_PictureBody):
    """Four 3x3 convolutions with ReLU, each followed by 2x2 maximum pooling; linear layer.

    Parameters
    ----------
    width : int, 1..1024
        Filters of the first convolution; each later one doubles the number.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture, or one with a side below 16.
    """

    def __init__(self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 16) -> None:
        name, (channels, bands, frames) = only_input(inputs, axes=3, what="a picture")
        if min(bands, frames) < 2**4:
            raise RecipeError(
                f"the simple VGG halves a picture four times; {bands} x {frames} is smaller than 16 x 16: "
                "raise audio.segment_seconds or the number of bands",
                code="picture-too-small",
            )
        layers: list[nn.Module] = []
        for index in range(4):
            outputs = width * 2**index
            layers += [nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            channels = outputs
        features = channels * (bands // 2**4) * (frames // 2**4)
        super().__init__(name, nn.Sequential(*layers, nn.Flatten()), features=features, genres=genres)
        initialize(self)


class MaximumAndAverage(nn.Module):
    """Maximum and average over all frames, concatenated."""

    def forward(self, x: Tensor) -> Tensor:
        """Change `[batch, channels, bands, frames]` into `[batch, 2 channels x bands]`."""
        return torch.cat([x.amax(dim=-1), x.mean(dim=-1)], dim=1).flatten(1)


class PaddedResidual(nn.Module):
    """Two 4x4 convolutions with batch norm and a shortcut; the size is kept.

    Parameters
    ----------
    width : int > 0
        Channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = self._layer(width)
        self.second = self._layer(width)

    @staticmethod
    def _layer(width: int) -> nn.Sequential:
        # An even filter needs uneven padding: one more zero after than before.
        padding = nn.ZeroPad2d(((_KERNEL - 1) // 2, _KERNEL // 2) * 2)
        return nn.Sequential(padding, nn.Conv2d(width, width, _KERNEL, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Change `[batch, width, bands, frames]` into the same shape."""
        out: Tensor = self.second(F.relu(self.first(x)))
        return F.relu(out + x)


class _NNet(_PictureBody):
    """Convolutions, all frames pooled, dense layers of 300 and 150, classifier."""

    def __init__(
        self,
        name: str,
        layers: list[nn.Module],
        left: tuple[int, int],
        shape: Shape,
        *,
        width: int,
        genres: int,
    ) -> None:
        bands, frames = left
        if bands < 1 or frames < 1:
            raise RecipeError(
                f"the convolutions of this model reduce a picture of {shape[1]} bands and {shape[2]} frames "
                "to nothing; raise audio.segment_seconds or n_fft",
                code="picture-too-small",
            )
        layers = [*layers, MaximumAndAverage()]
        inputs = 2 * width * bands
        for units in _DENSE:
            layers += [nn.Linear(inputs, units), nn.ReLU()]
            inputs = units
        super().__init__(name, nn.Sequential(*layers), features=inputs, genres=genres)
        initialize(self)


@MODELS.register("nnet1")
class NNet1(_NNet):
    """Three 4x4 convolutions with ReLU; the first two are followed by pooling of two frames.

    Parameters
    ----------
    width : int, 1..1024
        Filters of each convolution.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture, or one below 10 bands or 25 frames.
    """

    def __init__(self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 32) -> None:
        name, shape = only_input(inputs, axes=3, what="a picture")
        channels, bands, frames = shape
        layers: list[nn.Module] = []
        for index in range(3):
            layers += [nn.Conv2d(channels, width, _KERNEL), nn.ReLU()]
            channels, bands, frames = width, bands - _KERNEL + 1, frames - _KERNEL + 1
            if index < 2:
                layers.append(nn.MaxPool2d((1, 2)))
                frames //= 2
        super().__init__(name, layers, (bands, frames), shape, width=width, genres=genres)


@MODELS.register("nnet2")
class NNet2(_NNet):
    """A 4x4 convolution, then one residual block of two, each with batch norm.

    Parameters
    ----------
    width : int, 1..1024
        Filters of each convolution.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture, or one below 4 bands or 4 frames.
    """

    def __init__(self, *, inputs: Mapping[str, Shape], genres: int, width: Width = 32) -> None:
        name, shape = only_input(inputs, axes=3, what="a picture")
        channels, bands, frames = shape
        layers = [
            nn.Conv2d(channels, width, _KERNEL, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            PaddedResidual(width),
        ]
        left = bands - _KERNEL + 1, frames - _KERNEL + 1
        super().__init__(name, layers, left, shape, width=width, genres=genres)


@MODELS.register("averaged-backbone")
class AveragedBackbone(_PictureBody):
    """A network of timm, its last map averaged, and a linear classifier.

    Parameters
    ----------
    architecture : str
        See `Backbone`.
    dropout : float, 0 <= dropout < 1
        Before the classifier.

    Raises
    ------
    RecipeError
        If timm has no such network, or the recipe does not give exactly one picture.
    """

    def __init__(
        self, *, inputs: Mapping[str, Shape], genres: int, architecture: str, dropout: Dropout = 0.0
    ) -> None:
        name, shape = only_input(inputs, axes=3, what="a picture")
        backbone = Backbone(architecture, channels=shape[0]).to(memory_format=torch.channels_last)
        trunk = nn.Sequential(backbone, FixedAveragePool(1), nn.Flatten(), nn.Dropout(dropout))
        super().__init__(name, trunk, features=backbone.features, genres=genres)
