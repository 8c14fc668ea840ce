"""From an experiment and its training clips to the loss."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from genrelab.lab.corpora.genre_table import genre_truth
from genrelab.lab.corpora.paths import printable
from genrelab.lab.corpora.tag_table import tag_truth
from genrelab.lab.models import GenreNetwork
from genrelab.lab.models.build import loss_of
from genrelab.lab.training.dataset import TrainingSet
from genrelab.lab.training.distillation.clip_answers import clip_answers
from genrelab.lab.training.distillation.distillation import Distillation, clip_targets
from genrelab.lab.training.distillation.genre_teacher import group_of
from genrelab.lab.training.distillation.linear_heads import Floats, genre_heads, tag_heads
from genrelab.lab.training.distillation.matching import Heads, MatchingSource
from genrelab.lab.training.distillation.taught import Source, TableSource
from genrelab.lab.training.distillation.teacher_set import NamedTeacher, taught_columns
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.class_balance import class_weights
from genrelab.lab.training.optimization.objective import (
    UNLABELLED,
    Distilling,
    Objective,
    embedding_lengths,
)
from genrelab.lab.training.optimization.tag_loss import TagLoss, TagTargets

_VIEWS = 256  # on which the arrays of teachers are standardized


def make_objective(
    experiment: Experiment, learning: TrainingSet, network: GenreNetwork
) -> tuple[Objective, dict[str, Any]]:
    """Return the loss of a training, and the record of what is trained on.

    Parameters
    ----------
    experiment : Experiment
    learning : TrainingSet
        The training clips.
    network : GenreNetwork

    Raises
    ------
    CorpusError
        If the genre teacher cannot be fitted.
    """
    recipe, corpus, clips = experiment.recipe, experiment.corpus, learning.clips
    training, guessed = recipe.training, set(experiment.guessed)
    smoothing = [
        training.guessed.smoothing if training.guessed and key in guessed else training.label_smoothing
        for key in clips
    ]
    classes = learning.classes()
    genres = experiment.classes
    weights = class_weights(classes, genres) if training.balance == "loss" else [1.0] * genres
    free = {key for each in learning.unlabelled for key in each.labels}
    about: dict[str, Any] = {
        "clips": {"labelled": len(clips) - len(free), "unlabelled": len(free)},
        "segments_per_epoch": {
            "labelled": sum(number != UNLABELLED for number in classes),
            "unlabelled": classes.count(UNLABELLED),
        },
        "guessed_labels": sum(key in guessed for key in clips),
    }
    distill = None
    found = experiment.distillation
    if found is not None:
        source, taught = (_matching if found.teachers else _table)(experiment, learning, found)
        about["distilled"] = taught
        distill = Distilling(
            found.settings,
            source,
            embeddings=embedding_lengths(
                network, channels=recipe.audio.channels, samples=recipe.audio.segment_samples
            ),
            maps=network.body.map_channels,
        )
    tags = None
    if recipe.tags is not None and experiment.tags:
        truth = tag_truth(corpus, clips, experiment.corpus_tags)
        tags = TagLoss(recipe.tags, TagTargets(experiment.tags, truth, len(experiment.taught_tags)))
        about["tags"] = {
            "corpus": {
                tag: int((column == 1).sum())
                for tag, column in zip(experiment.corpus_tags, truth.T, strict=True)
            },
            "taught": list(experiment.taught_tags),
        }
    loss = loss_of(training)
    table = genre_truth(corpus, clips) if loss.independent else None
    objective = Objective(
        smoothing=smoothing, class_weights=weights, distill=distill, tags=tags, loss=loss, genres=table
    )
    return objective, about


def _table(
    experiment: Experiment, learning: TrainingSet, found: Distillation
) -> tuple[Source, dict[str, Any]]:
    """Return the targets of a file."""
    usable = set(learning.copies[0].labels)
    fitted = [key for key in experiment.roles.learned if key in usable]
    targets = clip_targets(found, experiment.corpus, learning.clips, fitted=fitted, seed=experiment.seed)
    return TableSource(found.settings, targets), targets.about


def _matching(
    experiment: Experiment, learning: TrainingSet, found: Distillation
) -> tuple[Source, dict[str, Any]]:
    """Return teachers that process each view, with the heads that are fitted to training clips."""
    recipe, settings = experiment.recipe, found.settings
    about: dict[str, Any] = {
        "teachers": {printable(each.name): each.sha256 for each in found.teachers},
        "regress": dict(settings.regress),
        "tags": dict(settings.tags),
        "clips_with_targets": len(learning.clips),
        "clips_without_targets": 0,
        "unlabelled_left_out": dict(found.left_out),
    }
    heads = None
    if settings.genres is not None:
        heads, about["genres"] = _heads(experiment, learning, found)
    taught = {}
    if recipe.tags is not None:
        columns = taught_columns(recipe.tags, found.teachers)
        taught = {tag: columns[tag] for tag in experiment.taught_tags}
    source = MatchingSource(
        settings, found.teachers, sample_rate=recipe.audio.sample_rate, heads=heads, taught=taught
    )
    source.standardize(_some(learning), recipe.training.view_segments)
    return source, about


def _heads(
    experiment: Experiment, learning: TrainingSet, found: Distillation
) -> tuple[Heads | None, dict[str, Any]]:
    """Fit the linear heads to labelled and tagged training clips."""
    settings, recipe, clips = found.settings.genres, experiment.recipe, experiment.clips
    assert settings is not None
    tags = experiment.corpus_tags if recipe.tags is not None and recipe.tags.heads > 0 else ()
    asked = [key for key in learning.clips if clips[key].genre is not None or (tags and clips[key].tags)]
    features = np.zeros((len(asked), 0))
    for teacher in (each for each in found.teachers if all(map(each.takes, settings.arrays))):
        features = np.hstack([features, _features(experiment, learning, teacher, asked)])
    number = {genre: at for at, genre in enumerate(experiment.corpus.genres)}
    classes = np.array([number.get(clips[key].genre or "", UNLABELLED) for key in asked])
    rows = np.flatnonzero(classes != UNLABELLED)
    about = {
        **settings.model_dump(by_alias=True),
        "from": list(settings.arrays),
        "fitted_clips": len(rows),
    }
    if not len(rows):
        return None, about
    groups = [group_of(clips[asked[row]]) for row in rows]
    genres, of_row = genre_heads(
        features[rows], classes[rows], groups, genres=len(number), settings=settings, seed=experiment.seed
    )
    at = {key: place for place, key in enumerate(learning.clips)}
    of_clip = np.zeros(len(learning.clips), dtype=np.int64)
    of_clip[[at[asked[row]] for row in rows]] = of_row
    own = None
    if tags:
        truth = tag_truth(experiment.corpus, asked, tags)
        own = tag_heads(features, truth, strength=settings.C)
    return Heads(genres, of_clip, own), about


def _features(
    experiment: Experiment, learning: TrainingSet, teacher: NamedTeacher, asked: Sequence[str]
) -> Floats:
    """Return what the heads are fitted to for clips of both stores, `[clips, d]`."""
    recipe = experiment.recipe
    assert recipe.distill is not None and recipe.distill.genres is not None
    found: dict[str, Floats] = {}
    for part in (*learning.copies[:1], *learning.unlabelled[:1]):
        own = [key for key in asked if key in part.labels]
        if not own:
            continue
        answers = clip_answers(
            teacher,
            part.store,
            samples=recipe.audio.segment_samples * recipe.training.view_segments,
            report=experiment.progress(f"asking the teacher {teacher.name}"),
        )
        values = np.hstack([answers.of(name, own) for name in recipe.distill.genres.arrays])
        found |= dict(zip(own, values, strict=True))
    return np.stack([found[key] for key in asked])


def _some(learning: TrainingSet) -> Iterator[Tensor]:
    """Give evenly spread views of an epoch before all others."""
    chosen: Sequence[int] = np.linspace(0, len(learning) - 1, min(_VIEWS, len(learning))).astype(int).tolist()
    for begin in range(0, len(chosen), 8):
        yield torch.stack([learning.waveform((0, number)) for number in chosen[begin : begin + 8]])
