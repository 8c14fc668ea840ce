"""The figures of predicted tags, each with its interval.

Definitions
-----------
- AUC and average precision: see `genrelab.statistics.ranking`; over the clips whose truth is known. By
  chance, they are 0.5 and the share of clips that have the tag.
- Against labels, the truth is the annotation. A tag without labels is measured against the teacher: see
  `genrelab.lab.metrics.tag_predictions`.
- Correlations compare the probabilities of network and teacher, for each tag.
- Tags of a kind exclude each other if every annotated clip has exactly one of them. The predicted one is then
  the most probable; accuracy and balanced accuracy are those of `genrelab.lab.metrics.scores`.

Conventions
-----------
Figures are of clips, with the mean probability of their segments. Intervals resample groups of clips: see
`genrelab.lab.metrics.bootstrap`. An AUC or average precision of 0 or 1 gets the exact interval of as many
trials as there are groups with the rarer truth. The ranks of Spearman's correlation are those of all clips,
also in resamples. Undefined figures are NaN, and null in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate, Float, Int
from genrelab.lab.metrics.scores import balanced_accuracy
from genrelab.lab.metrics.tag_predictions import TagPredictions
from genrelab.statistics.ranking import average_precision, correlation, ranks, roc_auc

Measured = Literal["labels", "teacher"]


@dataclass(frozen=True)
class TagScores:
    """How well one tag is predicted.

    Attributes
    ----------
    measured : {"labels", "teacher"}
        What `auc` and `average_precision` compare with.
    positives, negatives : int
        Clips with and without the tag.
    groups : int
        Groups (artists) among them.
    auc, average_precision : Estimate
        Between 0 and 1; NaN without positives or without negatives.
    pearson, spearman : Estimate or None
        Correlation with the teacher, -1 to 1; None without a teacher.
    """

    measured: Measured
    positives: int
    negatives: int
    groups: int
    auc: Estimate
    average_precision: Estimate
    pearson: Estimate | None = None
    spearman: Estimate | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as a JSON value."""
        estimates = {
            name: getattr(self, name) for name in ("auc", "average_precision", "pearson", "spearman")
        }
        return {
            "measured": self.measured,
            "positives": self.positives,
            "negatives": self.negatives,
            "groups": self.groups,
            **{name: None if each is None else _plain(each) for name, each in estimates.items()},
        }


@dataclass(frozen=True, eq=False)
class KindScores:
    """How well the tags of a kind are distinguished, if they exclude each other.

    Attributes
    ----------
    tags : tuple of str
    n, groups : int
        Clips with one of them, and groups among these.
    accuracy, balanced_accuracy : Estimate
        Of the most probable tag.
    chance : float
        Accuracy of always predicting the most frequent tag.
    confusion : np.ndarray [shape=(tags, tags)], int
        Rows are true tags, columns predicted ones.
    """

    tags: tuple[str, ...]
    n: int
    groups: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    chance: float
    confusion: npt.NDArray[np.int64]

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as a JSON value."""
        return {
            "tags": list(self.tags),
            "n": self.n,
            "groups": self.groups,
            "accuracy": _plain(self.accuracy),
            "balanced_accuracy": _plain(self.balanced_accuracy),
            "chance": self.chance,
            "confusion": self.confusion.tolist(),
        }


@dataclass(frozen=True, eq=False)
class TagEvaluation:
    """All figures of predicted tags.

    Attributes
    ----------
    seed, resamples, confidence
        How the intervals were made.
    tags : mapping of str to TagScores
        In the order of the predictions.
    mean_auc, mean_average_precision : Estimate
        Means over the tags that are measured against labels; NaN if none is.
    kinds : mapping of str to KindScores
        Of the kinds whose tags exclude each other.
    """

    seed: int
    resamples: int
    confidence: float
    tags: Mapping[str, TagScores]
    mean_auc: Estimate
    mean_average_precision: Estimate
    kinds: Mapping[str, KindScores]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON value with figures as `{"value", "low", "high"}`, null where undefined."""
        return {
            "intervals": {
                "method": "percentile bootstrap over groups (artists, or clips where unknown)",
                "seed": self.seed,
                "resamples": self.resamples,
                "confidence": self.confidence,
            },
            "mean_auc": _plain(self.mean_auc),
            "mean_average_precision": _plain(self.mean_average_precision),
            "tags": {tag: scores.to_dict() for tag, scores in self.tags.items()},
            "kinds": {kind: scores.to_dict() for kind, scores in self.kinds.items()},
        }


def evaluate_tags(
    predictions: TagPredictions,
    *,
    seed: int,
    resamples: int = 2000,
    confidence: float = 0.95,
) -> TagEvaluation:
    """Compute every figure with its interval.

    Parameters
    ----------
    predictions : TagPredictions
        Of one test set, or of several folds joined by `pool_tags`; with the probabilities of a teacher, if
        tags are to be compared with it.
    seed : int
        Of the resampling; the same seed gives the same intervals.
    resamples : int > 0
    confidence : float between 0 and 1
        Of the intervals.

    Raises
    ------
    UsageError
        If `resamples` or `confidence` is out of range.

    Examples
    --------
    >>> p = TagPredictions(("mood:calm",), ("a", "b", "c"), np.array([[1], [0], [1]]),
    ...                    np.array([[0.9], [0.2], [0.4]]))
    >>> evaluate_tags(p, seed=0).tags["mood:calm"].auc.value
    1.0
    """
    tracks = predictions.tracks()
    groups = [tracks.groups[clip] for clip in tracks.clip_ids]
    group = np.unique(groups, return_inverse=True)[1].astype(np.intp)
    bootstrap = ClusterBootstrap(
        int(group.max()) + 1, rng=np.random.default_rng(seed), resamples=resamples, confidence=confidence
    )
    completed, by_teacher = tracks.completed(), set(tracks.by_teacher())
    scores: dict[str, TagScores] = {}
    by_labels: list[TagScores] = []
    replicates: list[tuple[Float, Float]] = []
    for column, tag in enumerate(tracks.tags):
        measured: Measured = "teacher" if tag in by_teacher else "labels"
        scores[tag], drawn = _score(measured, completed, column, group, bootstrap)
        if scores[tag].measured == "labels" and not math.isnan(scores[tag].auc.value):
            by_labels.append(scores[tag])
            replicates.append(drawn)
    return TagEvaluation(
        seed=seed,
        resamples=resamples,
        confidence=confidence,
        tags=scores,
        mean_auc=_mean([each.auc for each in by_labels], [each for each, _ in replicates], bootstrap),
        mean_average_precision=_mean(
            [each.average_precision for each in by_labels], [each for _, each in replicates], bootstrap
        ),
        kinds=_kinds(tracks, group, bootstrap),
    )


def _score(
    measured: Measured, tracks: TagPredictions, column: int, group: Int, bootstrap: ClusterBootstrap
) -> tuple[TagScores, tuple[Float, Float]]:
    """Return the scores of a tag, and AUC and average precision of every resample."""
    probabilities, truth = tracks.probabilities[:, column], tracks.truth[:, column]
    pearson = spearman = None
    if tracks.teacher is not None and not np.isnan(tracks.teacher[:, column]).all():
        pearson, spearman = _correlations(probabilities, tracks.teacher[:, column], group, bootstrap)
    known = truth != -1
    positive, own, scores = truth[known] == 1, group[known], probabilities[known]
    trials = min(len(np.unique(own[positive])), len(np.unique(own[~positive])))
    weights, one = bootstrap.weights[:, own], np.ones((1, len(own)))
    drawn = roc_auc(scores, positive, weights), average_precision(scores, positive, weights)
    both = trials > 0
    auc = float(roc_auc(scores, positive, one)[0])
    precision = float(average_precision(scores, positive, one)[0]) if both else math.nan
    return TagScores(
        measured,
        int(positive.sum()),
        int((~positive).sum()),
        len(np.unique(own)),
        bootstrap.estimate(auc, drawn[0], trials=trials),
        bootstrap.estimate(precision, drawn[1], trials=trials),
        pearson,
        spearman,
    ), drawn


def _correlations(
    probabilities: Float, teacher: Float, group: Int, bootstrap: ClusterBootstrap
) -> tuple[Estimate, Estimate]:
    known = ~np.isnan(teacher)
    own, weights = group[known], bootstrap.weights[:, group[known]]
    one = np.ones((1, len(own)))
    estimates = []
    for first, second in (
        (probabilities[known], teacher[known]),
        (ranks(probabilities[known]), ranks(teacher[known])),
    ):
        value = float(correlation(first, second, one)[0])
        estimates.append(bootstrap.estimate(value, correlation(first, second, weights)))
    return estimates[0], estimates[1]


def _mean(figures: Sequence[Estimate], replicates: Sequence[Float], bootstrap: ClusterBootstrap) -> Estimate:
    """Return the mean of figures; that of a resample is of those that are defined in it."""
    if not figures:
        return Estimate(math.nan, math.nan, math.nan)
    drawn = np.stack(replicates)
    count = (~np.isnan(drawn)).sum(axis=0)
    means = np.where(count, np.nansum(drawn, axis=0) / np.maximum(count, 1), math.nan)
    return bootstrap.estimate(float(np.mean([each.value for each in figures])), means)


def _kinds(tracks: TagPredictions, group: Int, bootstrap: ClusterBootstrap) -> dict[str, KindScores]:
    kinds: dict[str, list[int]] = {}
    for column, tag in enumerate(tracks.tags):
        kinds.setdefault(tag.partition(":")[0], []).append(column)
    found = {}
    for kind, columns in kinds.items():
        truth = tracks.truth[:, columns]
        known = (truth != -1).all(axis=1)
        if len(columns) > 1 and known.any() and ((truth[known] == 1).sum(axis=1) == 1).all():
            tags = tuple(tracks.tags[column] for column in columns)
            predicted = tracks.probabilities[np.ix_(known, columns)].argmax(axis=1)
            found[kind] = _kind(tags, truth[known].argmax(axis=1), predicted, group[known], bootstrap)
    return found


def _kind(
    tags: tuple[str, ...], truth: Int, predicted: Int, group: Int, bootstrap: ClusterBootstrap
) -> KindScores:
    k, n = len(tags), len(truth)
    confusion = np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)
    resampled = bootstrap.confusions(truth, predicted, group, n_genres=k)
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracies = np.trace(resampled, axis1=1, axis2=2) / resampled.sum(axis=(1, 2))
    trials = len(np.unique(group))
    return KindScores(
        tags,
        n,
        trials,
        bootstrap.estimate(float(np.trace(confusion) / n), accuracies, trials=trials),
        bootstrap.estimate(float(balanced_accuracy(confusion)), balanced_accuracy(resampled), trials=trials),
        float(confusion.sum(axis=1).max() / n),
        confusion.astype(np.int64),
    )


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {name: None if math.isnan(x) else x for name, x in estimate._asdict().items()}
