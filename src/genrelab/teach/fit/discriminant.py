"""Regularized linear discriminants.

Definition
----------
For one genre per track: linear discriminant analysis with one covariance of all genres, shrunk towards a
multiple of the identity (Friedman, "Regularized discriminant analysis", 1989; Hastie et al., "The elements of
statistical learning", section 4.3.1), and equal prior probabilities, so that a rare genre is not at a
disadvantage. For several genres per track: one such discriminant per genre against all others, with the
covariance of all tracks.

Everything follows from sums over examples (`Moments`), so that leaving out a fold is a subtraction.
docs/results/teach.md compares it with other classifiers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Float32 = npt.NDArray[np.float32]

_BLOCK = 4096  # examples converted to double precision at a time
ABSENT = -np.inf
"""The score of a genre without examples."""


class Linear(NamedTuple):
    """A linear function: scores are `x @ weights + bias`.

    Attributes
    ----------
    weights : np.ndarray [shape=(d, genres)]
    bias : np.ndarray [shape=(genres,)]
    """

    weights: Float
    bias: Float

    def scores(self, values: Float32) -> Float:
        """Return the scores [shape=(n, genres)] of vectors [shape=(n, d)]."""
        return np.asarray(values @ self.weights.astype(np.float32) + self.bias.astype(np.float32), np.float64)


class Scaling(NamedTuple):
    """Mean and standard deviation of each dimension [shape=(d,)]."""

    mean: Float
    deviation: Float

    @classmethod
    def of(cls, values: Float32) -> Scaling:
        """Measure vectors [shape=(n, d)]; a constant dimension has the deviation 1."""
        deviation = values.std(axis=0, dtype=np.float64)
        usable = deviation > 1e-6 * max(float(deviation.max(initial=0.0)), 1e-12)
        return cls(values.mean(axis=0, dtype=np.float64), np.where(usable, deviation, 1.0))

    def apply(self, values: Float32) -> Float32:
        """Return vectors with mean 0 and deviation 1."""
        return ((values - self.mean.astype(np.float32)) / self.deviation.astype(np.float32)).astype(
            np.float32
        )

    def unscaled(self, linear: Linear) -> Linear:
        """Return the function of unscaled vectors that equals a function of scaled ones."""
        weights = linear.weights / self.deviation[:, None]
        return Linear(weights, linear.bias - self.mean @ weights)


@dataclass(frozen=True)
class Moments:
    """Sums over examples.

    Attributes
    ----------
    n : float
        Number of examples.
    total : np.ndarray [shape=(d,)]
        Sum of the vectors.
    second : np.ndarray [shape=(d, d)]
        Sum of their outer products.
    counts : np.ndarray [shape=(genres,)]
        Sum of the labels.
    sums : np.ndarray [shape=(genres, d)]
        Sum of the vectors of each genre, weighted by label.
    """

    n: float
    total: Float
    second: Float
    counts: Float
    sums: Float

    @classmethod
    def of(cls, values: Float32, labels: Float) -> Moments:
        """Sum over vectors [shape=(n, d)] and their labels [shape=(n, genres)]."""
        size, genres = values.shape[1], labels.shape[1]
        total, second, sums = np.zeros(size), np.zeros((size, size)), np.zeros((genres, size))
        for start in range(0, len(values), _BLOCK):
            block = values[start : start + _BLOCK].astype(np.float64)
            total += block.sum(axis=0)
            second += block.T @ block
            sums += labels[start : start + _BLOCK].T @ block
        return cls(float(len(values)), total, second, labels.sum(axis=0), sums)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.n + other.n,
            self.total + other.total,
            self.second + other.second,
            self.counts + other.counts,
            self.sums + other.sums,
        )

    def __sub__(self, other: Moments) -> Moments:
        return Moments(
            self.n - other.n,
            self.total - other.total,
            self.second - other.second,
            self.counts - other.counts,
            self.sums - other.sums,
        )


def discriminants(moments: Moments, shrinkages: tuple[float, ...], *, multi: bool) -> list[Linear]:
    """Fit linear discriminants.

    Parameters
    ----------
    moments : Moments
        Of the training examples. With one genre per track, the labels of an example sum to 1.
    shrinkages : tuple of float in 0..1
        0 is the covariance itself (add a little: it may be singular), 1 a multiple of the identity.
    multi : bool
        Whether tracks have several genres, each with a discriminant of its own against all other tracks.

    Returns
    -------
    list of Linear
        One per shrinkage. A genre without examples has the score `ABSENT`.
    """
    present = moments.counts > 1e-9
    if multi:
        present &= moments.counts < moments.n - 1e-9
    counts = np.where(present, moments.counts, 1.0)
    means = moments.sums / counts[:, None]
    if multi:
        rest = np.where(present, moments.n - moments.counts, 1.0)
        others = (moments.total - moments.sums) / rest[:, None]
        centre = moments.total / moments.n
        covariance = moments.second / moments.n - np.outer(centre, centre)
        differences, middles = means - others, (means + others) / 2
    else:
        weighted = means * np.sqrt(np.where(present, moments.counts, 0.0))[:, None]
        covariance = (moments.second - weighted.T @ weighted) / max(moments.n, 1.0)
        differences, middles = means, means / 2
    level = max(float(np.trace(covariance)) / len(covariance), 1e-9)
    fitted = []
    for shrinkage in shrinkages:
        shrunk = (1 - shrinkage) * covariance
        shrunk[np.diag_indices_from(shrunk)] += max(shrinkage, 1e-6) * level
        weights = np.linalg.solve(shrunk, differences.T)
        bias = -(weights * middles.T).sum(axis=0)
        fitted.append(Linear(np.where(present, weights, 0.0), np.where(present, bias, ABSENT)))
    return fitted
