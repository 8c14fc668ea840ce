"""From a recipe to its network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from genrelab.errors import RecipeError
from genrelab.lab.augment import AUGMENTATIONS, Pipeline
from genrelab.lab.augment.copies import PictureCopy, make_copy
from genrelab.lab.frontends import FRONTENDS
from genrelab.lab.losses import LOSSES, GenreLoss
from genrelab.lab.models.base import MODELS, Body, GenreNetwork, Scores, Shape
from genrelab.lab.models.duration import check_duration
from genrelab.lab.recipes.schema import Component, Recipe, Training


def _pipeline(steps: Sequence[Component], probability: float) -> Pipeline:
    made = [AUGMENTATIONS.create(step.kind, step.options()) for step in steps]
    return Pipeline(made, probability=probability)


def build_network(recipe: Recipe, *, genres: int, tags: int = 0) -> GenreNetwork:
    """Build the network that a recipe describes, with weights from torch's global generator.

    Parameters
    ----------
    recipe : Recipe
    genres : int > 1
        Number of classes.
    tags : int >= 0
        Number of tags.

    Returns
    -------
    GenreNetwork

    Raises
    ------
    RecipeError
        If the recipe names a front-end, augmentation, model or option that does not exist, or parts
        that do not fit together.
    """
    audio = recipe.audio
    frontends = {
        name: FRONTENDS.create(
            part.kind, part.options(), sample_rate=audio.sample_rate, channels=audio.channels
        )
        for name, part in recipe.inputs.items()
    }
    for name, part in recipe.inputs.items():
        made_from = [part.kind, part.options(), audio.sample_rate, audio.channels]
        frontends[name].made_from = json.dumps(made_from, sort_keys=True, default=str)
    shapes = {name: frontend.output_shape(audio.segment_samples) for name, frontend in frontends.items()}
    body = MODELS.create(recipe.model.kind, recipe.model.options(), inputs=shapes, genres=genres)
    check_duration(body, audio)
    loss = loss_of(recipe.training)
    if loss.independent:
        _check_independent(recipe, body)
    augment = recipe.augment
    copies = enumerate((make_copy(part.kind, part.options()) for part in augment.copies), start=1)
    return GenreNetwork(
        frontends,
        body,
        augment=_pipeline(augment.waveform, augment.probability),
        input_augments={
            name: _pipeline(steps, augment.probability) for name, steps in augment.inputs.items() if steps
        },
        copies={number: copy for number, copy in copies if isinstance(copy, PictureCopy)},
        tags=nn.Linear(_embedding_length(body, shapes), tags) if tags else None,
        independent=loss.independent,
    )


def loss_of(training: Training) -> GenreLoss:
    """Return the loss of genres that a recipe names.

    Raises
    ------
    RecipeError
        If there is no such loss, or it has no such option.
    """
    return LOSSES.create(training.loss.kind, training.loss.options())


def _check_independent(recipe: Recipe, body: Body) -> None:
    """Refuse what a network of independent genres cannot be combined with.

    Raises
    ------
    RecipeError
        If something assumes that the genres of a clip exclude each other.
    """
    training, where = recipe.training, f"training.loss={recipe.training.loss.kind}"
    if body.averages_probabilities:
        raise RecipeError(
            f"{where} has independent genres, and model.kind={recipe.model.kind} averages probabilities of "
            "genres that exclude each other. Train one of its networks",
            code="independent-and-averaged",
        )
    others = {
        "tags": recipe.tags is not None,
        "distill": recipe.distill is not None,
        "training.not_music": training.not_music is not None,
        "training.balance=loss": training.balance == "loss",
    }
    for name, there in others.items():
        if there:
            raise RecipeError(
                f"{where} has independent genres, which {name} cannot be combined with. Remove one of them",
                code="independent-and-other",
            )


def _embedding_length(body: Body, shapes: Mapping[str, Shape]) -> int:
    training = body.training
    body.eval()
    with torch.no_grad():
        scores: Scores = body({name: torch.zeros(1, *shape) for name, shape in shapes.items()})
    body.train(training)
    return scores.embedding.shape[-1]
