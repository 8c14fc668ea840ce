"""What a calibration was to reach and did not, as findings.

Kinds: `precision`: no threshold reaches the wanted share of correct answers. `few`: too few answers to tell.
`folds`: on so many folds the threshold of the others did not reach it. `held out`: it is not reached on
folds that threshold and temperature were not fitted to. `genres`: those that no confident
prediction names. `temperature`: the best one lies at the end of the range that was searched.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genrelab.lab.corpora.paths import printable
from genrelab.lab.findings import Finding
from genrelab.lab.metrics.calibration import COOLEST, FEWEST, HOTTEST, Threshold
from genrelab.lab.metrics.predictions import Predictions

GRAVE = ("precision", "few")
"""Kinds with which no model file should be made: its threshold would promise what it does not keep."""
_EDGE = 0.02  # share of the range, on its logarithm: a temperature nearer to an end lies at it


def shortfalls(
    predictions: Predictions,
    *,
    temperature: float,
    threshold: Threshold,
    by_fold: Sequence[Threshold],
    precision: float,
    answered: npt.NDArray[np.bool_],
) -> tuple[Finding, ...]:
    """Return what was not reached, the grave findings first.

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
        Share of correct answers on folds that were not fitted to; NaN if nothing was answered.
    answered : np.ndarray [shape=(n,)], bool
        Which tracks of all folds get an answer.
    """
    wanted, found = threshold.wanted, []
    borders = tuple(f"{each.confidence:g}" for each in by_fold)

    def add(kind: str, count: int, examples: Sequence[str] = (), **values: float) -> None:
        found.append(Finding(kind=kind, count=count, examples=tuple(examples), values=values))

    if not threshold.reached:
        if threshold.answers < FEWEST and threshold.low >= wanted:
            add("few", threshold.answers, wanted=wanted, least=FEWEST)
        else:
            reached = threshold.precision.value
            best = (f"{threshold.confidence:g}",)
            add("precision", threshold.answers, best, wanted=wanted, reached=reached)
    missed = sum(not each.reached for each in by_fold)
    if missed:
        add("folds", missed, borders, wanted=wanted)
    if wanted > 0 and not precision >= wanted:
        values = {"wanted": wanted} if np.isnan(precision) else {"wanted": wanted, "reached": precision}
        found.append(Finding(kind="held out", values=values))
    answers = predictions.tracks("mean")
    predicted = set(answers.orders[answered, 0].tolist())
    never = [printable(each) for number, each in enumerate(predictions.genres) if number not in predicted]
    if never:
        add("genres", len(never), never)
    place = np.log(temperature / COOLEST) / np.log(HOTTEST / COOLEST)
    if not _EDGE < place < 1 - _EDGE:
        found.append(
            Finding(kind="temperature", values={"from": COOLEST, "to": HOTTEST, "reached": temperature})
        )
    return tuple(found)
