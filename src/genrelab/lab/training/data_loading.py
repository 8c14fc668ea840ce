"""What a training learns and what chooses its epoch, as datasets and loaders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch.utils.data import DataLoader

from genrelab.errors import CorpusError
from genrelab.lab.augment.copies import PictureCopy, make_copy
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.duration import shortest_samples
from genrelab.lab.recipes import Recipe
from genrelab.lab.recipes.schema import Training
from genrelab.lab.training.dataset import (
    EpochSampler,
    EqualBatches,
    HeldOutDataset,
    SegmentDataset,
    TrainingSet,
)
from genrelab.lab.training.optimization.class_balance import BalancedSampler
from genrelab.lab.training.optimization.objective import UNLABELLED
from genrelab.lab.training.split_roles import copied_ids, labels_of, parts_used
from genrelab.lab.training.store.audio_store import AudioStore, open_store
from genrelab.lab.training.store.build import Which

_GPU_WORKERS = 4
Report = Callable[[str, int, int], None]


def training_set(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    store: AudioStore,
    *,
    seed: int,
    unlabelled: Sequence[str] = (),
    report: Report | None = None,
) -> TrainingSet:
    """Return what a recipe learns of a split: the segments of clips, and of their copies.

    The sound of copies is made of the whole corpus and kept, as a store is, for other splits and seeds.

    Parameters
    ----------
    recipe : Recipe
    corpus : Corpus
    split : Split
    store : AudioStore
        Of the corpus's labelled clips, at the recipe's rate.
    seed : int
    unlabelled : sequence of str
        Clips without a genre that are learned, too; their copies also are.
    report : callable or None
        Called with what is decoded or copied, how much of it is done, and of how much.

    Raises
    ------
    CorpusError
        If no clip is left to train, or no copy can be made.
    """
    audio, drawn = recipe.audio, recipe.training.segments_per_clip

    def opened(of: Corpus, which: Which, doing: str) -> AudioStore:
        return open_store(
            of,
            sample_rate=audio.sample_rate,
            channels=audio.channels,
            which=which,
            report=partial(report, doing) if report else None,
        )

    def segments(where: AudioStore, labels: dict[str, int], copy: int) -> SegmentDataset:
        return SegmentDataset(where, labels, audio, seed=seed, drawn=drawn, copy=copy)

    learned, _ = parts_used(recipe.training, split)
    made = [segments(store, labels_or_error(corpus, split, store, "train", learned), 0)]
    free, extra = None, []
    if unlabelled:
        free = opened(corpus, "unlabelled", "decoding unlabelled clips")
        extra.append(segments(free, _no_labels(unlabelled, free), 0))
    for number, part in enumerate(recipe.augment.copies, start=1):
        copy = make_copy(part.kind, part.options())
        where, free_copy = store, free
        if not isinstance(copy, PictureCopy):
            changed, doing = derive(corpus, copy), f"copying with {copy.name}"
            where = opened(changed, "labelled", doing)
            free_copy = opened(changed, "unlabelled", doing) if unlabelled else None
        made.append(segments(where, labels_of(corpus, copied_ids(recipe, split), where), number))
        if free_copy is not None:
            extra.append(segments(free_copy, _no_labels(unlabelled, free_copy), number))
    return TrainingSet(made, extra)


def choosing_set(
    recipe: Recipe, corpus: Corpus, split: Split, store: AudioStore, network: GenreNetwork, *, seed: int
) -> SegmentDataset | None:
    """Return the segments that choose the epoch; None if nothing chooses.

    Raises
    ------
    CorpusError
        If none is usable.
    """
    settings, audio = recipe.training, recipe.audio
    if settings.choose_epoch_on == "none":
        return None
    _, choosing = parts_used(settings, split)
    labels = labels_or_error(corpus, split, store, settings.choose_epoch_on, choosing)
    most, shortest = settings.valid_segments_per_clip, shortest_samples(network, audio)
    return HeldOutDataset(store, labels, audio, most=most, shortest=shortest)


def labels_or_error(
    corpus: Corpus, split: Split, store: AudioStore, part: str, ids: Sequence[str]
) -> dict[str, int]:
    """Return `labels_of` clips, or raise `CorpusError` if that is nothing."""
    labels = labels_of(corpus, ids, store)
    if not labels:
        raise CorpusError(
            f"the {part} part of the split {split.name!r} of {corpus.name!r} holds no usable clip"
        )
    return labels


def learning_loader(dataset: TrainingSet, training: Training, *, seed: int, gpu: bool) -> DataLoader[Any]:
    """Return the loader of an epoch's batches."""
    size = training.batch_size
    return DataLoader(
        dataset,
        batch_size=size,
        sampler=BalancedSampler(dataset.classes(), seed=seed)
        if training.balance == "sampler"
        else EpochSampler(len(dataset), seed=seed, shuffle=True),
        # A last batch of one item has no variance for batch norm.
        drop_last=len(dataset) > size and len(dataset) % size == 1,
        **_workers(gpu),
    )


def choosing_loader(
    dataset: SegmentDataset | None, training: Training, *, gpu: bool
) -> DataLoader[Any] | None:
    """Return the loader of what chooses the epoch; None if nothing does."""
    if dataset is None:
        return None
    return DataLoader(dataset, batch_sampler=EqualBatches(dataset, training.batch_size), **_workers(gpu))


def _no_labels(ids: Sequence[str], store: AudioStore) -> dict[str, int]:
    return {key: UNLABELLED for key in ids if key in store}


def _workers(gpu: bool) -> dict[str, Any]:
    return {
        "num_workers": _GPU_WORKERS if gpu else 0,
        "persistent_workers": gpu,
        "pin_memory": gpu,
    }
