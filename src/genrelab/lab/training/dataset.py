"""Segments of the clips in a store, for training and testing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from genrelab.audio.pad import Padding, fit_length
from genrelab.audio.segments import segment_starts
from genrelab.lab.models.base import Sound
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.filled import filled
from genrelab.lab.training.store.frontend_outputs import FrontendOutputs, Grid

_GRID = 3  # stream of random values that orders the starts of a clip


class Item(NamedTuple):
    """A segment: its clip, and its start in samples; of drawn segments, the number of the view instead."""

    clip_id: str
    start: int


Example = tuple[Sound, int]
TrainingExample = tuple[Sound, int, int, int]
"""A segment, its class number, the number of the copy (0 is the clip itself), the number of the clip."""


class Drawn(NamedTuple):
    """How many views an epoch draws of each clip at random places, and how many segments each has.

    With `grid`, views start where the segments of a test start, and no two of an epoch at the same place
    while the clip has other places.
    """

    views: int
    segments: int = 1
    grid: bool = False


class EpochSampler(Sampler[tuple[int, int]]):
    """Yield keys `(epoch, number of the item)`, which determine the random values of the item.

    Lightning calls `set_epoch`. The order of an epoch depends only on the seed and the epoch: a resumed run
    gives the same result as an undisturbed one.

    Parameters
    ----------
    length : int
        Number of items.
    seed : int
    shuffle : bool
        If false, items come in order and always as epoch 0.
    """

    def __init__(self, length: int, *, seed: int, shuffle: bool) -> None:
        self.length = length
        self.seed = seed
        self.shuffle = shuffle
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Start an epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[tuple[int, int]]:
        if not self.shuffle:
            return iter([(0, index) for index in range(self.length)])
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.length)
        return iter([(self.epoch, int(index)) for index in order])


class RepeatingSampler(Sampler[tuple[int, int]]):
    """Yield the keys of a few epochs in turns.

    Parameters
    ----------
    sampler : EpochSampler or BalancedSampler
    epochs : int > 0
        Number of different epochs.
    """

    def __init__(self, sampler: Any, epochs: int) -> None:
        self.sampler = sampler
        self.epochs = epochs

    def set_epoch(self, epoch: int) -> None:
        """Start an epoch."""
        self.sampler.set_epoch(epoch % self.epochs)

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self.sampler)


class SegmentDataset(Dataset[Example]):
    """Segments with their class numbers, indexed by `(epoch, number)`.

    Parameters
    ----------
    store : AudioStore
    labels : mapping of str to int
        Clip id -> class number, in the order of the dataset.
    audio : Audio
        Segment, overlap, padding and shortest clip of the recipe.
    seed : int
        Seed of random places and random padding.
    drawn : Drawn or None
        Views at random places; None takes the segments that the overlap fixes.
    copy : int
        Number of the copy of the clips; each copy has its own random places.

    Attributes
    ----------
    outputs : FrontendOutputs or None
        Kept outputs of front-ends, which then come in place of waveforms.
    """

    def __init__(
        self,
        store: AudioStore,
        labels: Mapping[str, int],
        audio: Audio,
        *,
        seed: int = 0,
        drawn: Drawn | None = None,
        copy: int = 0,
    ) -> None:
        self.store = filled(store, audio)
        self.labels = labels
        self.audio = audio
        self.seed = seed
        self.drawn = drawn
        self.copy = copy
        self.outputs: FrontendOutputs | None = None
        self.padding: Padding = "repeat" if audio.padding == "none" else audio.padding
        self.length = audio.segment_samples * (drawn.segments if drawn else 1)
        self.shortest = self.length
        self.items = [Item(clip_id, start) for clip_id in labels for start in self._starts(clip_id)]

    def _starts(self, clip_id: str) -> list[int]:
        if self.drawn:
            return list(range(self.drawn.views))
        frames = self.store.frames(clip_id)
        return segment_starts(frames, self.audio.segment_samples, self.audio.hop_samples)

    def __len__(self) -> int:
        return len(self.items)

    def samples(self, number: int) -> int:
        """Return the length of a segment in samples."""
        clip_id, start = self.items[number]
        return max(self.shortest, min(self.length, self.store.frames(clip_id) - start))

    def grid(self) -> Grid | None:
        """Return how the clips are cut; None if segments are left to chance or have several lengths."""
        short = any(self.store.frames(clip_id) < self.length for clip_id in self.labels)
        if self.drawn or (short and (self.padding == "random" or self.shortest < self.length)):
            return None
        padding: Padding = "end" if self.padding == "random" else self.padding
        return Grid(self.length, self.audio.hop_samples, padding)

    def __getitem__(self, key: tuple[int, int]) -> Example:
        clip_id, start = self.items[key[1]]
        sound = self.waveform(key) if self.outputs is None else self.outputs.ready(clip_id, start)
        return sound, self.labels[clip_id]

    def waveform(self, key: tuple[int, int]) -> Tensor:
        """Return the waveform of an item, `[channels, samples]`."""
        epoch, index = key
        clip_id, start = self.items[index]
        length = self.length
        rng = np.random.default_rng([self.seed, epoch, index, self.copy])
        if self.drawn and self.drawn.grid:
            start = self._on_grid(clip_id, epoch, view=start, first=index - start)
        elif self.drawn:
            start = int(rng.integers(0, max(0, self.store.frames(clip_id) - length) + 1))
        waveform = self.store.read(clip_id, start, length)
        size = max(self.shortest, waveform.shape[-1])
        fitted = fit_length(waveform, size, padding=self.padding, rng=rng)
        return torch.from_numpy(fitted)

    def _on_grid(self, clip_id: str, epoch: int, *, view: int, first: int) -> int:
        """Return the start of a view: all views of the clip follow one random order of its grid.

        `first` is the number of the clip's first item, which stands for the clip.
        """
        starts = segment_starts(self.store.frames(clip_id), self.length, self.audio.hop_samples)
        order = np.random.default_rng([self.seed, epoch, first, self.copy, _GRID]).permutation(len(starts))
        return starts[int(order[view % len(starts)])]


class HeldOutDataset(SegmentDataset):
    """Segments for validation and testing: short clips are padded as in recognition, without randomness.

    `random` padding becomes `end`.

    Parameters
    ----------
    store, labels, audio
        See `SegmentDataset`.
    most : int or None
        Largest number of segments per clip, evenly spread over it; None takes all.
    shortest : int or None
        Length in samples to which a shorter clip is padded; None is a whole segment. A longer clip, up to a
        segment, stays as it is.
    """

    def __init__(
        self,
        store: AudioStore,
        labels: Mapping[str, int],
        audio: Audio,
        *,
        most: int | None = None,
        shortest: int | None = None,
    ) -> None:
        self.most = most
        super().__init__(store, labels, audio)
        self.padding = "end" if self.padding == "random" else self.padding
        self.shortest = self.shortest if shortest is None else shortest

    def _starts(self, clip_id: str) -> list[int]:
        starts = super()._starts(clip_id)
        if self.most is None or len(starts) <= self.most:
            return starts
        middles = (np.arange(self.most) + 0.5) * len(starts) / self.most
        return [starts[int(middle)] for middle in middles]


class WithGenres(HeldOutDataset):
    """Held-out segments with all genres of their clips, `[genres]` of 0 and 1, behind the class number.

    Parameters
    ----------
    store, labels, audio, most, shortest
        See `HeldOutDataset`.
    genres : mapping of str to Tensor
        By clip id.
    """

    def __init__(self, *args: Any, genres: Mapping[str, Tensor], **options: Any) -> None:
        super().__init__(*args, **options)
        self.genres = genres

    def __getitem__(self, key: tuple[int, int]) -> Any:
        return *super().__getitem__(key), self.genres[self.items[key[1]].clip_id]


class EqualBatches(Sampler[list[tuple[int, int]]]):
    """Yield batches of keys in order, each of segments of equal length; all as epoch 0.

    Parameters
    ----------
    dataset : SegmentDataset
    size : int > 0
        Largest number of segments in a batch.
    """

    def __init__(self, dataset: SegmentDataset, size: int) -> None:
        self.batches: list[list[tuple[int, int]]] = []
        for _, numbers in groupby(range(len(dataset)), key=dataset.samples):
            keys = [(0, number) for number in numbers]
            self.batches += [keys[begin : begin + size] for begin in range(0, len(keys), size)]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self.batches)


class TrainingSet(Dataset[TrainingExample]):
    """Clips and their copies as one dataset, indexed by `(epoch, number)`.

    Parameters
    ----------
    copies : sequence of SegmentDataset
        The clips, then their copies.
    unlabelled : sequence of SegmentDataset
        Clips without a genre, whose class number is -1, then their copies.

    Attributes
    ----------
    clips : tuple of str
        The ids of all clips; the number of a clip is its index.
    """

    def __init__(self, copies: Sequence[SegmentDataset], unlabelled: Sequence[SegmentDataset] = ()) -> None:
        self.copies = copies
        self.unlabelled = unlabelled
        every = [*copies, *unlabelled]
        self.clips = tuple(dict.fromkeys(key for each in every for key in each.labels))
        self._number = {key: number for number, key in enumerate(self.clips)}
        self.items = [(each, index) for each in every for index in range(len(each))]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, key: tuple[int, int]) -> TrainingExample:
        epoch, number = key
        copy, index = self.items[number]
        sound, label = copy[epoch, index]
        return sound, label, copy.copy, self._number[copy.items[index].clip_id]

    def waveform(self, key: tuple[int, int]) -> Tensor:
        """Return the waveform of an item, `[channels, samples]`."""
        epoch, number = key
        copy, index = self.items[number]
        return copy.waveform((epoch, index))

    def classes(self) -> list[int]:
        """Return the class number of each item."""
        return [copy.labels[copy.items[index].clip_id] for copy, index in self.items]
