"""What the predictions of held-out examples say about a classifier, with intervals by group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from genrelab.statistics.bootstrap import ClusterBootstrap, Estimate
from genrelab.statistics.calibration import Bin, Threshold, calibration_error, lowest_threshold, reliability
from genrelab.statistics.ranking import average_precision, roc_auc
from genrelab.teach.fit.discriminant import Float
from genrelab.teach.fit.folds import Int

MOST_DRAWS = 4_000_000
"""Resamples times groups."""
ALIKE_BELOW = 0.65
"""Two genres cannot be told apart if the accuracy between them is lower; 0.5 is chance."""
FEWEST_TO_COMPARE = 8
"""Examples that each of two such genres must have."""
MOST_IN_JSON = 200
_MOST_PAIRS = 20


@dataclass(frozen=True)
class GenreFigures:
    """The figures of one genre.

    Attributes
    ----------
    genre : str
    examples, groups : int
    recall, precision : Estimate
        Of the most probable genre; with several genres per track, of the genres above thresholds that were
        chosen without the fold of the track.
    auc, average_precision : Estimate or None
        Only with several genres per track.
    threshold : float or None
        The probability from which the genre is present; only with several genres per track.
    """

    genre: str
    examples: int
    groups: int
    recall: Estimate
    precision: Estimate
    auc: Estimate | None = None
    average_precision: Estimate | None = None
    threshold: float | None = None


@dataclass(frozen=True)
class Alike:
    """Two genres that cannot be told apart: the mean recall of both if only they could be predicted."""

    first: str
    second: str
    accuracy: float


@dataclass(frozen=True)
class Figures:
    """The figures of a classifier, all of held-out examples.

    Attributes
    ----------
    examples, groups : int
    balanced_accuracy, accuracy : Estimate
        Of the most probable genre. A track with several genres is right with any of them.
    confusion : np.ndarray [shape=(genres, genres)]
        Rows are labels, columns predictions.
    bins : tuple of Bin
    calibration_error : float
    threshold : Threshold
    genres : tuple of GenreFigures
    alike : tuple of Alike
        Least distinct first.
    mean_average_precision, mean_auc : Estimate or None
        Means over genres; only with several genres per track.
    """

    examples: int
    groups: int
    balanced_accuracy: Estimate
    accuracy: Estimate
    confusion: Float
    bins: tuple[Bin, ...]
    calibration_error: float
    threshold: Threshold
    genres: tuple[GenreFigures, ...]
    alike: tuple[Alike, ...]
    mean_average_precision: Estimate | None = None
    mean_auc: Estimate | None = None

    def _cells(self) -> list[list[int]] | None:
        if len(self.genres) > MOST_IN_JSON:
            return None
        return [[int(cell) for cell in row] for row in self.confusion]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as a JSON object; the confusion matrix only of up to `MOST_IN_JSON` genres."""
        return {
            "examples": self.examples,
            "groups": self.groups,
            "balanced_accuracy": plain_estimate(self.balanced_accuracy),
            "accuracy": plain_estimate(self.accuracy),
            "calibration_error": round(self.calibration_error, 4),
            "mean_average_precision": plain_estimate(self.mean_average_precision),
            "mean_auc": plain_estimate(self.mean_auc),
            "threshold": {
                "confidence": self.threshold.confidence,
                "wanted": self.threshold.wanted,
                "reached": self.threshold.reached,
                "precision": plain_estimate(self.threshold.precision),
                "answered": round(self.threshold.answered, 4),
            },
            "genres": [
                {
                    "genre": each.genre,
                    "examples": each.examples,
                    "groups": each.groups,
                    "recall": plain_estimate(each.recall),
                    "precision": plain_estimate(each.precision),
                    "auc": plain_estimate(each.auc),
                    "average_precision": plain_estimate(each.average_precision),
                    "threshold": each.threshold,
                }
                for each in self.genres
            ],
            "confusion": self._cells(),
            "alike": [
                {"genres": [each.first, each.second], "accuracy": round(each.accuracy, 4)}
                for each in self.alike
            ],
        }


def plain_estimate(estimate: Estimate | None) -> dict[str, float | None] | None:
    """Return an estimate as a JSON object; None for an undefined number."""
    if estimate is None:
        return None
    return {
        name: None if math.isnan(value) else round(float(value), 4)
        for name, value in estimate._asdict().items()
    }


def make_bootstrap(groups: Int, seed: int) -> ClusterBootstrap:
    """Return resamples of groups: 2,000, or fewer of very many groups."""
    count = int(groups.max()) + 1
    resamples = int(np.clip(MOST_DRAWS // count, 100, 2000))
    return ClusterBootstrap(count, rng=np.random.default_rng(seed), resamples=resamples)


def measure(
    genres: tuple[str, ...],
    labels: Float,
    groups: Int,
    probabilities: Float,
    *,
    precision: float,
    seed: int = 0,
) -> Figures:
    """Measure exclusive predictions.

    Parameters
    ----------
    genres : tuple of str
    labels : np.ndarray [shape=(n, genres)]
        Above 0 where an example has a genre.
    groups : np.ndarray [shape=(n,)], int
        Numbered from 0 without gaps.
    probabilities : np.ndarray [shape=(n, genres)]
        Of held-out examples; rows sum to 1.
    precision : float
        The wanted precision of the threshold.
    seed : int
        Of the resamples.

    Returns
    -------
    Figures
    """
    rows = np.arange(len(labels))
    predicted = probabilities.argmax(axis=1)
    right = labels[rows, predicted] > 0
    truth = np.where(right, predicted, (labels > 0).argmax(axis=1))
    bootstrap = make_bootstrap(groups, seed)
    confusion = np.zeros((len(genres), len(genres)))
    np.add.at(confusion, (truth, predicted), 1.0)
    recall_sum = np.zeros(bootstrap.resamples)
    recall_count = np.zeros(bootstrap.resamples)
    each = []
    for number, genre in enumerate(genres):
        own, told = truth == number, predicted == number
        recall, replicates = _share(bootstrap, right & own, own, groups)
        accurate, _ = _share(bootstrap, right & told, told, groups)
        drawn = ~np.isnan(replicates)
        recall_sum[drawn] += replicates[drawn]
        recall_count += drawn
        has = labels[:, number] > 0
        each.append(GenreFigures(genre, int(has.sum()), len(np.unique(groups[has])), recall, accurate))
    recalls = [one.recall.value for one in each if not math.isnan(one.recall.value)]
    balanced = bootstrap.estimate(
        float(np.mean(recalls)), recall_sum / np.maximum(recall_count, 1), trials=bootstrap.n_groups
    )
    everything = np.ones(len(right), dtype=bool)
    confidence = probabilities[rows, predicted]
    return Figures(
        len(labels),
        bootstrap.n_groups,
        balanced,
        _share(bootstrap, right, everything, groups)[0],
        confusion,
        tuple(reliability(confidence, right)),
        calibration_error(confidence, right),
        lowest_threshold(confidence, right, groups, bootstrap, precision=precision),
        tuple(each),
        find_alike(genres, labels, probabilities),
    )


class Judgement(NamedTuple):
    """Independent probabilities of held-out examples.

    Attributes
    ----------
    labels : np.ndarray [shape=(n, genres)]
        Above 0 where an example has a genre.
    groups : np.ndarray [shape=(n,)], int
        Numbered from 0 without gaps.
    probabilities : np.ndarray [shape=(n, genres)]
    folds : np.ndarray [shape=(n,)], int
        In which the examples were held out.
    """

    labels: Float
    groups: Int
    probabilities: Float
    folds: Int


def measure_genres(figures: Figures, judgement: Judgement, *, seed: int = 0) -> Figures:
    """Add the figures of independent probabilities, with the threshold of each genre.

    Parameters
    ----------
    figures : Figures
        From `measure`.
    judgement : Judgement
    seed : int
        As for `measure`.

    Returns
    -------
    Figures
        The threshold of a genre is that with the highest F1 score. Recall and precision refer to thresholds
        that were chosen in the same way without the fold of each example.
    """
    labels, groups, probabilities, folds = judgement
    bootstrap = make_bootstrap(groups, seed)
    weights = np.concatenate([np.ones((1, len(groups))), bootstrap.weights[:200][:, groups]])
    tables: dict[str, list[Float]] = {"auc": [], "ap": []}
    found = []
    for number, genre in enumerate(figures.genres):
        has, scores = labels[:, number] > 0, probabilities[:, number]
        auc, precision = roc_auc(scores, has, weights), average_precision(scores, has, weights)
        tables["auc"].append(auc)
        tables["ap"].append(precision)
        threshold = best_threshold(scores, has)
        told = scores >= held_out_thresholds(scores, has, folds)
        found.append(
            GenreFigures(
                genre.genre,
                genre.examples,
                genre.groups,
                _share(bootstrap, has & told, has, groups)[0],
                _share(bootstrap, has & told, told, groups)[0],
                bootstrap.estimate(auc[0], auc[1:]),
                bootstrap.estimate(precision[0], precision[1:]),
                threshold,
            )
        )
    means = {name: np.nanmean(np.stack(rows), axis=0) for name, rows in tables.items()}
    return Figures(
        **{
            **figures.__dict__,
            "genres": tuple(found),
            "mean_average_precision": bootstrap.estimate(means["ap"][0], means["ap"][1:]),
            "mean_auc": bootstrap.estimate(means["auc"][0], means["auc"][1:]),
        }
    )


def best_threshold(probabilities: Float, has: Any) -> float:
    """Return the probability, in hundredths, from which the F1 score of a genre is best; else 0.5."""
    best, value = 0.5, -1.0
    if not has.any():
        return best
    for percent in range(5, 96):
        told = probabilities >= percent / 100
        score = 2 * float((told & has).sum()) / max(1.0, float(told.sum() + has.sum()))
        if score > value + 1e-12:
            best, value = percent / 100, score
    return best


def held_out_thresholds(probabilities: Float, has: Any, folds: Int) -> Float:
    """Return for each example [shape=(n,)] the best threshold of the examples of other folds."""
    found = np.empty(len(probabilities))
    for fold in np.unique(folds):
        others = folds != fold
        found[~others] = best_threshold(probabilities[others], has[others])
    return found


def find_alike(genres: tuple[str, ...], labels: Float, probabilities: Float) -> tuple[Alike, ...]:
    """Return pairs of genres that cannot be told apart, the least distinct first."""
    only = (labels > 0).sum(axis=1) == 1
    truth = (labels > 0).argmax(axis=1)
    counts = np.bincount(truth[only], minlength=len(genres))
    enough = np.flatnonzero(counts >= FEWEST_TO_COMPARE)
    wins = np.full((len(genres), len(genres)), np.nan)  # how often its own genre beats each other one
    for genre in enough:
        rows = probabilities[only & (truth == genre)]
        ahead = (rows[:, genre][:, None] > rows).mean(axis=0)
        level = (rows[:, genre][:, None] == rows).mean(axis=0)
        wins[genre] = ahead + level / 2
    both = (wins + wins.T) / 2
    pairs = [
        Alike(genres[one], genres[other], float(both[one, other]))
        for one, other in np.argwhere(np.triu(both < ALIKE_BELOW, 1))
    ]
    return tuple(sorted(pairs, key=lambda pair: pair.accuracy)[:_MOST_PAIRS])


def _share(bootstrap: ClusterBootstrap, hits: Any, among: Any, groups: Int) -> tuple[Estimate, Float]:
    """Return the share of hits among some examples, and that of each resample."""
    if not among.any():
        return Estimate(math.nan, math.nan, math.nan), np.full(bootstrap.resamples, np.nan)
    present, own = np.unique(groups[among], return_inverse=True)
    cells = np.stack([np.bincount(own, weights=hits[among]), np.bincount(own)], axis=1)
    sums = bootstrap.weights[:, present] @ cells
    with np.errstate(invalid="ignore", divide="ignore"):
        replicates = sums[:, 0] / sums[:, 1]
    value = float(hits[among].mean())
    return bootstrap.estimate(value, replicates, trials=len(present)), replicates
