"""Segments of a store's clips, for training and for testing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from genrelab.audio.pad import fit_length
from genrelab.audio.segments import segment_starts
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.training.store import AudioStore


class Item(NamedTuple):
    """A segment by name: which clip, and where it starts in samples."""

    clip_id: str
    start: int


Example = tuple[Tensor, int]


class EpochSampler(Sampler[tuple[int, int]]):
    """Give `(epoch, number of the item)` pairs, so that an item's random values follow from its key.

    Lightning calls `set_epoch`. The order of an epoch comes from the seed and the epoch alone, so that
    a run that goes on gives what an undisturbed one gives.

    Parameters
    ----------
    length : int
        Number of items.
    seed : int
    shuffle : bool
        Else in order, and always as epoch 0.
    """

    def __init__(self, length: int, *, seed: int, shuffle: bool) -> None:
        self.length = length
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Begin the epoch of this number."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if not self.shuffle:
            return iter([(0, index) for index in range(self.length)])
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.length)
        return iter([(self.epoch, int(index)) for index in order])


class SegmentDataset(Dataset[Example]):
    """Segments with their class numbers, asked for by `(epoch, number)`.

    Parameters
    ----------
    store : AudioStore
    labels : mapping of str to int
        Clip id -> class number; these clips are used, in this order.
    audio : Audio
        Segment, overlap and padding of the recipe.
    seed : int
        Of the random places and of random padding.
    drawn : int or None
        Segments at random places of each clip in an epoch; None takes the fixed ones of the overlap.
    spread : int or None
        At most so many of the fixed segments of a clip, evenly spread; None takes all.
    testing : bool
        Pad short clips as recognition does, where nothing is random: `random` padding becomes `end`.
    """

    def __init__(
        self,
        store: AudioStore,
        labels: Mapping[str, int],
        audio: Audio,
        *,
        seed: int,
        drawn: int | None = None,
        spread: int | None = None,
        testing: bool = False,
    ) -> None:
        self.store = store
        self.labels = labels
        self.audio = audio
        self.seed = seed
        self.drawn = drawn
        self.padding = "end" if testing and audio.padding == "random" else audio.padding
        self.items = [
            Item(clip_id, start)
            for clip_id in labels
            for start in ([0] * drawn if drawn else self._starts(clip_id, spread))
        ]

    def _starts(self, clip_id: str, spread: int | None) -> list[int]:
        frames = self.store.frames(clip_id)
        starts = segment_starts(frames, self.audio.segment_samples, self.audio.hop_samples)
        if spread is None or len(starts) <= spread:
            return starts
        middles = (np.arange(spread) + 0.5) * len(starts) / spread
        return [starts[int(middle)] for middle in middles]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: tuple[int, int]) -> Example:
        epoch, index = key
        clip_id, start = self.items[index]
        length = self.audio.segment_samples
        rng = np.random.default_rng([self.seed, epoch, index])
        if self.drawn:
            start = int(rng.integers(0, max(0, self.store.frames(clip_id) - length) + 1))
        waveform = self.store.read(clip_id, start, length)
        fitted = fit_length(waveform, length, padding=self.padding, rng=rng)
        return torch.from_numpy(fitted), self.labels[clip_id]
