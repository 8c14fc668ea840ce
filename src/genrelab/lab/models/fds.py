"""Paper `fds`: small pictures of short segments.

- `fds-cnn` (3.1): two convolutions from a random start.
- `fds-resnet18` (3.2): ResNet18 with a hidden layer before its classifier.
- `fds-late-fusion` (3.3): two ResNet18, one for the spectrogram, one for the waveform; what both see is
  joined before the hidden layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input, shapes_of
from genrelab.lab.models.blocks import FixedAveragePool

Units = Annotated[int, Field(gt=0, le=2**14)]
Dropout = Annotated[float, Field(ge=0, lt=1)]

_FILTERS = (16, 32)  # of the small network's two convolutions
_RESNET18 = "resnet18.tv_in1k"  # the one of torchvision, with torchvision's ImageNet weights


class _HiddenLayerBody(Body):
    """Networks that compute features of one picture each, then a shared hidden layer and a linear classifier.

    Parameters
    ----------
    trunks : mapping of str to nn.Module
        Name of an input -> network that computes its features, `[batch, n]`.
    features : int > 0
        Number of features of all trunks.
    hidden : int > 0
        Units of the hidden layer, which ends in ReLU and dropout.
    dropout : float, 0 <= dropout < 1
    genres : int > 1
    """

    def __init__(
        self, trunks: Mapping[str, nn.Module], *, features: int, hidden: int, dropout: float, genres: int
    ) -> None:
        super().__init__()
        self.names = tuple(trunks)
        self.trunks = nn.ModuleList(trunks.values())
        self.hidden = nn.Sequential(nn.Linear(features, hidden), nn.ReLU(), nn.Dropout(dropout))
        self.classify = nn.Linear(hidden, genres)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the pictures."""
        features = [trunk(inputs[name]) for name, trunk in zip(self.names, self.trunks, strict=True)]
        embedding = self.hidden(torch.cat(features, dim=1))
        return Scores(self.classify(embedding), embedding)


@MODELS.register("fds-cnn")
class FdsCNN(_HiddenLayerBody):
    """Two blocks of a 3x3 convolution, batch norm, ReLU and 2x2 maximum pooling; a hidden layer (3.1).

    A picture of 128 x 128 gives 32 maps of 32 x 32, flattened. Initial weights are torch's defaults.

    Parameters
    ----------
    hidden : int, 1..16384
        Units of the hidden layer.
    dropout : float, 0 <= dropout < 1
        Before the classifier.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture, or one with a side below 4.
    """

    def __init__(
        self, *, inputs: Mapping[str, Shape], genres: int, hidden: Units = 256, dropout: Dropout = 0.4
    ) -> None:
        name, (channels, height, width) = only_input(inputs, axes=3, what="a picture")
        if min(height, width) < 4:
            raise RecipeError(
                f"this network halves a picture twice; {height} x {width} is smaller than 4 x 4: "
                "raise the height and width of the input",
                code="picture-too-small",
            )
        layers: list[nn.Module] = []
        for filters in _FILTERS:
            layers += [
                nn.Conv2d(channels, filters, 3, padding=1),
                nn.BatchNorm2d(filters),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels = filters
        super().__init__(
            {name: nn.Sequential(*layers, nn.Flatten())},
            features=channels * (height // 4) * (width // 4),
            hidden=hidden,
            dropout=dropout,
            genres=genres,
        )


def _averaged(architecture: str, shape: Shape) -> tuple[nn.Module, int]:
    """Return a backbone with averages of its last map, and the number of averages."""
    backbone = Backbone(architecture, channels=shape[0]).to(memory_format=torch.channels_last)
    return nn.Sequential(backbone, FixedAveragePool(1), nn.Flatten()), backbone.features


@MODELS.register("fds-resnet18")
class FdsResNet18(_HiddenLayerBody):
    """ResNet18, its last map averaged, and a hidden layer (3.2).

    Parameters
    ----------
    architecture : str
        See `Backbone`.
    hidden : int, 1..16384
        Units of the hidden layer.
    dropout : float, 0 <= dropout < 1
        Before the classifier.

    Raises
    ------
    RecipeError
        If timm has no such network, or the recipe does not give exactly one picture.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        architecture: str = _RESNET18,
        hidden: Units = 256,
        dropout: Dropout = 0.4,
    ) -> None:
        name, shape = only_input(inputs, axes=3, what="a picture")
        trunk, features = _averaged(architecture, shape)
        super().__init__({name: trunk}, features=features, hidden=hidden, dropout=dropout, genres=genres)


@MODELS.register("fds-late-fusion")
class FdsLateFusion(_HiddenLayerBody):
    """Two ResNet18, one picture each; their concatenated averages, and a hidden layer (3.3).

    Parameters
    ----------
    architecture : str
        Of both; see `Backbone`.
    hidden : int, 1..16384
        Units of the hidden layer.
    dropout : float, 0 <= dropout < 1
        Before the classifier.

    Raises
    ------
    RecipeError
        If timm has no such network, or the recipe does not give exactly two pictures.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        architecture: str = _RESNET18,
        hidden: Units = 512,
        dropout: Dropout = 0.5,
    ) -> None:
        if len(inputs) != 2 or any(len(shape) != 3 for shape in inputs.values()):
            raise RecipeError(
                f"this model needs two inputs, both pictures; the recipe gives {shapes_of(inputs)}",
                code="model-inputs",
            )
        made = {name: _averaged(architecture, shape) for name, shape in inputs.items()}
        super().__init__(
            {name: trunk for name, (trunk, _) in made.items()},
            features=sum(features for _, features in made.values()),
            hidden=hidden,
            dropout=dropout,
            genres=genres,
        )
