"""The base class of front-ends."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.frontends.sections import ReportSection
from genrelab.lab.registry import Registry

FrameSamples = Annotated[int, Field(gt=0, le=2**16)]
"""Length of a window or a hop in samples, 1..65536."""


def check_choice(option: str, value: str, choices: Collection[str]) -> None:
    """Raise `RecipeError` unless the value of an option is one of some choices."""
    if value not in choices:
        raise RecipeError(
            f"{option} must be one of {', '.join(choices)}, not {value!r}", code="option-not-one-of"
        )


class Frontend(nn.Module, ABC):
    """A fixed or learned change of representation.

    A front-end is built from its own options and from `sample_rate` (Hz) and `channels` of its input, a
    float32 waveform `[batch, channels, samples]`.

    Attributes
    ----------
    shares_tracks : bool
        Whether `of_track` costs less than `forward` on every segment.
    fixed : bool
        Whether the output for an item depends on its waveform alone: on no learned weight, no other item of
        the batch, nothing random, and not on training or evaluation. Such outputs are computed once and kept.
    made_from : str or None
        Kind, options, rate and channels that it was built from, as JSON; None if it was not built from a
        recipe.
    """

    shares_tracks: bool = False
    fixed: bool = False
    made_from: str | None = None

    @abstractmethod
    def forward(self, waveform: Tensor) -> Tensor:
        """Return float32 `[batch, channels, bands, frames]`, or `[batch, channels, samples]`."""

    def of_track(self, track: Tensor, starts: Sequence[int], samples: int) -> Tensor:
        """Return what `forward` gives for segments of one track.

        A front-end that can share work between overlapping segments overrides this.

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

    def report_sections(self, initial: Frontend) -> list[ReportSection]:
        """Return what a run's report should show of this trained front-end, in order; by default nothing.

        Parameters
        ----------
        initial : Frontend
            The front-end as the recipe builds it, before training.
        """
        return []

    @abstractmethod
    def output_shape(self, samples: int) -> tuple[int, ...]:
        """Return the shape that `forward` gives for one item of `samples` samples, without batch.

        Raises
        ------
        RecipeError
            If there are too few samples for any output.
        """


FRONTENDS: Registry[Frontend] = Registry("front-end", group="genrelab.frontends")
