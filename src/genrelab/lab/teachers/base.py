"""What every teacher offers: arrays of numbers for a stretch of sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from genrelab.lab.models.weights_file import Weights
from genrelab.lab.registry import Names

Answers = dict[str, Tensor]
"""Name of an array -> its values, in float32. `[batch, d]` describes a whole view, `[batch, segments, d]`
each of its segments, `[batch, segments, channels, bands, frames]` is a map of each segment. `tags [batch, n]`
are probabilities."""


class Teacher(nn.Module, ABC):
    """A frozen network whose outputs a student learns to match.

    Attributes
    ----------
    sample_rate : int
        Of its input, in Hz; mono.
    shortest : int
        Fewest samples of its input.
    of_segments : frozenset of str
        Arrays that have values for each segment.
    of_maps : tuple of str
        Arrays that are maps of the segments, in the order of the layers that they come from.
    """

    sample_rate: ClassVar[int]
    shortest: ClassVar[int]
    of_segments: ClassVar[frozenset[str]] = frozenset()
    of_maps: ClassVar[tuple[str, ...]] = ()

    def least_samples(self, arrays: Collection[str] | None) -> int:
        """Return the fewest samples of a view that these arrays need; None is all arrays."""
        return self.shortest

    @property
    def of_parts(self) -> frozenset[str]:
        """Arrays that describe segments, or places in them, instead of the whole view."""
        return self.of_segments | set(self.of_maps)

    @classmethod
    @abstractmethod
    def from_weights(cls, weights: Weights) -> Self | None:
        """Build the network from the content of a weights file; None for another architecture."""

    @property
    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """Name of each array -> the length of its last axis, or the channels of a map."""

    @abstractmethod
    def answer(self, waveform: Tensor, segments: int) -> Answers:
        """Return all arrays for `waveform [batch, samples]`, which consists of `segments` equal segments.

        A waveform shorter than `shortest` gets those arrays for which it has `least_samples`.
        """

    def forward(self, waveform: Tensor, segments: int = 1, arrays: Collection[str] | None = None) -> Answers:
        """Return arrays for a batch of views, without gradients.

        Parameters
        ----------
        waveform : Tensor [shape=(batch, samples)]
            Mono at `sample_rate`, full scale -1..1, at least `least_samples(arrays)` samples.
        segments : int > 0
            Number of equal segments in a view.
        arrays : collection of str, optional
            Return these alone; default: all.
        """
        with torch.no_grad():
            found = self.answer(waveform, segments)
            return {name: each.float() for name, each in found.items() if arrays is None or name in arrays}

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode: a teacher does not learn."""
        return super().train(False)


TEACHERS: Names[type[Teacher]] = Names("teacher", group="genrelab.teachers")
