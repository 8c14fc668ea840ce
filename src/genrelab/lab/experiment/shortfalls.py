"""What a calibration was to reach and did not: typed, for the record, the model file and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from genrelab.lab.corpora.paths import printable
from genrelab.lab.metrics.calibration import COOLEST, FEWEST, HOTTEST, Threshold, confidences
from genrelab.lab.metrics.predictions import Predictions

Kind = Literal["precision", "few", "folds", "held out", "genres", "temperature"]

_GRAVE: tuple[Kind, ...] = ("precision", "few")
_EDGE = 0.02  # of a range, on its logarithm: what is nearer to an end lies at it


@dataclass(frozen=True)
class Shortfall:
    """Something that a calibration did not reach.

    Attributes
    ----------
    kind : str
        `precision`: no threshold gives the wanted share of right answers. `few`: too few answers to know it.
        `folds`: on so many folds the threshold of the others did not reach it. `held out`: it is not reached
        on folds that threshold and temperature were not fitted on. `genres`: never answered at the threshold.
        `temperature`: the best one lies outside the range that was searched.
    wanted, reached : float or None
        Shares of right answers; of `temperature` the end of the range, and what was found.
    number : int
        How many answers, folds, genres.
    examples : tuple of str
    """

    kind: Kind
    wanted: float | None = None
    reached: float | None = None
    number: int = 0
    examples: tuple[str, ...] = ()

    @property
    def grave(self) -> bool:
        """Whether no model file should be made of it: its threshold would promise what it does not keep."""
        return self.kind in _GRAVE

    def words(self) -> str:
        """Say it in a line."""
        if self.kind == "precision":
            return (
                f"No threshold reaches {_percent(self.wanted)} right answers on held-out clips: the best, "
                f"{self.examples[0]}, has {_percent(self.reached)} right of {self.number}."
            )
        if self.kind == "few":
            return (
                f"{self.number} held-out answers are too few to know whether {_percent(self.wanted)} of them "
                f"are right; {FEWEST} are needed."
            )
        if self.kind == "folds":
            return (
                f"On {self.number} of {len(self.examples)} folds the threshold fitted to the others did not "
                f"reach {_percent(self.wanted)}."
            )
        if self.kind == "held out":
            return (
                f"On folds that it was not fitted on, {_percent(self.reached)} of the answers are right, "
                f"not {_percent(self.wanted)}."
                if self.reached is not None
                else "On folds that it was not fitted on, the threshold gives no answer at all."
            )
        if self.kind == "genres":
            return f"Never answered at this threshold: {', '.join(self.examples)}."
        return (
            f"The temperature {self.reached:g} lies at the end of the range that was searched "
            f"({COOLEST:g} to {HOTTEST:g}): confidences are not calibrated."
        )


def shortfalls(
    predictions: Predictions,
    *,
    temperature: float,
    threshold: Threshold,
    by_fold: Sequence[Threshold],
    precision: float,
) -> tuple[Shortfall, ...]:
    """Return what was not reached, the grave ones first.

    Parameters
    ----------
    predictions : Predictions
        Of all folds, with the temperature.
    temperature : float
    threshold : Threshold
        Of all folds.
    by_fold : sequence of Threshold
        For each fold, that of the others.
    precision : float
        Share of right answers on folds that were not fitted on; NaN if nothing was answered.
    """
    wanted, found = threshold.wanted, []
    if not threshold.reached:
        if threshold.answers < FEWEST and threshold.low >= wanted:
            found.append(Shortfall("few", wanted, None, threshold.answers))
        else:
            reached = threshold.precision.value
            found.append(
                Shortfall("precision", wanted, reached, threshold.answers, (f"{threshold.confidence:g}",))
            )
    missed = [each for each in by_fold if not each.reached]
    if missed:
        borders = tuple(f"{each.confidence:g}" for each in by_fold)
        found.append(Shortfall("folds", wanted, None, len(missed), borders))
    if wanted > 0 and not precision >= wanted:
        found.append(Shortfall("held out", wanted, None if np.isnan(precision) else precision))
    answers = predictions.tracks("mean")
    confidence, _ = confidences(answers)
    said = set(answers.orders[confidence >= threshold.confidence, 0].tolist())
    never = tuple(printable(genre) for number, genre in enumerate(predictions.genres) if number not in said)
    if never:
        found.append(Shortfall("genres", None, None, len(never), never))
    place = np.log(temperature / COOLEST) / np.log(HOTTEST / COOLEST)
    if not _EDGE < place < 1 - _EDGE:
        found.append(Shortfall("temperature", COOLEST if place < 0.5 else HOTTEST, temperature))
    return tuple(found)


def to_dicts(found: Iterable[Shortfall]) -> list[dict[str, Any]]:
    """Return shortfalls as JSON holds them."""
    return [{**asdict(each), "examples": list(each.examples)} for each in found]


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{100 * share:.4g} %"
