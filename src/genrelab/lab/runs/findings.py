"""What a run shows of its own network: that it collapsed, diverged or learned nothing.

Computed from what was measured: the answers on tested clips, the losses of the epochs, how far the weights
moved. The borders are far from what a short or a poor training does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from genrelab.lab.corpora.paths import printable
from genrelab.lab.metrics.predictions import Predictions
from genrelab.lab.recipes import Recipe
from genrelab.voting import VotingRule

Kind = Literal["one genre", "constant", "diverged", "unchanged"]

CHANCE = 1e-3
"""One genre for all clips is a finding where guessing would do so less often."""
STEPS = 50
"""Of a training with fewer steps of the optimizer one genre is no finding: it has hardly begun, and the
averages of batch norms are still those of the start."""
SPREAD = 1e-4
"""Probabilities that differ by less over all segments are the same."""
LOSS = 100.0
"""A loss as many times that of knowing nothing (the logarithm of the number of genres) has diverged."""
MOVED = 1e-6
"""Weights that moved by less, relative to their size, are those that training started with."""

_STATES: Mapping[Kind, str] = {
    "one genre": "collapsed",
    "constant": "collapsed",
    "diverged": "diverged",
    "unchanged": "learned nothing",
}
_SHOWN = 3


@dataclass(frozen=True)
class Finding:
    """Something that a run shows of its network.

    Attributes
    ----------
    kind : str
        `one genre`: it is predicted for all tested clips. `constant`: all tested segments have the same
        probabilities. `diverged`: the loss of the kept or the last epoch is not finite, or beyond `LOSS`.
        `unchanged`: the weights are those at the start.
    parts : tuple of str
        Where it was measured: `train`, `valid`, `test`.
    number : int
        How many clips, segments, epochs.
    examples : tuple of str
        The genre; probabilities; losses; how far the weights moved.
    """

    kind: Kind
    parts: tuple[str, ...]
    number: int
    examples: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """What became of the network, in a word or two."""
        return _STATES[self.kind]

    def words(self) -> str:
        """Say it in a line."""
        shown = ", ".join(self.examples)
        epochs = f"{self.number} epoch{'' if self.number == 1 else 's'}"
        if self.kind == "one genre":
            return f"The network collapsed: it predicts {shown} for all {self.number} tested clips."
        if self.kind == "constant":
            return (
                f"The network collapsed: all {self.number} tested segments have the same probabilities "
                f"({shown})."
            )
        if self.kind == "diverged":
            return (
                f"Training diverged: the loss is not finite or absurdly large in {epochs} ({shown}). Lower "
                "training.learning_rate, or set training.gradient_clip."
            )
        return (
            f"The network learned nothing: in {epochs} its weights moved by {shown} of their size. Raise "
            "training.learning_rate."
        )


def answer_findings(predictions: Predictions, rule: VotingRule, *, steps: int | None) -> list[Finding]:
    """Return what the answers to tested clips show.

    Parameters
    ----------
    predictions : Predictions
    rule : {"majority", "mean"}
    steps : int or None
        Of the optimizer, in the whole training; None if nobody knows.
    """
    found = []
    answers = predictions.tracks(rule)
    said, clips = np.unique(answers.orders[:, 0]), len(answers.truth)
    by_chance = float(len(predictions.genres)) ** (1 - clips)
    trained = steps is None or steps >= STEPS
    if trained and len(said) == 1 and len(np.unique(answers.truth)) > 1 and by_chance < CHANCE:
        found.append(Finding("one genre", ("test",), clips, (printable(predictions.genres[int(said[0])]),)))
    values = predictions.probabilities
    if len(values) > 1 and clips > 1 and float(np.ptp(values, axis=0).max()) < SPREAD:
        first = np.argsort(-values[0], kind="stable")[:_SHOWN]
        shown = tuple(f"{printable(predictions.genres[at])} {values[0, at]:.3f}" for at in first)
        found.append(Finding("constant", ("test",), len(values), shown))
    return found


def training_findings(
    recipe: Recipe, history: Sequence[Mapping[str, float]], *, genres: int, moved: float | None
) -> list[Finding]:
    """Return what a training shows.

    Parameters
    ----------
    recipe : Recipe
    history : sequence of mapping
        A row an epoch, see `read_history`.
    genres : int
    moved : float or None
        How far the kept weights are from those at the start, relative to their size; None if nobody knows.
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
        found.append(Finding("diverged", parts, len(epochs), tuple(shown)))
    if moved is not None and moved < MOVED:
        found.append(Finding("unchanged", ("train",), len(history), (f"{moved:.1g}",)))
    return found


def _weight(recipe: Recipe) -> float:
    """Return how many losses are summed in training, by their weights."""
    distill, others = recipe.distill, recipe.training.not_music
    total = others.weight if others is not None else 0.0
    if distill is None:
        return total + 1.0
    taught = [*distill.regress.values(), *distill.tags.values()]
    return (
        total
        + distill.label_weight
        + sum(taught)
        + (distill.genres.weight if distill.genres is not None else 0)
    )


def to_dicts(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as JSON holds them."""
    return [{**asdict(each), "parts": list(each.parts), "examples": list(each.examples)} for each in findings]


def findings_of(metrics: Mapping[str, Any]) -> tuple[Finding, ...]:
    """Return the findings that a `metrics.json` holds; of one of an earlier genrelab, none."""
    return tuple(
        Finding(each["kind"], tuple(each["parts"]), each["number"], tuple(each["examples"]))
        for each in metrics.get("findings", ())
    )


def state_of(findings: Sequence[Finding]) -> str:
    """Return what became of the network, such as `collapsed and diverged`; empty if nothing was found."""
    return " and ".join(dict.fromkeys(each.state for each in findings))
