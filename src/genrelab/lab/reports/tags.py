"""The section of a report about tags: how well each is predicted, sorted by kind, the best first."""

from __future__ import annotations

import math
from typing import NamedTuple

from genrelab.lab.metrics.bootstrap import Estimate, percent
from genrelab.lab.metrics.tag_scores import TagEvaluation, TagScores
from genrelab.lab.reports import charts
from genrelab.pages.svg import Drawing

_HEADINGS = ("Tag", "With it", "Without", "AUC", "Av. precision", "By chance")
_BAR = ("AUC, 0–1",)
_TEACHER = ("Correlation", "Against")

Cell = str | int | Drawing


class TagTable(NamedTuple):
    """The table of tags.

    Attributes
    ----------
    headings : tuple of str
    rows : list of tuple
        One cell per heading.
    numbers : tuple of int
        The columns with numbers.
    taught : bool
        Whether tags are compared with a teacher, in two columns; without them, there is room for bars.
    """

    headings: tuple[str, ...]
    rows: list[tuple[Cell, ...]]
    numbers: tuple[int, ...]
    taught: bool


class KindRow(NamedTuple):
    """Results for a kind whose tags exclude each other."""

    kind: str
    tags: str
    clips: int
    accuracy: str
    balanced_accuracy: str
    chance: str


def tag_table(evaluation: TagEvaluation) -> TagTable:
    """Return the table of measured tags, sorted by kind, then by AUC; without one they come last."""
    taught = any(scores.spearman is not None for scores in evaluation.tags.values())
    measured = [each for each in evaluation.tags.items() if each[1].positives + each[1].negatives]
    ordered = sorted(measured, key=lambda each: _place(*each))
    rows = [
        (tag, *_figures(scores), *(_compared(scores) if taught else _bar(scores))) for tag, scores in ordered
    ]
    headings = (*_HEADINGS, *(_TEACHER if taught else _BAR))
    return TagTable(headings, rows, (1, 2, 3, 4, 5, *((6,) if taught else ())), taught)


def kind_rows(evaluation: TagEvaluation) -> list[KindRow]:
    """Return a row for each kind whose tags exclude each other."""
    return [
        KindRow(
            kind,
            ", ".join(tag.partition(":")[2] for tag in scores.tags),
            scores.n,
            percent(scores.accuracy),
            percent(scores.balanced_accuracy),
            percent(Estimate(scores.chance, math.nan, math.nan)),
        )
        for kind, scores in evaluation.kinds.items()
    ]


def decimal(estimate: Estimate) -> str:
    """Format a figure and its interval, e.g. `0.86 (0.81–0.90)`.

    An undefined figure is a dash; an undefined interval is omitted.

    Examples
    --------
    >>> decimal(Estimate(0.864, 0.81, 0.9))
    '0.86 (0.81–0.90)'
    """
    if math.isnan(estimate.value):
        return "–"
    if math.isnan(estimate.low):
        return f"{estimate.value:.2f}"
    return f"{estimate.value:.2f} ({estimate.low:.2f}–{estimate.high:.2f})"


def _figures(scores: TagScores) -> tuple[Cell, ...]:
    precision = decimal(scores.average_precision)
    return scores.positives, scores.negatives, decimal(scores.auc), precision, _chance(scores)


def _bar(scores: TagScores) -> tuple[Cell, ...]:
    return (charts.interval_bar(scores.auc) or "",)


def _compared(scores: TagScores) -> tuple[Cell, ...]:
    measured = scores.measured if scores.positives + scores.negatives else "–"
    return "–" if scores.spearman is None else decimal(scores.spearman), measured


def _place(tag: str, scores: TagScores) -> tuple[str, bool, float, str]:
    unknown = math.isnan(scores.auc.value)
    return tag.partition(":")[0], unknown, 0.0 if unknown else -scores.auc.value, tag


def _chance(scores: TagScores) -> str:
    """Return the average precision of a random order."""
    total = scores.positives + scores.negatives
    return f"{scores.positives / total:.2f}" if scores.positives and scores.negatives else "–"
