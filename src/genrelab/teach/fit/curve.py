"""Accuracy with fewer examples: what more of them would bring."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from genrelab.teach.fit.crossval import Int, average_precisions
from genrelab.teach.fit.discriminant import Float, Float32, Moments, discriminants

SHARES = (0.125, 0.25, 0.5)


class CurvePoint(NamedTuple):
    """A point of the learning curve.

    Attributes
    ----------
    examples : float
        Mean number of training examples per genre.
    quality : float
        Balanced accuracy, or mean average precision with several genres per track.
    """

    examples: float
    quality: float


def learning_scores(
    values: Float32, labels: Float, folds: Int, groups: Int, shrinkage: float, *, multi: bool
) -> Iterator[tuple[float, Float]]:
    """Score all examples with classifiers that saw only a share of the groups of the other folds.

    Parameters
    ----------
    values, labels, folds, multi
        As for `genrelab.teach.fit.crossval.cross_validate`.
    groups : np.ndarray [shape=(n,)], int
    shrinkage : float
        Of all classifiers. It is the best for all examples; for few of them a stronger one may be better, so
        that the curve begins a little too low.

    Yields
    ------
    float, np.ndarray [shape=(n, genres)]
        For each of `SHARES`, from few to many: the mean number of training examples per genre, and the
        scores.
    """
    rank = np.random.default_rng(0).permutation(int(groups.max()) + 1)[groups]
    for share in SHARES:
        kept = rank < share * (int(groups.max()) + 1)
        parts = [
            Moments.of(values[kept & (folds == fold)], labels[kept & (folds == fold)])
            for fold in range(int(folds.max()) + 1)
        ]
        every = parts[0]
        for part in parts[1:]:
            every = every + part
        scores = np.zeros(labels.shape)
        for fold, part in enumerate(parts):
            inside = folds == fold
            scores[inside] = discriminants(every - part, (shrinkage,), multi=multi)[0].scores(values[inside])
        used = (every.counts.sum() / labels.shape[1]) * (len(parts) - 1) / len(parts)
        yield float(used), scores


def quality_of(scores: Float, labels: Float, *, multi: bool) -> float:
    """Return the balanced accuracy, or the mean average precision, of scores."""
    if multi:
        return float(np.nanmean(average_precisions(scores, labels > 0)))
    right = labels[np.arange(len(labels)), scores.argmax(axis=1)] > 0
    counts = labels.sum(axis=0)
    hits = (labels * right[:, None]).sum(axis=0)
    return float((hits[counts > 0] / counts[counts > 0]).mean())
