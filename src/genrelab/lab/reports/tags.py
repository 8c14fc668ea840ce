"""The section of a report about tags: how well each is predicted, sorted by kind, the best first."""

from __future__ import annotations

import math
from typing import NamedTuple

from genrelab.lab.metrics.bootstrap import Estimate, percent
from genrelab.lab.metrics.tag_scores import TagEvaluation, TagScores
from genrelab.lab.reports import charts
from genrelab.pages.svg import Drawing

HEADINGS = (
    "Tag",
    "Measured against",
    "With it",
    "Without",
    "AUC",
    "AUC, 0–1",
    "Average precision",
    "By chance",
    "Correlation with teacher",
)


class TagRow(NamedTuple):
    """Results for one tag; `bar` shows the AUC, `chance` is the average precision of a random order."""

    tag: str
    measured: str
    positives: int
    negatives: int
    auc: str
    bar: Drawing | str
    average_precision: str
    chance: str
    spearman: str


class KindRow(NamedTuple):
    """Results for a kind whose tags exclude each other."""

    kind: str
    tags: str
    clips: int
    accuracy: str
    balanced_accuracy: str
    chance: str


def tag_rows(evaluation: TagEvaluation) -> list[TagRow]:
    """Return the rows of the table, sorted by kind, then by AUC; tags without an AUC come last in a kind."""
    ordered = sorted(evaluation.tags.items(), key=lambda each: _place(*each))
    return [
        TagRow(
            tag,
            scores.measured,
            scores.positives,
            scores.negatives,
            decimal(scores.auc),
            charts.interval_bar(scores.auc) or "",
            decimal(scores.average_precision),
            _chance(scores),
            "–" if scores.spearman is None else decimal(scores.spearman),
        )
        for tag, scores in ordered
    ]


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


def _place(tag: str, scores: TagScores) -> tuple[str, bool, float, str]:
    unknown = math.isnan(scores.auc.value)
    return tag.partition(":")[0], unknown, 0.0 if unknown else -scores.auc.value, tag


def _chance(scores: TagScores) -> str:
    total = scores.positives + scores.negatives
    return f"{scores.positives / total:.2f}" if scores.positives and scores.negatives else "–"
