"""The training clips and the clips that choose the epoch, as datasets and loaders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.utils.data import BatchSampler, DataLoader, Sampler

from genrelab.lab.augment.copies import PictureCopy, make_copy
from genrelab.lab.corpora.genre_table import genre_truth
from genrelab.lab.corpora.transforms.transformed_corpus import derive
from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.duration import shortest_samples
from genrelab.lab.recipes.schema import Recipe, Training
from genrelab.lab.training.dataset import (
    Drawn,
    EpochSampler,
    EqualBatches,
    HeldOutDataset,
    SegmentDataset,
    TrainingSet,
    WithGenres,
)
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.class_balance import BalancedSampler
from genrelab.lab.training.optimization.objective import UNLABELLED
from genrelab.lab.training.parallel.part import Division, OwnItems
from genrelab.lab.training.parallel.place import Place
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.store.frontend_outputs import Keeping, kept_outputs

_GPU_WORKERS = 4


def training_set(experiment: Experiment) -> TrainingSet:
    """Return what an experiment trains on: the segments of clips, and of their copies.

    The sound of copies is made for the whole corpus and kept in a store, for other splits and seeds.

    Raises
    ------
    CorpusError
        If no clip is left to train on, or no copy can be made.
    """
    recipe, corpus, unlabelled = experiment.recipe, experiment.corpus, experiment.unlabelled
    roles, settings = experiment.roles, recipe.training
    drawn = Drawn(settings.segments_per_clip, settings.view_segments) if settings.segments_per_clip else None

    def segments(where: AudioStore, labels: dict[str, int], copy: int) -> SegmentDataset:
        return SegmentDataset(where, labels, recipe.audio, seed=experiment.seed, drawn=drawn, copy=copy)

    made = []
    if experiment.has_labels or not unlabelled:
        made.append(segments(experiment.store, experiment.labels_or_error("train", roles.learned), 0))
    free, extra = None, []
    if unlabelled:
        free = experiment.unlabelled_store
        extra.append(segments(free, _no_labels(unlabelled, free), 0))
    for number, part in enumerate(recipe.augment.copies, start=1):
        copy = make_copy(part.kind, part.options())
        where, free_copy = experiment.store if made else None, free
        if not isinstance(copy, PictureCopy):
            changed, doing = derive(corpus, copy), f"copying with {copy.name}"
            where = experiment.open_store(changed, "labelled", doing) if made else None
            free_copy = experiment.open_store(changed, "unlabelled", doing) if unlabelled else None
        if where is not None:
            made.append(segments(where, experiment.labels(roles.copied, where), number))
        if free_copy is not None:
            extra.append(segments(free_copy, _no_labels(unlabelled, free_copy), number))
    return TrainingSet(made, extra)


def choosing_set(experiment: Experiment, network: GenreNetwork) -> SegmentDataset | None:
    """Return the segments that choose the epoch; None if nothing chooses.

    Raises
    ------
    CorpusError
        If none is usable.
    """
    settings, audio = experiment.recipe.training, experiment.recipe.audio
    if settings.choose_epoch_on == "none":
        return None
    labels = experiment.labels_or_error(settings.choose_epoch_on, experiment.roles.choosing)
    most, shortest = settings.valid_segments_per_clip, shortest_samples(network, audio)
    if not network.independent:
        return HeldOutDataset(experiment.store, labels, audio, most=most, shortest=shortest)
    truth = torch.from_numpy(genre_truth(experiment.corpus, list(labels)).astype(np.float32))
    genres = dict(zip(labels, truth, strict=True))
    return WithGenres(experiment.store, labels, audio, genres=genres, most=most, shortest=shortest)


def keep_outputs(
    experiment: Experiment,
    network: GenreNetwork,
    learning: TrainingSet,
    choosing: SegmentDataset | None,
) -> None:
    """Let datasets give kept outputs of fixed front-ends wherever no waveform is changed or drawn.

    Parameters
    ----------
    experiment : Experiment
    network : GenreNetwork
        Its front-ends compute what is missing, where they are.
    learning : TrainingSet
    choosing : SegmentDataset or None
    """
    parts = [*learning.copies, *learning.unlabelled] if _hears_the_store(experiment.recipe) else []
    # All or none: a batch holds waveforms or outputs.
    if any(part.grid() is None for part in parts):
        parts = []
    options = Keeping(experiment.verify, experiment.progress("computing front-ends"))
    found = []
    for part in parts:
        grid = part.grid()
        assert grid is not None
        found.append(kept_outputs(network, part.store, grid, list(part.labels), options=options))
        if found[-1] is None or found[-1].kept.keys() != (found[0] or found[-1]).kept.keys():
            found = []
            break
    for part, outputs in zip(parts if found else [], found, strict=True):
        part.outputs = outputs
    if choosing is not None and (grid := choosing.grid()) is not None:
        choosing.outputs = kept_outputs(network, choosing.store, grid, list(choosing.labels), options=options)


def _hears_the_store(recipe: Recipe) -> bool:
    """Return whether front-ends get training segments as the stores hold them."""
    training, augment = recipe.training, recipe.augment
    changed = bool(augment.waveform) and augment.probability > 0
    taught = recipe.distill is not None and bool(recipe.distill.teachers)
    return not (changed or taught or training.mixup or training.not_music or training.view_segments > 1)


def learning_loader(
    dataset: TrainingSet, training: Training, *, seed: int, gpu: bool, place: Place | None = None
) -> DataLoader[Any]:
    """Return the loader of an epoch's batches, or of the own items of each batch."""
    size = training.batch_size
    sampler: Sampler[Any] = (
        BalancedSampler(dataset.classes(), seed=seed)
        if training.balance == "sampler"
        else EpochSampler(len(dataset), seed=seed, shuffle=True)
    )
    # A last batch of one item has no variance for batch norm.
    drop_last = len(dataset) > size and len(dataset) % size == 1
    if place is None:
        return DataLoader(dataset, batch_size=size, sampler=sampler, drop_last=drop_last, **_workers(gpu))
    batches = BatchSampler(sampler, size, drop_last)
    own = OwnItems(batches, process=place.rank, processes=place.size)
    return DataLoader(dataset, batch_sampler=own, **_workers(gpu))


def division_of(dataset: TrainingSet, training: Training, place: Place) -> Division:
    """Return how the batches of `learning_loader` are divided among processes."""
    return Division(place.rank, place.size, len(dataset), training.batch_size)


def choosing_loader(
    dataset: SegmentDataset | None, training: Training, *, gpu: bool, place: Place | None = None
) -> DataLoader[Any] | None:
    """Return the loader of what chooses the epoch, or of the own batches of it; None if nothing does.

    If there are fewer batches than processes, every process gets all of them.
    """
    if dataset is None:
        return None
    batches = EqualBatches(dataset, training.batch_size)
    if place is not None and len(batches) >= place.size:
        batches.batches = batches.batches[place.rank :: place.size]
    return DataLoader(dataset, batch_sampler=batches, **_workers(gpu))


def _no_labels(ids: Sequence[str], store: AudioStore) -> dict[str, int]:
    return {key: UNLABELLED for key in ids if key in store}


def _workers(gpu: bool) -> dict[str, Any]:
    return {
        "num_workers": _GPU_WORKERS if gpu else 0,
        "persistent_workers": gpu,
        "pin_memory": gpu,
    }
