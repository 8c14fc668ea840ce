"""Equal weight for genres of different sizes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from torch.utils.data import Sampler

from genrelab.lab.training.optimization.objective import UNLABELLED

_AGAIN = 2**32
"""Added to the epoch in the key of a repeated item, which gives it other random values."""


def class_weights(classes: Sequence[int], genres: int) -> list[float]:
    """Return weights inverse to the frequency of classes, with a mean of 1 over the items.

    Parameters
    ----------
    classes : sequence of int
        Class numbers of the items; unlabelled items are ignored.
    genres : int
        Number of classes; a class without items has weight 0.
    """
    counts = np.bincount([number for number in classes if number != UNLABELLED], minlength=genres)
    present = counts > 0
    weights = np.zeros(genres)
    weights[present] = counts.sum() / (present.sum() * counts[present])
    return [float(weight) for weight in weights]


class BalancedSampler(Sampler[tuple[int, int]]):
    """Yield keys like `EpochSampler`, with all genres equally often.

    An epoch has as many keys as there are items: unlabelled items come once, and the genres share the rest
    equally. The items of a genre take turns: none comes a third time before all came twice.

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
        """Start an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        places, kinds = self.length - len(self.unlabelled), len(self.by_class)
        # In each epoch, other genres get the surplus items.
        sizes = rng.permutation([places // kinds + (rest < places % kinds) for rest in range(kinds)])
        keys = [(self.epoch, int(index)) for index in self.unlabelled]
        for items, size in zip(self.by_class, sizes, strict=True):
            for turn in range(-(-int(size) // len(items))):
                left = int(size) - turn * len(items)
                keys += [(self.epoch + turn * _AGAIN, int(index)) for index in rng.permutation(items)[:left]]
        return iter([keys[at] for at in rng.permutation(len(keys))])
