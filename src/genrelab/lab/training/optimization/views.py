"""What a loss needs to know about the views of a batch, besides the network's scores."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from genrelab.lab.training.optimization.mixup import Blend
from genrelab.lab.training.parallel.part import WholeBatch


class Views(NamedTuple):
    """The training items of a batch. Each is a view of one or more consecutive segments.

    Attributes
    ----------
    label, clip : Tensor [shape=(views,)]
        Class numbers, or `UNLABELLED`, and numbers of clips, before mixing.
    blend : Blend or None
        How the views were mixed.
    segments : int > 0
        Segments of each view; scores have `views x segments` rows.
    sound : Tensor [shape=(views, channels, samples)] or None
        What the network of this process processed, after mixing and random changes.
    part : WholeBatch
        Which of the views these are.
    """

    label: Tensor
    clip: Tensor
    blend: Blend | None = None
    segments: int = 1
    sound: Tensor | None = None
    part: WholeBatch = WholeBatch()

    def mean(self, values: Tensor) -> Tensor:
        """Average `[views x segments, ...]` over the segments of each view."""
        return values if self.segments == 1 else self.by_view(values).mean(dim=1)

    def by_view(self, values: Tensor) -> Tensor:
        """Return `[views x segments, ...]` as `[views, segments, ...]`."""
        return values.reshape(-1, self.segments, *values.shape[1:])

    def mixed(self, values: Tensor) -> Tensor:
        """Mix values `[views, ...]` as the views were mixed."""
        return values if self.blend is None else self.blend.of(values)

    def both(self, known: Tensor) -> Tensor:
        """Return where `known [views, ...]` holds of a view and of its partner."""
        return known if self.blend is None else known * known[self.blend.partner]


def cut(sound: Tensor, segments: int) -> Tensor:
    """Cut views `[views, channels, samples]` into `[views x segments, channels, samples / segments]`."""
    if segments == 1:
        return sound
    views, channels, samples = sound.shape
    parts = sound.reshape(views, channels, segments, samples // segments)
    return parts.movedim(2, 1).reshape(views * segments, channels, samples // segments)
