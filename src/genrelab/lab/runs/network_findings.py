"""Signs that a network collapsed, diverged or learned nothing.

They follow from the predictions for the test clips, the losses of the epochs, and how far the weights moved.
The limits are far from what a short or a poor training does.

Kinds of findings: `one genre` is predicted for all test clips; `constant`: all test segments have the same
probabilities; `diverged`: the loss of the kept or the last epoch is not finite, or beyond `LOSS`;
`unchanged`: the weights are those at the start.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from genrelab.lab.corpora.paths import printable
from genrelab.lab.findings import Finding
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.recipes import Recipe
from genrelab.voting import VotingRule

CHANCE = 1e-3
"""One genre for all clips is a finding if random predictions would do that less often."""
STEPS = 50
"""After fewer steps of the optimizer one genre is no finding: the averages of batch norms are still those of
the start."""
SPREAD = 1e-4
"""Probabilities that differ by less over all segments count as equal."""
LOSS = 100.0
"""A loss this many times that of chance (the logarithm of the number of genres) has diverged."""
MOVED = 1e-6
"""Weights that moved by less, relative to their size, count as unchanged."""

_SHOWN = 3


def prediction_findings(predictions: Predictions, rule: VotingRule, *, steps: int | None) -> list[Finding]:
    """Return what the predictions for test clips show.

    Parameters
    ----------
    predictions : Predictions
    rule : {"majority", "mean"}
    steps : int or None
        Steps of the optimizer in the whole training; None if unknown.
    """
    found = []
    answers = predictions.tracks(rule)
    predicted, clips = np.unique(answers.orders[:, 0]), len(answers.truth)
    by_chance = float(len(predictions.genres)) ** (1 - clips)
    trained = steps is None or steps >= STEPS
    if trained and len(predicted) == 1 and len(np.unique(answers.truth)) > 1 and by_chance < CHANCE:
        genre = printable(predictions.genres[int(predicted[0])])
        found.append(Finding(kind="one genre", parts=("test",), count=clips, examples=(genre,)))
    values = predictions.probabilities
    if len(values) > 1 and clips > 1 and float(np.ptp(values, axis=0).max()) < SPREAD:
        first = np.argsort(-values[0], kind="stable")[:_SHOWN]
        shown = tuple(f"{printable(predictions.genres[at])} {values[0, at]:.3f}" for at in first)
        found.append(Finding(kind="constant", parts=("test",), count=len(values), examples=shown))
    return found


def training_findings(
    recipe: Recipe, history: Sequence[Mapping[str, float]], *, genres: int, moved: float | None
) -> list[Finding]:
    """Return what a training shows.

    Parameters
    ----------
    recipe : Recipe
    history : sequence of mapping
        One row per epoch, see `read_history`.
    genres : int
    moved : float or None
        Distance of the kept weights from those at the start, relative to their size; None if unknown.
    """
    found = []
    nothing_known = LOSS * math.log(max(genres, 2))
    borders = {"train": nothing_known * max(1.0, _weight(recipe))}
    if recipe.training.choose_epoch_on != "none":
        borders["valid"] = nothing_known
    beyond = {
        part: [row for row in history if not abs(row[f"{part}_loss"]) <= border]
        for part, border in borders.items()
    }
    counted = [row for row in history if row["best"] == 1 or row is history[-1]]
    parts = tuple(part for part, rows in beyond.items() if any(row in rows for row in counted))
    if parts:
        epochs = {row["epoch"] for part in parts for row in beyond[part]}
        shown = [
            f"{part}, epoch {row['epoch'] + 1:.0f}: {row[f'{part}_loss']:.3g}"
            for part in parts
            for row in beyond[part][-1:]
        ]
        found.append(Finding(kind="diverged", parts=parts, count=len(epochs), examples=tuple(shown)))
    if moved is not None and moved < MOVED:
        moves = (f"{moved:.1g}",)
        found.append(Finding(kind="unchanged", parts=("train",), count=len(history), examples=moves))
    return found


def _weight(recipe: Recipe) -> float:
    """Return how many losses are summed in training, by their weights."""
    distill, others = recipe.distill, recipe.training.not_music
    total = others.weight if others is not None else 0.0
    if distill is None:
        return total + 1.0
    targets = [*distill.regress.values(), *distill.tags.values()]
    return (
        total
        + distill.label_weight
        + sum(targets)
        + (distill.genres.weight if distill.genres is not None else 0)
    )
