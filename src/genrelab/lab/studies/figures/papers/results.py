"""Figures of runs: confusion matrices in per cent, accuracies with mean and deviation."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.record import LevelFigures
from genrelab.pages.charts import confusions
from genrelab.pages.svg import Drawing
from genrelab.printing import counted
from genrelab.statistics.bootstrap import Estimate

Level = Literal["segment", "track"]


def level(run: Run, which: Level) -> LevelFigures:
    """Return the figures of a run for segments, or for tracks under its recipe's voting rule."""
    evaluation = run.record.evaluation
    return evaluation.segment if which == "segment" else evaluation.track[run.recipe.voting]


def confusion_of(runs: Sequence[Run], which: Level) -> Drawing:
    """Draw the confusion matrix of runs (folds, seeds) in per cent of each true genre, their counts added up.

    Raises
    ------
    UsageError
        If the runs have different genres.
    """
    genres = {run.genres for run in runs}
    if len(genres) > 1:
        raise UsageError(
            f"the runs of {runs[0].recipe.name} have different genres: their confusion matrices have no sum. "
            "Name the runs of one corpus",
            code="runs-of-different-genres",
        )
    total = np.sum([np.array(level(run, which).confusion["counts"]) for run in runs], axis=0)
    return confusion_chart(runs[0].genres, total, items=f"{which}s")


def confusion_chart(genres: Sequence[str], counts: npt.NDArray[Any], *, items: str = "tracks") -> Drawing:
    """Draw a confusion matrix in per cent of each true genre."""
    sums = counts.sum(axis=1, keepdims=True)
    shares = np.where(sums > 0, counts / np.maximum(sums, 1), math.nan)
    estimates = [[Estimate(float(value), math.nan, math.nan) for value in row] for row in shares]
    picture = confusions(genres, counts, estimates, per_cent=True, items=items)
    return picture


def accuracies(runs: Sequence[Run], which: Level, *, top: int = 1) -> list[float]:
    """Return the accuracy of each run, of the first one or two answers."""
    found = []
    for run in runs:
        figures = level(run, which)
        value = (figures.accuracy if top == 1 else figures.top2_accuracy).value
        if value is not None:
            found.append(value)
    return found


def mean_text(values: Sequence[float]) -> str:
    """Return mean and standard deviation in per cent: `57.1 % ± 2.0 (10 runs)`."""
    if not values:
        return "–"
    mean = f"{100 * statistics.fmean(values):.1f} %"
    if len(values) == 1:
        return f"{mean} (1 run)"
    return f"{mean} ± {100 * statistics.stdev(values):.1f} ({len(values)} runs)"


def described(runs: Sequence[Run]) -> str:
    """Return on what runs were tested, and with which verdict on leaks."""
    corpora = ", ".join(dict.fromkeys(run.record.corpus.name for run in runs))
    splits = list(dict.fromkeys(run.record.split.name for run in runs))
    shown = ", ".join(splits[:4]) + (f" and {len(splits) - 4} more" if len(splits) > 4 else "")
    states = ", ".join(dict.fromkeys(run.record.verdict.state for run in runs))
    return (
        f"{runs[0].recipe.name}: {counted(len(runs), 'run')} on {corpora}, split {shown}; verdict: {states}."
    )
