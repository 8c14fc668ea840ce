"""Convolutions and a recurrent layer: the future work of paper `mel-augmentation` (6).

After Choi, Fazekas, Sandler and Cho (2017), "Convolutional recurrent neural networks for music
classification": convolutions summarize short stretches of the picture, gated recurrent units follow them
through the clip, and their last state is classified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input
from genrelab.lab.models.blocks import initialize

Width = Annotated[int, Field(gt=0, le=4096)]
Window = Annotated[int, Field(gt=0, le=64)]
Filters = Annotated[tuple[Width, ...], Field(min_length=1, max_length=8)]
Pools = Annotated[tuple[tuple[Window, Window], ...], Field(min_length=1, max_length=8)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


@MODELS.register("crnn")
class CRNN(Body):
    """Convolutions 3x3, each with batch norm, ELU and maximum pooling; gated recurrent units over time.

    Each column of the last map, with all its channels and bands, is a step of the recurrent layers.

    Parameters
    ----------
    filters : sequence of int, 1..4096
        Of each convolution.
    pools : sequence of (int, int)
        Bands and frames of each maximum pooling.
    units : int, 1..4096
        Of each recurrent layer.
    layers : int, 1..8
        Recurrent layers.
    bidirectional : bool
        Also follow the clip from its end to its start.
    dropout, recurrent_dropout : float, 0 <= dropout < 1
        After each pooling; on the embedding and between recurrent layers.

    Raises
    ------
    RecipeError
        If the recipe does not give exactly one picture, `filters` and `pools` differ in number, or the
        poolings leave nothing of the picture, or only one step.
    """

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        filters: Filters = (64, 128, 128, 128),
        pools: Pools = ((2, 2), (3, 3), (4, 4), (4, 4)),
        units: Width = 32,
        layers: Annotated[int, Field(gt=0, le=8)] = 2,
        bidirectional: bool = False,
        dropout: Dropout = 0.1,
        recurrent_dropout: Dropout = 0.3,
    ) -> None:
        super().__init__()
        self.name, (channels, height, width) = only_input(inputs, axes=3, what="a picture")
        if len(filters) != len(pools):
            raise RecipeError(
                f"{len(filters)} model.filters need as many model.pools, not {len(pools)}", code="crnn-pools"
            )
        steps: list[nn.Module] = []
        rows, columns = height, width
        for outputs, pool in zip(filters, pools, strict=True):
            steps += [nn.Conv2d(channels, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ELU()]
            steps += [nn.MaxPool2d(tuple(pool)), nn.Dropout(dropout)]
            channels, rows, columns = outputs, rows // pool[0], columns // pool[1]
        if rows < 1 or columns < 2:
            raise RecipeError(
                f"model.pools leave {rows} bands and {columns} steps of a picture of {height} x {width}, and a "
                "recurrent layer needs two steps; make the picture larger, or the pools smaller",
                code="picture-too-small",
            )
        self.convolutions = nn.Sequential(*steps)
        self.recurrent = nn.GRU(
            channels * rows,
            units,
            num_layers=layers,
            batch_first=True,
            dropout=recurrent_dropout if layers > 1 else 0.0,
            bidirectional=bidirectional,
        )
        self.dropout = nn.Dropout(recurrent_dropout)
        self.classify = nn.Linear(units * (2 if bidirectional else 1), genres)
        self.both = bidirectional
        self.units = units
        initialize(self.convolutions)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score the picture."""
        maps = self.convolutions(inputs[self.name])
        outputs, _ = self.recurrent(maps.flatten(1, 2).transpose(1, 2))
        embedding = outputs[:, -1]
        if self.both:  # the backward half ends at the first step
            embedding = torch.cat([embedding[:, : self.units], outputs[:, 0, self.units :]], dim=1)
        return Scores(self.classify(self.dropout(embedding)), embedding)
