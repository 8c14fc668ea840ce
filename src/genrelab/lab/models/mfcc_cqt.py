"""Paper `mfcc-cqt` (Zheng, Xing, Huang): a network with MFCC and constant-Q pictures as inputs.

The paper shows filters, kernels and poolings only in its figures 16 and 17; its text gives the order of the
layers. The sizes here are common ones: 3 x 3 filters whose number doubles from layer to layer, poolings of
2 x 2. The fifth layer pools only bands, so 5 seconds (216 frames) leave 13 steps of 0.37 s for the layers
along time, and 0.72 s of sound suffice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.models.base import MODELS, Body, Scores, Shape, shapes_of
from genrelab.lab.models.blocks import initialize

Width = Annotated[int, Field(gt=0, le=1024)]
Frames = Annotated[int, Field(gt=0, le=100_000)]

_POOLS = ((2, 2), (2, 2), (2, 2), (2, 2), (2, 1))  # bands x frames
_BANDS = 2**5  # pooled to one
_FRAMES = 2**5  # pooled to one, here and along time


def spectrogram_block(channels: int, width: int) -> nn.Sequential:
    """Return five blocks of convolution, ReLU, maximum pooling and batch norm; then bands become channels.

    Section 4.1. Changes `[batch, channels, bands, frames]` into
    `[batch, 16 width x (bands // 32), frames // 16]`.
    """
    layers: list[nn.Module] = []
    for index, pool in enumerate(_POOLS):
        outputs = width * 2**index
        layers += [
            nn.Conv2d(channels, outputs, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(pool),
            nn.BatchNorm2d(outputs),
        ]
        channels = outputs
    return nn.Sequential(*layers, nn.Flatten(1, 2))


@MODELS.register("mfcc-cqt")
class MfccCqt(Body):
    """Two pictures, each with its own block, joined along time (sections 4.1 and 4.2).

    The channels of the blocks are concatenated; a convolution of length 3 along time, ReLU, maximum pooling
    over 2 steps, the mean over all steps and a linear layer follow. Takes sound of any duration of at least
    32 frames.

    Parameters
    ----------
    width : int, 1..1024
        Filters of the first convolution of a block; each later one doubles the number.
    combined : int, 1..1024
        Filters of the convolution along time.
    crop_frames : int or None
        In training, crop both pictures of an item to this number of frames at the same random position
        (section 5.1: 5 of 30 seconds), drawn from torch's global generator. None does not crop.

    Raises
    ------
    RecipeError
        If the recipe does not give two pictures with the same numbers of bands and frames, or they are too
        small, or shorter than `crop_frames`.
    """

    shortest_frames = _FRAMES

    def __init__(
        self,
        *,
        inputs: Mapping[str, Shape],
        genres: int,
        width: Width = 16,
        combined: Width = 128,
        crop_frames: Frames | None = 216,
    ) -> None:
        super().__init__()
        bands, frames = _size(inputs)
        if crop_frames is not None and not _FRAMES <= crop_frames <= frames:
            raise RecipeError(
                f"crop_frames must be {_FRAMES} to {frames}, the frames of a segment, not {crop_frames}; "
                "null crops nothing",
                code="crop-frames",
            )
        self.names = tuple(inputs)
        self.crop_frames = crop_frames
        blocks = nn.ModuleList(spectrogram_block(shape[0], width) for shape in inputs.values())
        # On a CPU, convolutions copy maps in channels-first layout, forward and backward.
        self.blocks = blocks.to(memory_format=torch.channels_last)
        joined = len(inputs) * width * 2 ** (len(_POOLS) - 1) * (bands // _BANDS)
        self.combine = nn.Conv1d(joined, combined, 3, padding=1)
        self.classify = nn.Linear(combined, genres)
        initialize(self)

    def forward(self, inputs: Mapping[str, Tensor]) -> Scores:
        """Score both pictures together."""
        pictures = self._cut([inputs[name] for name in self.names])
        sequences = [block(picture) for block, picture in zip(self.blocks, pictures, strict=True)]
        steps = F.relu(self.combine(torch.cat(sequences, dim=1)))
        # Not max_pool1d: outside training it fixes the number of steps in an exported graph.
        features = F.max_pool2d(steps[:, :, None], (1, 2)).mean(dim=(2, 3))
        return Scores(self.classify(features), features)

    def _cut(self, pictures: list[Tensor]) -> list[Tensor]:
        """Crop all pictures of an item to the same frames, in training mode."""
        if not self.training or self.crop_frames is None:
            return pictures
        size = self.crop_frames
        items, spare = len(pictures[0]), pictures[0].shape[-1] - size
        starts = torch.randint(spare + 1, (items,)).tolist()
        return [
            torch.stack([item[..., start : start + size] for item, start in zip(each, starts, strict=True)])
            for each in pictures
        ]


def _size(inputs: Mapping[str, Shape]) -> tuple[int, int]:
    """Return bands and frames of both pictures."""
    sizes = {shape[1:] for shape in inputs.values() if len(shape) == 3}
    if len(inputs) != 2 or len(sizes) != 1 or any(len(shape) != 3 for shape in inputs.values()):
        raise RecipeError(
            "this model needs two inputs, pictures with the same numbers of bands and frames (use the same "
            f"hop_length); the recipe gives {shapes_of(inputs)}",
            code="model-inputs",
        )
    ((bands, frames),) = sizes
    if bands < _BANDS or frames < _FRAMES:
        raise RecipeError(
            f"this model pools {_BANDS} bands and {_FRAMES} frames to one; {bands} x {frames} is too small. "
            "Raise audio.segment_seconds or the number of bands",
            code="picture-too-small",
        )
    return bands, frames
