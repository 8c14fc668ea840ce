"""The figures of an evaluation, each with its interval.

Definitions
-----------
For a confusion matrix with true genres in rows and predicted ones in columns:

- accuracy: share of all items on the diagonal;
- recall of a genre: diagonal over row sum; undefined where the genre is absent from the truth;
- balanced accuracy: mean recall of the genres that are present in the truth;
- precision of a genre: diagonal over column sum; undefined where the genre was never predicted;
- F1 of a genre: twice the diagonal over row sum plus column sum; undefined where it is neither true nor
  predicted;
- top-2 accuracy: share of items whose true genre is first or second; certain with two genres;
- log loss: mean of -ln(probability of the true genre), probabilities floored at the machine epsilon.

These are scikit-learn's `accuracy_score`, `balanced_accuracy_score`, `precision_recall_fscore_support`
(`zero_division=nan`), `top_k_accuracy_score` (k=2) and `log_loss`.

Conventions
-----------
Each figure exists for segments, and for tracks under each voting rule. The log loss of tracks is that of the
mean probability, so it is given under the rule `mean` only. Intervals resample groups of clips on both
levels: see `genrelab.lab.metrics.bootstrap`. Undefined figures are NaN, and null in JSON.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate, Float, Int
from genrelab.lab.metrics.predictions import Answers, Predictions
from genrelab.voting import VOTING_RULES, VotingRule


@dataclass(frozen=True)
class GenreScores:
    """How well one genre was recognized.

    Attributes
    ----------
    support : int
        Items of this genre.
    predicted : int
        Number of items predicted as this genre.
    recall, precision, f1 : Estimate
        Between 0 and 1; NaN where undefined.
    """

    support: int
    predicted: int
    recall: Estimate
    precision: Estimate
    f1: Estimate


@dataclass(frozen=True, eq=False)
class LevelScores:
    """All figures of the segments, or of the tracks under one voting rule.

    Attributes
    ----------
    n : int
        Segments or tracks.
    groups : int
        Groups (artists) among them, the units of resampling.
    accuracy, balanced_accuracy, top2_accuracy : Estimate
        Between 0 and 1.
    log_loss : Estimate or None
        In nats; None under the rule `majority`.
    by_genre : mapping of str to GenreScores
        In the order of the genres.
    confusion : np.ndarray [shape=(genres, genres)], int
        Rows are true genres, columns predicted ones.
    shares : tuple of tuple of Estimate
        The confusion matrix divided by its row sums.
    """

    n: int
    groups: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    top2_accuracy: Estimate
    log_loss: Estimate | None
    by_genre: Mapping[str, GenreScores]
    confusion: npt.NDArray[np.int64]
    shares: tuple[tuple[Estimate, ...], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as a JSON value."""
        return {
            "n": self.n,
            "groups": self.groups,
            "accuracy": _plain(self.accuracy),
            "balanced_accuracy": _plain(self.balanced_accuracy),
            "top2_accuracy": _plain(self.top2_accuracy),
            "log_loss": None if self.log_loss is None else _plain(self.log_loss),
            "by_genre": {
                genre: {
                    "support": scores.support,
                    "predicted": scores.predicted,
                    "recall": _plain(scores.recall),
                    "precision": _plain(scores.precision),
                    "f1": _plain(scores.f1),
                }
                for genre, scores in self.by_genre.items()
            },
            "confusion": {
                "counts": self.confusion.tolist(),
                "shares": [[_plain(share) for share in row] for row in self.shares],
            },
        }


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All figures of a set of predictions.

    Attributes
    ----------
    genres : tuple of str
        In the order of the confusion matrices.
    seed, resamples, confidence
        How the intervals were made.
    segment : LevelScores
        Every segment for itself.
    track : mapping of {"majority", "mean"} to LevelScores
        Tracks under each voting rule.
    """

    genres: tuple[str, ...]
    seed: int
    resamples: int
    confidence: float
    segment: LevelScores
    track: Mapping[VotingRule, LevelScores]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON value with figures as `{"value", "low", "high"}`, null where undefined."""
        return {
            "genres": list(self.genres),
            "intervals": {
                "method": "percentile bootstrap over groups (artists, or clips where unknown)",
                "seed": self.seed,
                "resamples": self.resamples,
                "confidence": self.confidence,
            },
            "segment": self.segment.to_dict(),
            "track": {rule: scores.to_dict() for rule, scores in self.track.items()},
        }


def evaluate(
    predictions: Predictions, *, seed: int, resamples: int = 2000, confidence: float = 0.95
) -> Evaluation:
    """Compute every figure with its interval.

    Parameters
    ----------
    predictions : Predictions
        Of one test set, or of several folds joined by `pool`.
    seed : int
        Of the resampling; the same seed gives the same intervals.
    resamples : int > 0
        Number of resamples.
    confidence : float between 0 and 1
        Of the intervals.

    Returns
    -------
    Evaluation

    Raises
    ------
    UsageError
        If `resamples` or `confidence` is out of range.

    Examples
    --------
    >>> p = Predictions(("jazz", "rock"), ("a", "b"), np.zeros(2), np.array([[0.9, 0.1], [0.2, 0.8]]),
    ...                 {"a": "jazz", "b": "jazz"})
    >>> evaluate(p, seed=0).track["majority"].accuracy.value
    0.5
    """
    names = {name: number for number, name in enumerate(sorted(set(predictions.groups.values())))}
    bootstrap = ClusterBootstrap(
        len(names), rng=np.random.default_rng(seed), resamples=resamples, confidence=confidence
    )
    genres = predictions.genres
    return Evaluation(
        genres,
        seed,
        resamples,
        confidence,
        _score(predictions.segments(), genres, names, bootstrap, log_loss=True),
        {
            rule: _score(predictions.tracks(rule), genres, names, bootstrap, log_loss=rule == "mean")
            for rule in VOTING_RULES
        },
    )


def _score(
    answers: Answers,
    genres: tuple[str, ...],
    names: Mapping[str, int],
    bootstrap: ClusterBootstrap,
    *,
    log_loss: bool,
) -> LevelScores:
    truth, predicted = answers.truth, answers.orders[:, 0]
    group = np.array([names[name] for name in answers.groups], dtype=np.intp)
    n, k = len(truth), len(genres)
    confusion = np.bincount(truth * k + predicted, minlength=k * k).reshape(k, k)
    resampled = bootstrap.confusions(truth, predicted, group, n_genres=k)
    sizes = bootstrap.sums(np.ones(n), group)
    second = (answers.orders[:, :2] == truth[:, None]).any(axis=1)
    surprise = -np.log(np.maximum(answers.probabilities[np.arange(n), truth], np.finfo(np.float64).eps))

    def share(value: float, replicates: Float) -> Estimate:
        return bootstrap.estimate(value, replicates, trials=len(names))

    accuracy = np.trace(resampled, axis1=1, axis2=2) / sizes
    return LevelScores(
        n,
        len(names),
        share(np.trace(confusion) / n, accuracy),
        share(float(balanced_accuracy(confusion)), balanced_accuracy(resampled)),
        share(second.mean(), bootstrap.sums(second, group) / sizes) if k > 2 else Estimate(1.0, 1.0, 1.0),
        bootstrap.estimate(surprise.mean(), bootstrap.sums(surprise, group) / sizes) if log_loss else None,
        _by_genre(genres, confusion, resampled, _trials(truth, predicted, group, k), bootstrap),
        confusion.astype(np.int64),
        _shares(confusion, resampled, _groups_with(truth, group, k), bootstrap),
    )


def _by_genre(
    genres: tuple[str, ...],
    confusion: Int,
    resampled: Float,
    trials: tuple[Int, Int, Int],
    bootstrap: ClusterBootstrap,
) -> dict[str, GenreScores]:
    figures = [
        [
            bootstrap.estimate(value, replicates, trials=int(bearing))
            for value, replicates, bearing in zip(figure(confusion), figure(resampled).T, groups, strict=True)
        ]
        for figure, groups in zip((recall, precision, f1), trials, strict=True)
    ]
    support, predicted = confusion.sum(axis=1).tolist(), confusion.sum(axis=0).tolist()
    rows = zip(support, predicted, *figures, strict=True)
    return {genre: GenreScores(*row) for genre, row in zip(genres, rows, strict=True)}


def _shares(
    confusion: Int, resampled: Float, trials: Int, bootstrap: ClusterBootstrap
) -> tuple[tuple[Estimate, ...], ...]:
    values, replicates = row_shares(confusion), row_shares(resampled)
    k = len(confusion)
    return tuple(
        tuple(bootstrap.estimate(values[i, j], replicates[:, i, j], trials=int(trials[i])) for j in range(k))
        for i in range(k)
    )


def _trials(truth: Int, predicted: Int, group: Int, k: int) -> tuple[Int, Int, Int]:
    """Count the groups that bear on each genre's recall, precision and F1."""
    either = _groups_with(np.concatenate([truth, predicted]), np.concatenate([group, group]), k)
    return _groups_with(truth, group, k), _groups_with(predicted, group, k), either


def _groups_with(genre: Int, group: Int, k: int) -> Int:
    return np.bincount(np.unique(group * k + genre) % k, minlength=k)


def recall(confusion: npt.ArrayLike) -> Float:
    """Return each genre's recall `[..., genres]` from confusion matrices `[..., genres, genres]`."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(_diagonal(counts), counts.sum(axis=-1))


def precision(confusion: npt.ArrayLike) -> Float:
    """Return each genre's precision `[..., genres]` from confusion matrices `[..., genres, genres]`."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(_diagonal(counts), counts.sum(axis=-2))


def f1(confusion: npt.ArrayLike) -> Float:
    """Return each genre's F1 `[..., genres]` from confusion matrices `[..., genres, genres]`."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(2 * _diagonal(counts), counts.sum(axis=-1) + counts.sum(axis=-2))


def row_shares(confusion: npt.ArrayLike) -> Float:
    """Divide confusion matrices `[..., genres, genres]` by their row sums."""
    counts = np.asarray(confusion, dtype=np.float64)
    return _ratio(counts, counts.sum(axis=-1, keepdims=True))


def balanced_accuracy(confusion: npt.ArrayLike) -> Float:
    """Return the mean recall `[...]` of the genres present in confusion matrices `[..., genres, genres]`."""
    recalls = recall(confusion)
    present = ~np.isnan(recalls)
    return _ratio(np.where(present, recalls, 0.0).sum(axis=-1), present.sum(axis=-1))


def _diagonal(counts: Float) -> Float:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> Float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.true_divide(above, below))


def _plain(estimate: Estimate) -> dict[str, float | None]:
    return {name: None if math.isnan(x) else x for name, x in estimate._asdict().items()}
