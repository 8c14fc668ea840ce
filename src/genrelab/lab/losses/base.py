"""The base class of the losses of genres: what each genre costs, given the logits of segments.

A loss knows nothing of labels. `genrelab.lab.training.optimization.objective` multiplies its costs by what is
wanted of each view, so that smoothed labels, weights of classes, mixed views and views of several segments
work with every loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, NamedTuple

from torch import Tensor, nn

from genrelab.lab.registry import Registry


class Costs(NamedTuple):
    """What genres cost.

    Attributes
    ----------
    wanted : Tensor [shape=(segments, genres)]
        The cost of a genre that the segment has. It counts once for a segment with one genre, and by shares
        where several genres share a label, as after smoothing.
    unwanted : Tensor [shape=(segments, genres)] or None
        The cost of a genre that the segment does not have; None costs nothing.
    """

    wanted: Tensor
    unwanted: Tensor | None = None


class GenreLoss(nn.Module, ABC):
    """A loss of genres, built from the options of `training.loss`.

    Attributes
    ----------
    independent : bool
        Whether each genre is a question of its own. Then a clip may have several genres, logits are those of
        sigmoids, and probabilities need not sum to 1. Otherwise genres exclude each other, and logits are
        those of a softmax.
    """

    independent: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, logits: Tensor) -> Costs:
        """Return what genres cost, from logits `[segments, genres]`, float32."""


LOSSES: Registry[GenreLoss] = Registry("loss", group="genrelab.losses")
