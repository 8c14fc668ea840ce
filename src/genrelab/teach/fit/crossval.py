"""Scores of held-out examples by nested cross-validation.

Each fold is predicted by a classifier that saw only the other folds, and whose shrinkage was chosen within
those. So the figures that follow from the scores include the choice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.statistics.ranking import average_precision
from genrelab.teach.fit.discriminant import ABSENT, Float, Float32, Linear, Moments, discriminants

Int = npt.NDArray[np.intp]

SHRINKAGES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.97)
"""What the cross-validation chooses from."""


@dataclass(frozen=True)
class HeldOut:
    """The scores of examples by classifiers that did not see their groups.

    Attributes
    ----------
    scores : np.ndarray [shape=(n, genres)]
    shrinkage : float
        The best one for all examples, by the mean over genres of the probability of the right genre at a
        common temperature; with several genres per track, by the mean average precision.
    """

    scores: Float
    shrinkage: float


def cross_validate(
    values: Float32, labels: Float, folds: Int, *, multi: bool, step: Callable[[int, int], None] | None = None
) -> HeldOut:
    """Score each example with a classifier that did not see its fold.

    Parameters
    ----------
    values : np.ndarray [shape=(n, d)], float32
        Scaled embeddings.
    labels : np.ndarray [shape=(n, genres)]
        See `Moments`.
    folds : np.ndarray [shape=(n,)], int
        Numbered from 0.
    multi : bool
        See `discriminants`.
    step : callable or None
        Called with the number of finished steps and that of all steps.

    Returns
    -------
    HeldOut
    """
    count = int(folds.max()) + 1
    parts = [Moments.of(values[folds == fold], labels[folds == fold]) for fold in range(count)]
    every = parts[0]
    for part in parts[1:]:
        every = every + part
    quality = np.zeros((count, len(SHRINKAGES)))  # of each outer fold
    pairs = [(one, other) for one in range(count) for other in range(one)] if count > 2 else []
    steps, done = len(pairs) + count, 0
    judges = [_Judge(len(SHRINKAGES), multi=multi) for _ in range(count)]
    for one, other in pairs:
        fitted = discriminants(every - parts[one] - parts[other], SHRINKAGES, multi=multi)
        for outer, inner in ((one, other), (other, one)):
            inside = folds == inner
            for number, linear in enumerate(fitted):
                judges[outer].add(number, linear.scores(values[inside]), labels[inside])
        done += 1
        if step is not None:
            step(done, steps)
    scores = np.zeros(labels.shape)
    total = _Judge(len(SHRINKAGES), multi=multi)
    for outer in range(count):
        inside = folds == outer
        quality[outer] = judges[outer].values()
        best = _best(quality[outer])
        for number, linear in enumerate(discriminants(every - parts[outer], SHRINKAGES, multi=multi)):
            found = linear.scores(values[inside])
            total.add(number, found, labels[inside])
            if number == best:
                scores[inside] = found
        done += 1
        if step is not None:
            step(done, steps)
    if multi and not np.isfinite(scores).all():  # the only examples of a genre are in one fold
        scores[~np.isfinite(scores)] = scores[np.isfinite(scores)].min(initial=0.0)
    return HeldOut(scores, SHRINKAGES[_best(total.values())])


def fit_all(values: Float32, labels: Float, shrinkage: float, *, multi: bool) -> Linear:
    """Fit all examples; parameters as for `cross_validate`."""
    return discriminants(Moments.of(values, labels), (shrinkage,), multi=multi)[0]


def _best(quality: Float) -> int:
    """Return the number of the best shrinkage; of equal ones the strongest."""
    return int(len(quality) - 1 - np.argmax(quality[::-1].round(6)))


class _Judge:
    """Collects how well each of several classifiers predicts held-out examples."""

    def __init__(self, classifiers: int, *, multi: bool) -> None:
        self._multi = multi
        self._hits: list[Float | float] = [0.0] * classifiers
        self._counts: list[Float | float] = [0.0] * classifiers

    def add(self, number: int, scores: Float, labels: Float) -> None:
        if not len(scores):
            return
        if self._multi:
            found, usable = average_precisions(scores, labels > 0), (labels > 0).any(axis=0)
            self._hits[number] += np.where(usable, found, 0.0)
            self._counts[number] += usable.astype(np.float64)
        else:
            self._hits[number] += (labels * _probabilities(scores)).sum(axis=0)
            self._counts[number] += labels.sum(axis=0)

    def values(self) -> Float:
        """Return the mean over genres, per classifier."""
        shares = []
        for hits, counts in zip(self._hits, self._counts, strict=True):
            counted = np.atleast_1d(counts) > 0
            share = np.atleast_1d(hits)[counted] / np.atleast_1d(counts)[counted]
            shares.append(float(share.mean()) if share.size else 0.0)
        return np.asarray(shares)


def _probabilities(scores: Float) -> Float:
    """Return rough probabilities: scores of any scale, divided by half of their deviation within a row.

    Their mean for the right genre is a smoother figure than accuracy, and chooses better with few examples.
    """
    known = scores > ABSENT
    usual = np.where(known, scores, np.nan)
    temperature = max(float(np.nanmean(np.nanstd(usual, axis=1))) / 2, 1e-9)
    powers = np.where(known, np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature), 0.0)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def average_precisions(scores: Float, positive: npt.NDArray[np.bool_]) -> Float:
    """Return the average precision of each genre [shape=(genres,)]; NaN without positive examples."""
    once, scores = np.ones((1, len(scores))), np.nan_to_num(scores, neginf=-1e30)  # ABSENT
    return np.array(
        [average_precision(scores[:, k], positive[:, k], once)[0] for k in range(scores.shape[1])]
    )
