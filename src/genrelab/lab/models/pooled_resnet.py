"""A compact residual network for pictures of sound of any length.

Residual blocks as in He et al. (2015). Batch norm over each band of the picture takes the place of fixed
decibel statistics (as in the PANNs of Kong et al. 2020, arXiv:1912.10211); depthwise separable blocks follow
Howard et al. (2017, arXiv:1704.04861).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, only_input
from genrelab.lab.models.blocks import BasicBlock, conv_norm, initialize
from genrelab.lab.models.pooling import Dropout, PooledHead, Pooling, Width

Blocks = Annotated[int, Field(ge=1, le=64)]
Stride = Annotated[int, Field(ge=1, le=4)]


class SeparableBlock(nn.Module):
    """Two convolutions, each depthwise and then pointwise, beside a shortcut.

    Parameters
    ----------
    inputs, outputs : int > 0
        Channels. Where they differ, or the stride is not 1, the shortcut is a 1x1 convolution.
    stride : int > 0
        Of the first convolution and of the shortcut.
    """

    def __init__(self, inputs: int, outputs: int, *, stride: int) -> None:
        super().__init__()
        self.first = _separable(inputs, outputs, stride=stride)
        self.second = _separable(outputs, outputs, stride=1)
        changes = inputs != outputs or stride != 1
        self.shortcut = conv_norm(2, inputs, outputs, kernel=1, stride=stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Change `[batch, inputs, bands, frames]` into `[batch, outputs, ...]`."""
        out: Tensor = F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))
        return out


def _separable(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    depthwise = nn.Conv2d(inputs, inputs, 3, stride=stride, padding=1, groups=inputs, bias=False)
    return nn.Sequential(
        depthwise, nn.BatchNorm2d(inputs), nn.ReLU(), *conv_norm(2, inputs, outputs, kernel=1)
    )


class BandNorm(nn.Module):
    """Batch norm that takes each band of each channel for itself."""

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(channels * bands)

    def forward(self, picture: Tensor) -> Tensor:
        """Change `[batch, channels, bands, frames]` into the same shape."""
        normalized: Tensor = self.norm(picture.flatten(1, 2)).unflatten(1, picture.shape[1:3])
        return normalized


@MODELS.register("pooled-resnet")
class PooledResNet(Body):
    """Residual stages over a picture, pooled over bands and time, an embedding, a linear classifier.

    Hears sound of any duration: convolutions pad at the ends, pooling over time takes what is there.

    Parameters
    ----------
    widths : tuple of int
        Channels of each stage. The first convolution has those of the first.
    blocks : tuple of int
        Residual blocks of each stage.
    stem_stride : int, 1..4
        Of the first convolution, along bands and time. Every stage but the first halves both once more.
    stem_kernel : int
        Its length, odd.
    separable : bool
        Depthwise separable blocks: fewer multiplications for the same width.
    bands : {"mean", "kept"}
        What becomes of the bands that are left before time is pooled: their mean, or each for itself.
    pooling : {"mean-max", "mean", "attentive"}
        See `TimePool`.
    embedding : int
    dropout : float in 0..1
        Before the embedding and behind it.

    Raises
    ------
    RecipeError
        If the recipe gives anything but one picture, or widths and blocks are not equally many.
    """

    shortest_frames = 1

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        widths: tuple[Width, ...] = (32, 64, 128, 192),
        blocks: tuple[Blocks, ...] = (1, 1, 1, 1),
        stem_stride: Stride = 2,
        stem_kernel: Annotated[int, Field(ge=1, le=15)] = 3,
        separable: bool = False,
        bands: Literal["mean", "kept"] = "mean",
        pooling: Pooling = "mean-max",
        embedding: Width = 256,
        dropout: Dropout = 0.3,
    ) -> None:
        super().__init__()
        self.name, (channels, height, _) = only_input(
            inputs, axes=3, what="a picture [channels, bands, frames]"
        )
        if not widths or len(widths) != len(blocks):
            raise RecipeError(
                f"pooled-resnet needs as many blocks as widths, not {len(blocks)} for {len(widths)}"
            )
        if stem_kernel % 2 == 0:
            raise RecipeError(f"stem_kernel must be odd, not {stem_kernel}")
        self.normalize = BandNorm(channels, height)
        self.stem = nn.Sequential(
            conv_norm(2, channels, widths[0], kernel=stem_kernel, stride=stem_stride), nn.ReLU()
        )
        self.stages = nn.Sequential(*_stages(widths, blocks, separable=separable))
        self.kept = bands == "kept"
        left = -(-height // stem_stride)
        for _ in widths[1:]:
            left = -(-left // 2)
        self.head = PooledHead(
            widths[-1] * (left if self.kept else 1),
            genres,
            pooling=pooling,
            embedding=embedding,
            dropout=dropout,
        )
        initialize(self)
        # On a CPU convolutions copy maps that lie channel after channel, forward and backward.
        self.to(memory_format=torch.channels_last)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score a batch of pictures."""
        x = self.stages(self.stem(self.normalize(inputs[self.name])))
        scores: Scores = self.head(x.flatten(1, 2) if self.kept else x.mean(dim=2))
        return scores


def _stages(widths: tuple[int, ...], blocks: tuple[int, ...], *, separable: bool) -> list[nn.Module]:
    layers: list[nn.Module] = []
    inputs = widths[0]
    for stage, (width, count) in enumerate(zip(widths, blocks, strict=True)):
        for block in range(count):
            stride = 2 if stage and not block else 1
            layers.append(
                SeparableBlock(inputs, width, stride=stride)
                if separable
                else BasicBlock(2, inputs, width, stride=stride)
            )
            inputs = width
    return layers
