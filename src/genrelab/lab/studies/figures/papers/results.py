"""Figures of runs: confusion matrices in per cent, accuracies with mean and deviation."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Literal

import numpy as np

from genrelab.errors import UsageError
from genrelab.lab.runs.folders import Run
from genrelab.lab.runs.record import LevelFigures
from genrelab.lab.studies.reproduce.charts import confusion_in_per_cent
from genrelab.lab.studies.systems import system_key
from genrelab.pages.svg import Drawing
from genrelab.printing import counted

Level = Literal["segment", "track"]


def level(run: Run, which: Level) -> LevelFigures:
    """Return the figures of a run for segments, or for tracks under its recipe's voting rule."""
    evaluation = run.record.evaluation
    return evaluation.segment if which == "segment" else evaluation.track[run.recipe.voting]


def confusion_of(runs: Sequence[Run], which: Level, *, title: str = "") -> Drawing:
    """Draw the confusion matrix of runs (folds, seeds) in per cent of each true genre, their counts added up.

    Raises
    ------
    UsageError
        If the runs have different genres, or are of several systems.
    """
    require_one_system(runs)
    genres = {run.genres for run in runs}
    if len(genres) > 1:
        raise UsageError(
            f"the runs of {runs[0].recipe.name} have different genres: their confusion matrices have no sum. "
            "Name the runs of one corpus",
            code="runs-of-different-genres",
        )
    total = np.sum([np.array(level(run, which).confusion["counts"]) for run in runs], axis=0)
    return confusion_in_per_cent(runs[0].genres, total, items=f"{which}s", title=title)


def require_one_system(runs: Sequence[Run]) -> None:
    """Raise `UsageError` unless runs differ in seed and fold alone: others have no common figure."""
    by_key = {system_key(run): run for run in reversed(runs)}
    if len(by_key) > 1:
        first, second, *_ = (str(run.folder) for run in reversed(by_key.values()))
        raise UsageError(
            f"the {len(runs)} runs of {runs[0].recipe.name} differ in more than seed and fold (values of the "
            f"recipe, corpus, kind of split), such as {first} and {second}. Name the folders of those that "
            "belong together with --run",
            code="runs-of-several-systems",
        )


def accuracies(runs: Sequence[Run], which: Level, *, top: int = 1) -> list[float]:
    """Return the accuracy of each run, of the first one or two answers.

    Raises
    ------
    UsageError
        If the runs are of several systems.
    """
    require_one_system(runs)
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
