"""The section of a report about the folds of a cross-validation: each one, their mean and their spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from genrelab.lab.metrics.bootstrap import Estimate, percent
from genrelab.lab.reports import charts
from genrelab.lab.runs.figures import Figure
from genrelab.lab.runs.record import LevelFigures
from genrelab.pages.svg import Drawing


class FoldRow(NamedTuple):
    """Results for one fold, or their mean and standard deviation; `bar` shows the accuracy."""

    fold: str
    tracks: int | str
    accuracy: str
    bar: Drawing | str
    balanced_accuracy: str
    top2_accuracy: str


def fold_rows(folds: Mapping[str, LevelFigures]) -> list[FoldRow]:
    """Return a row per fold, and one for all if there are two or more.

    Parameters
    ----------
    folds : mapping of str to LevelFigures
        Name of the split -> the figures of its tracks.
    """
    rows = [
        FoldRow(
            name,
            each.n,
            percent(_estimate(each.accuracy)),
            charts.interval_bar(_estimate(each.accuracy)) or "",
            percent(_estimate(each.balanced_accuracy)),
            percent(_estimate(each.top2_accuracy)),
        )
        for name, each in folds.items()
    ]
    if len(folds) < 2:
        return rows
    every = list(folds.values())
    rows.append(
        FoldRow(
            "mean ± standard deviation",
            "",
            _spread([each.accuracy for each in every]),
            "",
            _spread([each.balanced_accuracy for each in every]),
            _spread([each.top2_accuracy for each in every]),
        )
    )
    return rows


def _estimate(figure: Figure) -> Estimate:
    return Estimate(
        *(math.nan if value is None else value for value in (figure.value, figure.low, figure.high))
    )


def _spread(figures: Sequence[Figure]) -> str:
    """Return mean and standard deviation (of a sample) of the folds, e.g. `61.2 ± 3.4 %`."""
    values = [figure.value for figure in figures if figure.value is not None]
    if len(values) < 2:
        return "–"
    return f"{100 * statistics.fmean(values):.1f} ± {100 * statistics.stdev(values):.1f}\N{NO-BREAK SPACE}%"
