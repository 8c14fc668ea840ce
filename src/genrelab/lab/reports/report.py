"""The report of a run: one HTML page."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from genrelab.errors import UsageError
from genrelab.lab.corpora.types import Clip
from genrelab.lab.findings import Finding, Verdict
from genrelab.lab.findings.wording import because, checked, network_state, not_checked
from genrelab.lab.metrics.bootstrap import Estimate, percent
from genrelab.lab.metrics.calibration import BINS, calibration_error, confidences, reliability
from genrelab.lab.metrics.predictions import Predictions, write_whole
from genrelab.lab.metrics.scores import Evaluation, LevelScores
from genrelab.lab.metrics.tag_scores import TagEvaluation
from genrelab.lab.reports import charts, tags
from genrelab.lab.reports.folds import fold_rows
from genrelab.lab.reports.sound_links import sound_link
from genrelab.lab.runs.record import LevelFigures
from genrelab.pages.render import render
from genrelab.pages.svg import Drawing
from genrelab.voting import VotingRule

MISTAKES = 20
"""Number of wrong predictions that a page lists."""

RULE_NAMES: Mapping[VotingRule, str] = {"majority": "majority vote", "mean": "mean probability"}


@dataclass(frozen=True, kw_only=True)
class RunPage:
    """The content of a report.

    Attributes
    ----------
    title : str
        Such as the recipe and the corpus.
    evaluation : Evaluation
        Of `predictions`.
    predictions : Predictions
    recipe_yaml : str
        The recipe as used.
    facts : mapping of str to str
        What a reader needs to repeat the run: corpus, split, leak checks, seed, versions.
    warnings : sequence of str
        Reasons to doubt the figures, such as leaks between training and test.
    severe : collection of str
        Those of `warnings` that make the figures meaningless.
    verdict : Verdict or None
    findings : sequence of Finding
        Defects of the network, such as a collapse.
    history : sequence of mapping
        One per epoch, see `charts.learning_curves`; empty if nothing was trained.
    chosen_on : {"valid", "test", "none"}
        The part that chose the epoch; `history` holds its figures as `valid_...`.
    rule : {"majority", "mean"}
        The voting rule of the headline, the confusion matrix and the mistakes.
    segment_seconds : float or None, in seconds
        Length of a segment.
    tags : TagEvaluation or None
        Figures of predicted tags; None shows no section about them.
    clips : mapping of str to Clip
        Clip id -> clip; the files that are there are linked from the mistakes.
    folds : mapping of str to LevelFigures
        Name of the split -> the figures of its tracks; empty unless this is a cross-validation.
    sections : sequence of (str, str)
        Further sections after the mistakes: heading and content. Content that is `Markup` stays as it is, and
        loads nothing from outside; other text is escaped.
    """

    title: str
    evaluation: Evaluation
    predictions: Predictions
    recipe_yaml: str
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    severe: Collection[str] = ()
    verdict: Verdict | None = None
    findings: Sequence[Finding] = ()
    history: Sequence[Mapping[str, float]] = ()
    chosen_on: str = "valid"
    rule: VotingRule = "majority"
    segment_seconds: float | None = None
    tags: TagEvaluation | None = None
    clips: Mapping[str, Clip] = field(default_factory=dict)
    folds: Mapping[str, LevelFigures] = field(default_factory=dict)
    sections: Sequence[tuple[str, str]] = ()


class LevelRow(NamedTuple):
    """Accuracy per segment, or per track under one voting rule."""

    name: str
    number: int
    accuracy: str
    balanced_accuracy: str
    top2_accuracy: str
    log_loss: str


class GenreRow(NamedTuple):
    """Results for one genre; `bar` shows the recall."""

    genre: str
    tracks: int
    predicted: int
    recall: str
    bar: Drawing | str
    precision: str
    f1: str


class Mistake(NamedTuple):
    """A track with a wrong prediction; its name is a link to its file if that is there."""

    track: str | Markup
    genre: str
    predicted: str
    confidence: str
    probability: str
    artist: str


def write_report(path: Path, page: RunPage) -> None:
    """Write the page.

    Parameters
    ----------
    path : Path
        The `.html` file, which is replaced whole.
    page : RunPage

    Raises
    ------
    UsageError
        If the evaluation is not of the predictions.
    RunError
        If the file cannot be written.
    """
    evaluation, predictions = page.evaluation, page.predictions
    scores = evaluation.track[page.rule]
    if evaluation.genres != predictions.genres or scores.n != len(predictions.clips):
        raise UsageError(
            f"the evaluation has {scores.n} tracks and the predictions have {len(predictions.clips)}; "
            "give the report the predictions that were evaluated",
            code="report-of-other-predictions",
        )
    mistakes, wrong = _mistakes(path, page)
    answers = confidences(predictions.tracks(page.rule))
    html = render(
        "lab/reports/report.html",
        title=page.title,
        page=page,
        scores=scores,
        percent=percent,
        share=_share,
        rules=RULE_NAMES,
        network=network_state(page.findings),
        because=because(page.verdict) if page.verdict else [],
        checked=checked(page.verdict.checked) if page.verdict else {},
        not_checked=not_checked(page.verdict) if page.verdict else [],
        segments=statistics.median(Counter(predictions.clip_ids).values()),
        majority_class=_share(int(scores.confusion.sum(axis=1).max()) / scores.n),
        levels=list(_levels(evaluation)),
        curves=charts.learning_curves(page.history, chosen_on=page.chosen_on),
        kept=any(row.get("best") for row in page.history),
        confusion=charts.confusion_matrix(evaluation.genres, scores),
        genres=list(_genres(scores)),
        mistakes=mistakes,
        wrong=wrong,
        linked=any(isinstance(mistake.track, Markup) for mistake in mistakes),
        reliability=charts.reliability_diagram(reliability(*answers)),
        calibration_error=_share(calibration_error(*answers)),
        bins=BINS,
        folds=fold_rows(page.folds),
        decimal=tags.decimal,
        tags=tags.tag_table(page.tags) if page.tags else None,
        kinds=tags.kind_rows(page.tags) if page.tags else [],
    )
    write_whole(path, html.encode("utf-8"))


def _share(value: float) -> str:
    return percent(Estimate(value, math.nan, math.nan))


def _levels(evaluation: Evaluation) -> Iterator[LevelRow]:
    levels = {"segments": evaluation.segment}
    levels |= {f"tracks, {RULE_NAMES[rule]}": scores for rule, scores in evaluation.track.items()}
    for name, scores in levels.items():
        yield LevelRow(
            name,
            scores.n,
            percent(scores.accuracy),
            percent(scores.balanced_accuracy),
            percent(scores.top2_accuracy),
            "–" if scores.log_loss is None else f"{scores.log_loss.value:.3f}",
        )


def _genres(scores: LevelScores) -> Iterator[GenreRow]:
    for genre, figures in scores.by_genre.items():
        yield GenreRow(
            genre,
            figures.support,
            figures.predicted,
            percent(figures.recall),
            charts.interval_bar(figures.recall) or "",
            percent(figures.precision),
            percent(figures.f1),
        )


def _mistakes(path: Path, page: RunPage) -> tuple[list[Mistake], int]:
    """Return the most confident wrong predictions, and the number of all wrong ones."""
    predictions = page.predictions
    tracks = predictions.tracks(page.rule)
    predicted = tracks.orders[:, 0]
    confidence = tracks.probabilities[np.arange(len(predicted)), predicted]
    wrong = np.flatnonzero(predicted != tracks.truth)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MISTAKES]
    rows = [
        Mistake(
            _named(path, tracks.clip_ids[i], page.clips.get(tracks.clip_ids[i])),
            predictions.genres[tracks.truth[i]],
            predictions.genres[predicted[i]],
            _share(confidence[i]),
            _share(tracks.probabilities[i, tracks.truth[i]]),
            "–" if tracks.groups[i] == tracks.clip_ids[i] else tracks.groups[i],
        )
        for i in worst
    ]
    return rows, len(wrong)


def _named(path: Path, clip_id: str, clip: Clip | None) -> str | Markup:
    """Return the name of a clip, as a link if its file is there."""
    link = sound_link(path, clip)
    return clip_id if link is None else Markup('<a href="{}">{}</a>').format(link, clip_id)
