"""What every front-end is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.lab.registry import Registry

FrameSamples = Annotated[int, Field(gt=0, le=2**16)]
"""A window or a step in samples, 1..65536."""


class Frontend(nn.Module, ABC):
    """A fixed or learned change of representation.

    A front-end is made with `sample_rate` (Hz) and `channels` of the waveform that it will get,
    beside its own options, and takes float32 `[batch, channels, samples]`.

    Attributes
    ----------
    shares_tracks : bool
        Whether `of_track` costs less than `forward` on every segment.
    """

    shares_tracks: bool = False

    @abstractmethod
    def forward(self, waveform: Tensor) -> Tensor:
        """Return float32 `[batch, channels, bands, frames]`, or `[batch, channels, samples]`."""

    def of_track(self, track: Tensor, starts: Sequence[int], samples: int) -> Tensor:
        """Return what `forward` gives for segments of one track.

        A front-end that can share work between overlapping segments does so here.

        Parameters
        ----------
        track : Tensor [shape=(channels, track_samples)]
        starts : sequence of int
            Where segments begin; all lie within the track.
        samples : int
            Length of a segment.

        Returns
        -------
        Tensor [shape=(segments, ...)]
        """
        segments = torch.stack([track[:, start : start + samples] for start in starts])
        out: Tensor = self(segments)
        return out

    @abstractmethod
    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return the shape that `forward` gives for one item of `samples` samples, without batch.

        Raises
        ------
        RecipeError
            If so few samples give no output.
        """


FRONTENDS: Registry[Frontend] = Registry("front-end", group="genrelab.frontends")
