"""From examples to a new head, its figures and the labels to review."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.bundle.tags import TagInfo
from genrelab.statistics.bootstrap import Estimate
from genrelab.teach.fit.calibration import calibrate_held_out, fit_logistic, fit_temperature, logistic
from genrelab.teach.fit.crossval import HeldOut, cross_validate, fit_all
from genrelab.teach.fit.curve import CurvePoint, learning_scores, quality_of
from genrelab.teach.fit.discriminant import Float, Float32, Linear, Scaling
from genrelab.teach.fit.figures import Figures, GenreFigures, Judgement, measure, measure_genres
from genrelab.teach.fit.folds import Int, assign_folds
from genrelab.teach.fit.suspects import Suspect, find_suspects
from genrelab.teach.head import TAUGHT, Head, tag_name
from genrelab.teach.sources.examples import Examples

MOST_DEVIATIONS = 24
"""Segments that stand for all others when the probabilities of a track are simulated."""
_MOST_WORK = 20_000_000  # examples times genres times deviations

Step = Callable[[str, int, int], None]
"""Called with what is done, the number of finished steps, and that of all."""


@dataclass(frozen=True)
class TeachSettings:
    """How to teach.

    Attributes
    ----------
    multi : bool
        Whether a track may have several genres, each with a probability of its own.
    precision : float
        The share of right answers that the threshold aims at.
    folds : int > 1
        Of the cross-validation; fewer if there are fewer groups.
    seed : int
        Of folds and resamples.
    """

    multi: bool = False
    precision: float = 0.8
    folds: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Taught:
    """The result of teaching.

    Attributes
    ----------
    examples : Examples
    multi : bool
    head : Head
        For embeddings as they are.
    figures : Figures
    suspects : tuple of Suspect
        Most doubtful first.
    curve : tuple of CurvePoint
        From few to all examples.
    shrinkage : float
        Of the discriminants.
    by_group : bool
        Whether held-out examples are by other artists (and of other albums) than those learned. False if
        there are too few of them: the figures then are too high.
    unmeasured : tuple of str
        Genres whose examples are all of one artist or album: they cannot be tested on another.
    """

    examples: Examples
    multi: bool
    head: Head
    figures: Figures
    suspects: tuple[Suspect, ...]
    curve: tuple[CurvePoint, ...]
    shrinkage: float
    by_group: bool
    unmeasured: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the result as a JSON object; the most doubtful examples have their paths."""
        names = self.head.genres
        return {
            "genres": list(names),
            "multi": self.multi,
            "by_group": self.by_group,
            "unmeasured": list(self.unmeasured),
            "shrinkage": self.shrinkage,
            "temperature": self.head.temperature,
            "figures": self.figures.to_dict(),
            "curve": [
                {"examples": round(point.examples, 2), "quality": round(point.quality, 4)}
                for point in self.curve
            ],
            "suspects": [
                {
                    "path": self.examples.paths[each.example],
                    "genres": list(self.examples.genres[each.example]),
                    "predicted": names[each.genre],
                    "probability": round(each.other, 4),
                    "own_probability": round(each.own, 4),
                }
                for each in self.suspects
            ],
        }


def teach(
    examples: Examples,
    settings: TeachSettings | None = None,
    *,
    deviations: Float32 | None = None,
    step: Step | None = None,
) -> Taught:
    """Fit, measure and calibrate a head.

    Parameters
    ----------
    examples : Examples
        From `genrelab.teach.sources.examples.clean`.
    settings : TeachSettings or None
    deviations : np.ndarray [shape=(m, d)] or None
        Embeddings of segments minus the mean of their track, for the calibration of whole tracks; None
        calibrates the mean embedding.
    step : callable or None

    Returns
    -------
    Taught
    """
    settings = settings or TeachSettings()
    genres = examples.names()
    labels = examples.labels(genres, multi=False)
    groups, by_group = usable_groups(examples.groups(), labels)
    rng = np.random.default_rng(settings.seed)
    folds = assign_folds(labels, groups, min(settings.folds, int(groups.max()) + 1), rng)
    scaling = Scaling.of(examples.vectors)
    values = scaling.apply(examples.vectors)
    parts = _Parts(labels, groups, _in_groups(labels, groups) > 1)

    def progress(done: int, total: int) -> None:
        if step is not None:
            step("cross-validating", done, total)

    held_out = cross_validate(values, labels, folds, multi=False, step=progress)
    linear = fit_all(values, labels, held_out.shrinkage, multi=False)
    between = _Between(deviations, scaling)
    spread = between.spread(linear, labels.shape)
    rows = parts.rows
    temperature = fit_temperature(held_out.scores[rows], labels[rows], spread)
    probabilities = calibrate_held_out(held_out.scores, labels, folds, rows, spread)
    wanted, seed = settings.precision, settings.seed
    figures = measure(genres, labels[rows], parts.groups, probabilities[rows], precision=wanted, seed=seed)
    threshold = figures.threshold.confidence
    unscaled = scaling.unscaled(linear)
    cooled = Linear(unscaled.weights / temperature, unscaled.bias / temperature)
    head = Head(genres, cooled, temperature, threshold)
    shown, judged, shrinkage = labels, probabilities, held_out.shrinkage
    scores: HeldOut = held_out
    if settings.multi:
        shown = examples.labels(genres, multi=True)
        scores = cross_validate(values, shown, folds, multi=True, step=progress)
        head, judged = _with_tags(head, values, shown, scores, between)
        judgement = Judgement(shown[rows], parts.groups, judged[rows], folds[rows])
        figures = measure_genres(figures, judgement, seed=settings.seed)
        tags = tuple(_tag(each) for each in figures.genres)
        head = Head(genres, head.linear, temperature, threshold, tags, head.tag_linear)
        shrinkage = scores.shrinkage
    learned = list(learning_scores(values, shown, folds, groups, shrinkage, multi=settings.multi))
    used = shown.sum() / len(genres) * (folds.max() / (folds.max() + 1))
    curve = [
        CurvePoint(count, quality_of(found[rows], shown[rows], multi=settings.multi))
        for count, found in (*learned, (float(used), scores.scores))
    ]
    suspects = tuple(
        each for each in find_suspects(judged, shown, multi=settings.multi) if bool(rows[each.example])
    )
    return Taught(
        examples,
        settings.multi,
        head,
        figures,
        suspects,
        tuple(curve),
        shrinkage,
        by_group,
        tuple(genre for genre, usable in zip(genres, parts.measurable, strict=True) if not usable),
    )


def usable_groups(groups: Int, labels: Float) -> tuple[Int, bool]:
    """Return groups for the cross-validation.

    Parameters
    ----------
    groups : np.ndarray [shape=(n,)], int
    labels : np.ndarray [shape=(n, genres)]

    Returns
    -------
    np.ndarray [shape=(n,)], bool
        The groups themselves and True. If fewer than two genres have several groups, each example is a group
        of its own, and the second value is False.
    """
    if int((_in_groups(labels, groups) > 1).sum()) >= 2:
        return groups, True
    return np.arange(len(groups), dtype=np.intp), False


class _Parts:
    """The examples that can be measured: those of a genre with several groups."""

    def __init__(self, labels: Float, groups: Int, measurable: npt.NDArray[np.bool_]) -> None:
        self.measurable = measurable
        self.rows: npt.NDArray[np.bool_] = np.asarray((labels[:, measurable] > 0).any(axis=1))
        self.groups = np.unique(groups[self.rows], return_inverse=True)[1].astype(np.intp)


def _in_groups(labels: Float, groups: Int) -> Int:
    """Return the number of groups of each genre."""
    return np.array([len(np.unique(groups[labels[:, genre] > 0])) for genre in range(labels.shape[1])])


@dataclass(frozen=True)
class _Between:
    """How much the segments of a track differ, and the scaling of embeddings."""

    deviations: Float32 | None
    scaling: Scaling

    def spread(self, linear: Linear, shape: tuple[int, ...]) -> Float | None:
        """Return deviations of the scores of segments: some that stand for all."""
        if self.deviations is None or not len(self.deviations):
            return None
        most = int(np.clip(_MOST_WORK // (min(shape[0], 10_000) * shape[1]), 4, MOST_DEVIATIONS))
        chosen = np.random.default_rng(0).permutation(len(self.deviations))[:most]
        return np.asarray((self.deviations[chosen] / self.scaling.deviation) @ linear.weights, np.float64)


def _with_tags(
    head: Head, values: Float32, labels: Float, held_out: HeldOut, between: _Between
) -> tuple[Head, Float]:
    """Return the head with independent probabilities, and these of held-out examples."""
    linear = fit_all(values, labels, held_out.shrinkage, multi=True)
    fits = [fit_logistic(held_out.scores[:, genre], labels[:, genre] > 0) for genre in range(labels.shape[1])]
    slopes, offsets = np.array(fits).T
    judged = logistic(held_out.scores, slopes, offsets, between.spread(linear, labels.shape))
    scaled = between.scaling.unscaled(linear)
    bias = np.where(np.isfinite(scaled.bias), scaled.bias, 0.0)  # every track has the genre, or none
    tags = Linear(scaled.weights * slopes, bias * slopes + offsets)
    return Head(head.genres, head.linear, head.temperature, head.abstain_below, (), tags), judged


def _tag(genre: GenreFigures) -> TagInfo:
    return TagInfo(
        kind=TAUGHT,
        name=tag_name(genre.genre),
        measured="labels",
        auc=_share(genre.auc),
        average_precision=_share(genre.average_precision),
        threshold=genre.threshold or 0.5,
    )


def _share(estimate: Estimate | None) -> float | None:
    if estimate is None or np.isnan(estimate.value):
        return None
    return round(float(np.clip(estimate.value, 0.0, 1.0)), 4)
