"""Genres of different sizes made to count alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from genrelab.lab.training.optimization.objective import UNLABELLED

_AGAIN = 2**32
"""Added to the epoch in the key of an item that is shown again, so that its random values are others."""


def class_weights(classes: Sequence[int], genres: int) -> list[float]:
    """Return weights inverse to how often classes occur, whose mean over the items is 1.

    Parameters
    ----------
    classes : sequence of int
        Class numbers of the items; unlabelled ones do not count.
    genres : int
        Number of classes; one without items has weight 0.
    """
    counts = np.bincount([number for number in classes if number != UNLABELLED], minlength=genres)
    there = counts > 0
    weights = np.zeros(genres)
    weights[there] = counts.sum() / (there.sum() * counts[there])
    return [float(weight) for weight in weights]


class BalancedSampler(Sampler[tuple[int, int]]):
    """Give `(epoch, number of the item)` pairs as `EpochSampler` does, with all genres equally often.

    An epoch is as long as there are items: unlabelled ones come once, and what is left is divided equally
    among the genres. The items of a genre take turns, so that none comes a third time before all came twice.

    Parameters
    ----------
    classes : sequence of int
        Class number of each item, or `UNLABELLED`.
    seed : int
    """

    def __init__(self, classes: Sequence[int], *, seed: int) -> None:
        numbers = np.asarray(classes)
        self.seed = seed
        self.epoch = 0
        self.unlabelled = np.flatnonzero(numbers == UNLABELLED)
        self.by_class = [
            np.flatnonzero(numbers == number) for number in np.unique(numbers[numbers != UNLABELLED])
        ]
        self.length = len(numbers)

    def set_epoch(self, epoch: int) -> None:
        """Begin the epoch of this number."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        places, kinds = self.length - len(self.unlabelled), len(self.by_class)
        # Genres that get one item more than the others are others in each epoch.
        sizes = rng.permutation([places // kinds + (rest < places % kinds) for rest in range(kinds)])
        keys = [(self.epoch, int(index)) for index in self.unlabelled]
        for items, size in zip(self.by_class, sizes, strict=True):
            for turn in range(-(-int(size) // len(items))):
                left = int(size) - turn * len(items)
                keys += [(self.epoch + turn * _AGAIN, int(index)) for index in rng.permutation(items)[:left]]
        return iter([keys[at] for at in rng.permutation(len(keys))])
