"""The base class of augmentations, and a pipeline of them.

`draw` makes the random values of a batch from a generator and `apply` uses them, so a change can be kept and
repeated.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from genrelab.errors import RecipeError
from genrelab.lab.registry import Registry


class Augmentation(ABC):
    """A random change of a batch; each item has its own random values."""

    @abstractmethod
    def draw(self, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Return the random values for `batch`, with the batch as their first axis, on the CPU."""

    @abstractmethod
    def apply(self, batch: Tensor, drawn: Tensor) -> Tensor:
        """Return `batch` changed by `drawn`; with the same shape; the input stays unchanged."""


AUGMENTATIONS: Registry[Augmentation] = Registry("augmentation", group="genrelab.augmentations")


class Pipeline(nn.Module):
    """A sequence of augmentations, in training mode only.

    Parameters
    ----------
    steps : sequence of Augmentation
    probability : float, 0..1
        Probability that an item is changed (paper `soundfusion`, V.B: "a given probability for our
        data to be augmented").
    """

    def __init__(self, steps: Sequence[Augmentation], *, probability: float = 1.0) -> None:
        super().__init__()
        if not 0.0 <= probability <= 1.0:
            raise RecipeError(
                f"the probability of an augmentation must lie in 0..1, not at {probability}",
                code="probability-range",
            )
        self.steps = tuple(steps)
        self.probability = probability
        self.generator = torch.Generator()

    def seed(self, seed: int) -> None:
        """Restart the random values from `seed`."""
        self.generator.manual_seed(seed)

    def fixed(self, batch: Tensor, seeds: Sequence[int]) -> Tensor:
        """Return the batch changed, each item with the random values that follow from its seed alone."""
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        changed = batch
        for step in self.steps:
            items = zip(changed, generators, strict=True)
            drawn = torch.cat([step.draw(item[None], generator) for item, generator in items])
            changed = step.apply(changed, drawn.to(batch.device))
        return changed

    def forward(self, batch: Tensor) -> Tensor:
        """Return the batch, changed in training mode only."""
        if not self.training or not self.steps or self.probability == 0.0:
            return batch
        changed = batch
        for step in self.steps:
            drawn = step.draw(changed, self.generator).to(batch.device)
            changed = step.apply(changed, drawn)
        if self.probability < 1.0:
            chosen = torch.rand(batch.shape[0], generator=self.generator) < self.probability
            chosen = chosen.to(batch.device).reshape(-1, *([1] * (batch.ndim - 1)))
            changed = torch.where(chosen, changed, batch)
        return changed
