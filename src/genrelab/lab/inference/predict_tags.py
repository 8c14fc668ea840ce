"""A network's probabilities of tags for the tested clips of an experiment, beside those of its teachers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.utils.data import DataLoader

from genrelab.lab.corpora.genre_table import genre_tags, genre_truth
from genrelab.lab.corpora.tag_table import UNKNOWN, tag_truth
from genrelab.lab.inference.predict import TestSet, groups_of, use_kept_outputs
from genrelab.lab.metrics.tag_predictions import TagPredictions, pool_tags
from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.duration import shortest_samples
from genrelab.lab.recipes.schema import Audio
from genrelab.lab.training.dataset import EqualBatches, HeldOutDataset
from genrelab.lab.training.distillation.clip_answers import clip_answers
from genrelab.lab.training.distillation.teacher_set import taught_columns
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.objective import UNLABELLED
from genrelab.lab.training.store.audio_store import AudioStore
from genrelab.lab.training.train import resolve_device

_BATCH = 32


def predict_tags(
    network: GenreNetwork, experiment: Experiment, *, device: str = "auto"
) -> TagPredictions | None:
    """Predict the tags of every segment of the tested clips, with and without a genre.

    Parameters
    ----------
    network : GenreNetwork
    experiment : Experiment
    device : {"auto", "cpu", "gpu"}

    Returns
    -------
    TagPredictions or None
        With the probabilities of teachers for the tags that they give. None for a network without tags.
        Independent genres are tags of the kind `genre`.
    """
    if network.independent:
        ids = [key for key in experiment.roles.tested if key in experiment.store]
        return predict_genres(
            network, TestSet(experiment.corpus, ids, experiment.store, experiment.recipe.audio), device=device
        )
    if network.tags is None or not experiment.tags:
        return None
    tested = experiment.roles.tested
    stores: list[AudioStore] = [experiment.store]
    if experiment.tags_only_store is not None:
        stores.append(experiment.tags_only_store)
    parts = [(store, [key for key in tested if key in store]) for store in stores]
    made = [_predicted(network, experiment, store, ids, device) for store, ids in parts if ids]
    return pool_tags(made) if made else None


def predict_genres(network: GenreNetwork, tested: TestSet, *, device: str = "auto") -> TagPredictions:
    """Predict independent genres of every segment of clips, as tags.

    Parameters
    ----------
    network : GenreNetwork
        With independent genres.
    tested : TestSet
        All of its clips are in its store and have genres.
    device : {"auto", "cpu", "gpu"}
    """
    corpus, ids = tested.corpus, list(tested.ids)
    clips, probabilities = _probabilities(network, tested.store, ids, tested.audio, device)
    row = {key: at for at, key in enumerate(ids)}
    truth = genre_truth(corpus, ids)[[row[key] for key in clips]]
    return TagPredictions(genre_tags(corpus.genres), clips, truth, probabilities, groups_of(corpus, ids))


def _probabilities(
    network: GenreNetwork, store: AudioStore, ids: Sequence[str], audio: Audio, device: str
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the clip of each segment, and its probabilities of tags `[segments, tags]`."""
    place = torch.device("cuda" if resolve_device(device)[0] == "gpu" else "cpu")
    labels = dict.fromkeys(ids, UNLABELLED)
    dataset = HeldOutDataset(store, labels, audio, shortest=shortest_samples(network, audio))
    network = network.to(place).eval()
    use_kept_outputs(network, dataset)
    blocks = []
    with torch.inference_mode():
        for waveform, _ in DataLoader(dataset, batch_sampler=EqualBatches(dataset, _BATCH)):
            found = network(waveform.to(place)).tags
            assert found is not None
            blocks.append(torch.sigmoid(found.double()).cpu().numpy())
    return tuple(item.clip_id for item in dataset.items), np.concatenate(blocks)


def _predicted(
    network: GenreNetwork, experiment: Experiment, store: AudioStore, ids: Sequence[str], device: str
) -> TagPredictions:
    tags = experiment.tags
    clips, probabilities = _probabilities(network, store, ids, experiment.recipe.audio, device)
    truth = np.full((len(ids), len(tags)), UNKNOWN, dtype=np.int8)
    truth[:, : len(experiment.corpus_tags)] = tag_truth(experiment.corpus, ids, experiment.corpus_tags)
    row = {key: at for at, key in enumerate(ids)}
    rows = [row[key] for key in clips]
    predictions = TagPredictions(tags, clips, truth[rows], probabilities, groups_of(experiment.corpus, ids))
    teacher = _teacher(experiment, store, ids)
    return predictions if teacher is None else replace(predictions, teacher=teacher[rows])


def _teacher(experiment: Experiment, store: AudioStore, ids: Sequence[str]) -> np.ndarray | None:
    """Return the teachers' probabilities `[clips, tags]`, NaN for tags that they do not give."""
    settings, found, recipe = experiment.recipe.tags, experiment.distillation, experiment.recipe
    if settings is None or found is None or not experiment.taught_tags:
        return None
    samples = recipe.audio.segment_samples * recipe.training.view_segments
    every = np.concatenate(
        [
            clip_answers(
                each, store, samples=samples, report=experiment.progress(f"asking the teacher {each.name}")
            ).of("tags", ids)
            for each in found.teachers
        ],
        axis=1,
    )
    columns = taught_columns(settings, found.teachers)
    values = np.full((len(ids), len(experiment.tags)), np.nan)
    for tag in experiment.taught_tags:
        values[:, experiment.tags.index(tag)] = every[:, columns[tag]].max(axis=1)
    return values
