"""Paper `mel-augmentation`: networks on the picture of a whole clip.

- `mel-cnn`: the paper's own, section 3.3 and table 3. The table prints 1,574,496 parameters for the dense
  layer; 246,016 x 64 + 64 are 15,745,088, and with those the total that it prints comes out.
- `flat-backbone`: VGG16 and MobileNet with two dense layers, section 3.5.

Layers outside timm have the initial weights of Keras, which the paper used.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.backbone import Backbone
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input

Width = Annotated[int, Field(gt=0, le=4096)]
Filters = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]
Dropout = Annotated[float, Field(ge=0, lt=1)]

_PICTURE = "a picture"


def initialize_as_keras(module: nn.Module) -> None:
    """Initialize convolutions and dense layers as Keras: Glorot and Bengio (2010), biases 0."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


@MODELS.register("mel-cnn")
class MelCNN(Body):
    """Convolutions 3x3 without padding, each with ReLU, 2x2 maximum pooling and dropout; two dense layers.

    On 256 x 256 x 1 with 10 genres it has the published 15,764,554 parameters.

    Parameters
    ----------
    filters : sequence of int, 1..4096
        Of each convolution.
    hidden : int, 1..4096
        Units of the first dense layer, which has ReLU.
    dropout : float, 0 <= dropout < 1
        After each pooling and after the first dense layer.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture, or one that is too small for the convolutions.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        filters: Filters = (32, 64),
        hidden: Width = 64,
        dropout: Dropout = 0.35,
    ) -> None:
        super().__init__()
        self.name, (channels, height, width) = only_input(inputs, axes=3, what=_PICTURE)
        layers: list[nn.Module] = []
        rows, columns = height, width
        for outputs in filters:
            layers += [nn.Conv2d(channels, outputs, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(dropout)]
            channels, rows, columns = outputs, (rows - 2) // 2, (columns - 2) // 2
        if min(rows, columns) < 1:
            raise RecipeError(
                f"{len(filters)} convolutions and poolings leave nothing of a picture of {height} x {width}; "
                "make it larger, or model.filters shorter",
                code="picture-too-small",
            )
        dense = nn.Linear(channels * rows * columns, hidden)
        self.trunk = nn.Sequential(*layers, nn.Flatten(), dense, nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(hidden, genres)
        initialize_as_keras(self)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the picture."""
        embedding = self.trunk(inputs[self.name])
        return Scores(self.classify(self.dropout(embedding)), embedding)


@MODELS.register("flat-backbone")
class FlatBackbone(Body):
    """A network of timm, all values of its last map, a dense layer with ReLU, and the classifier.

    On 256 x 256 x 3 with 10 genres it has the published 16,812,554 parameters with `vgg16`, and 7,423,882
    with `mobilenetv1_100`, where the paper, as Keras, counts batch norm's means and variances too.

    Parameters
    ----------
    architecture : str
        See `Backbone`.
    hidden : int, 1..4096
        Units of the dense layer.
    tensorflow : bool
        See `Backbone`.

    Raises
    ------
    RecipeError
        If timm has no such network, or the recipe does not give exactly one picture, or too small a one.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        architecture: str,
        hidden: Width = 64,
        tensorflow: bool = False,
    ) -> None:
        super().__init__()
        self.name, shape = only_input(inputs, axes=3, what=_PICTURE)
        backbone = Backbone(architecture, channels=shape[0], tensorflow=tensorflow)
        self.backbone = backbone.to(memory_format=torch.channels_last)
        self.dense = nn.Linear(_map_values(self.backbone, shape), hidden)
        self.classify = nn.Linear(hidden, genres)
        for layer in (self.dense, self.classify):
            initialize_as_keras(layer)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the picture."""
        embedding = self.dense(self.backbone(inputs[self.name]).flatten(1)).relu()
        return Scores(self.classify(embedding), embedding)


def _map_values(backbone: Backbone, shape: Shape) -> int:
    """Return the number of values in the last map of a backbone for a picture of this shape."""
    sizes_alone = copy.deepcopy(backbone).to("meta").eval()
    try:
        values = sizes_alone(torch.zeros(1, *shape, device="meta")).numel()
    except RuntimeError as error:  # a map that became too small for the next layer
        raise RecipeError(
            f"a picture of {shape[1]} x {shape[2]} is too small for {backbone.architecture}; make it larger",
            code="picture-too-small",
        ) from error
    return int(values)
