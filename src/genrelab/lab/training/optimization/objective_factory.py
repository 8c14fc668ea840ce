"""From an experiment and its training clips to the loss."""

from __future__ import annotations

from typing import Any

from genrelab.lab.models import GenreNetwork
from genrelab.lab.training.dataset import TrainingSet
from genrelab.lab.training.distillation.distillation import clip_targets
from genrelab.lab.training.experiment import Experiment
from genrelab.lab.training.optimization.class_balance import class_weights
from genrelab.lab.training.optimization.objective import (
    UNLABELLED,
    DistillingObjective,
    Objective,
    embedding_lengths,
)


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
    found = experiment.distillation
    if found is None:
        return Objective(smoothing=smoothing, class_weights=weights), about
    usable = set(learning.copies[0].labels)
    fitted = [key for key in experiment.roles.learned if key in usable]
    targets = clip_targets(found, corpus, clips, fitted=fitted, seed=experiment.seed)
    objective = DistillingObjective(
        found.settings,
        targets,
        embeddings=embedding_lengths(
            network, channels=recipe.audio.channels, samples=recipe.audio.segment_samples
        ),
        smoothing=smoothing,
        class_weights=weights,
    )
    return objective, about | {"distilled": targets.about}
