"""The plan of docs/results/gtzan-pictures.md: which systems are trained, on which splits, in which order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gtzan_pictures_page import ALL, ARTIST, OWN, PUBLISHED, RANDOM, SAME_SIZES, TRAINED, Extract

FOLDS = 3  # of ten
_MOBILENET = "mobilenet_v1_imagenet.safetensors"
_RESNET18 = "resnet18_imagenet_to_layer3.safetensors"
SMALL = "inputs.{0}.height=128", "inputs.{0}.width=128"


class System(NamedTuple):
    """A system: its recipe, changes of it, its file of initial weights, the split of its paper."""

    recipe: str
    own: str
    changes: tuple[str, ...] = ()
    weights: str | None = None


TRAINED_SYSTEMS = {
    "fds-cnn": System("fds/cnn-5s", "random:64/16/20"),
    "simple-cnn": System("soundfusion/simple-cnn", "random:80/10/10"),
    "fds-resnet18": System("fds/resnet18-5s", "random:64/16/20", weights=_RESNET18),
    "mobilenet-transfer": System(
        "mel-augmentation/mobilenet-transfer", "random:60/20/20", weights=_MOBILENET
    ),
    "resnet2d-s": System("soundfusion/resnet2d-s", "random:80/10/10"),
    "mel-cnn": System("mel-augmentation/cnn", "random:60/20/20"),
    "resnet18": System("soundfusion/resnet18-imagenet", "random:80/10/10", weights=_RESNET18),
    "mobilenet-fine-tuned": System(
        "mel-augmentation/mobilenet-fine-tuned", "random:60/20/20", weights=_MOBILENET
    ),
    "nnet1": System("soundfusion/nnet1", "random:80/10/10"),
    "resnet2d-m": System("soundfusion/resnet2d-m", "random:80/10/10"),
    "nnet2": System("soundfusion/nnet2", "random:80/10/10", tuple(each.format("stft") for each in SMALL)),
    "vgg16-random": System(
        "mel-augmentation/vgg16-transfer",
        "random:60/20/20",
        (
            "training.weights=none", "training.frozen_epochs=0", "training.learning_rate=0.0001",
            *(each.format("picture") for each in SMALL),
        ),
    ),
}  # fmt: skip
"""In the order in which they are trained: a short training first."""

SLOWEST = ("vgg16-random",)
"""Trained after all others."""

COPYING = ("mel-cnn", "mobilenet-transfer")
"""The systems of the study of masked copies."""


class Task(NamedTuple):
    """A run to make: what, on which split, and whether it belongs to the study of copies."""

    system: str
    protocol: str
    seed: int
    fold: int = 0
    copies: str | None = None

    def made(self, run: Extract) -> bool:
        """Return whether a run is the one of this task."""
        mine = self.system, self.protocol, self.seed, self.copies
        fold = self.protocol != RANDOM or run.split.startswith(f"kfold-{self.fold}of")
        return fold and (run.system, run.protocol, run.seed, run.copies) == mine


def tasks(seeds: int, *, folds: int = FOLDS, only: Sequence[str] = ()) -> Iterator[Task]:
    """Yield all runs, the most telling first.

    One seed of the three splits of equal size comes first: they separate the artists from the number of
    clips. Then follow a random fold and the paper's split, the study of copies, more
    seeds, more folds, and at last `SLOWEST`.
    """
    wanted = [each for each in TRAINED_SYSTEMS if not only or each in only]
    systems, last = ([each for each in wanted if (each in SLOWEST) == slow] for slow in (False, True))
    for seed in range(seeds):
        for protocols in ((PUBLISHED, SAME_SIZES, ARTIST), (RANDOM, OWN)):
            for system in systems:
                for protocol in protocols:
                    yield Task(system, protocol, seed)
        for system in systems:
            if system in COPYING:
                for copies in (TRAINED, ALL):
                    yield Task(system, OWN, seed, copies=copies)
    for fold in range(1, folds):
        for seed in range(seeds):
            for system in systems:
                yield Task(system, RANDOM, seed, fold)
    for seed in range(seeds):
        for system in last:
            for protocol in (PUBLISHED, SAME_SIZES, ARTIST, OWN, RANDOM):
                yield Task(system, protocol, seed)


def open_runs(listed: Sequence[Task], runs: Sequence[Extract]) -> int:
    """Return how many of the listed runs are missing."""
    return sum(not any(task.made(run) for run in runs) for task in listed)
