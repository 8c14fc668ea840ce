"""From a recipe and the clips that it learns to the loss of its training."""

from __future__ import annotations

from typing import Any

from genrelab.lab.corpora.types import Corpus, Split
from genrelab.lab.models import GenreNetwork
from genrelab.lab.recipes import Recipe
from genrelab.lab.training.dataset import TrainingSet
from genrelab.lab.training.distillation.distillation import Distillation, guessed_clips, lesson_of
from genrelab.lab.training.optimization.class_balance import class_weights
from genrelab.lab.training.optimization.objective import (
    UNLABELLED,
    DistillingObjective,
    Objective,
    embedding_lengths,
)
from genrelab.lab.training.split_roles import parts_used


def make_objective(
    recipe: Recipe,
    corpus: Corpus,
    split: Split,
    learning: TrainingSet,
    found: Distillation | None,
    network: GenreNetwork,
    *,
    seed: int,
) -> tuple[Objective, dict[str, Any]]:
    """Return the loss of a training, and what is to be said of what is learned.

    Parameters
    ----------
    recipe, corpus, split : Recipe, Corpus, Split
    learning : TrainingSet
        What is learned.
    found : Distillation or None
        The targets, if the recipe wants such.
    network : GenreNetwork
    seed : int

    Raises
    ------
    CorpusError
        If the teacher of genres cannot be fitted.
    """
    training, clips = recipe.training, learning.clips
    guessed = set(guessed_clips(training, corpus))
    smoothing = [
        training.guessed.smoothing if training.guessed and key in guessed else training.label_smoothing
        for key in clips
    ]
    classes = learning.classes()
    genres = len(corpus.genres)
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
    if found is None:
        return Objective(smoothing=smoothing, class_weights=weights), about
    fitted = [key for key in parts_used(training, split)[0] if key in set(learning.copies[0].labels)]
    lesson = lesson_of(found, corpus, clips, fitted=fitted, seed=seed)
    objective = DistillingObjective(
        found.settings,
        lesson,
        embeddings=embedding_lengths(
            network, channels=recipe.audio.channels, samples=recipe.audio.segment_samples
        ),
        smoothing=smoothing,
        class_weights=weights,
    )
    return objective, about | {"distilled": lesson.about}
