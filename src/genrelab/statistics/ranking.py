"""Figures of a ranking of items, for many weightings of the items at once.

Definitions
-----------
- The area under the ROC curve (AUC) is the probability that a positive item has a higher score than a
  negative one; equal scores count half.
- The average precision is the sum over all thresholds of the gain in recall, times the precision there.
- The correlation is that of Pearson; of ranks, it is that of Spearman.

With one weighting of ones, they are scikit-learn's `roc_auc_score` and `average_precision_score`, and SciPy's
`pearsonr` and `spearmanr`. A bootstrap resample is a weighting: how often each item was drawn. A figure that
is undefined under a weighting is NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

_AT_ONCE = 2_000_000
"""Most weights that are sorted at the same time."""


def roc_auc(scores: Float, positive: Bool, weights: Float) -> Float:
    """Return the area under the ROC curve.

    Parameters
    ----------
    scores : np.ndarray [shape=(n,)]
    positive : np.ndarray [shape=(n,)], bool
    weights : np.ndarray [shape=(weightings, n)]
        At least 0.

    Returns
    -------
    np.ndarray [shape=(weightings,)]
        NaN without positive or without negative items.

    Examples
    --------
    >>> roc_auc(np.array([0.1, 0.4, 0.4, 0.9]), np.array([False, True, False, True]), np.ones((1, 4)))
    array([0.875])
    """

    def figure(with_it: Float, without: Float) -> Float:
        below = np.cumsum(without, axis=1) - without
        return _ratio(
            (with_it * (below + without / 2)).sum(axis=1), with_it.sum(axis=1) * without.sum(axis=1)
        )

    return _by_level(scores, positive, weights, figure)


def average_precision(scores: Float, positive: Bool, weights: Float) -> Float:
    """Return the average precision; see `roc_auc` for the parameters. NaN without positive items.

    Examples
    --------
    >>> average_precision(np.array([0.1, 0.4, 0.9]), np.array([True, False, True]), np.ones((1, 3)))
    array([0.83333333])
    """

    def figure(with_it: Float, without: Float) -> Float:
        gain, total = with_it[:, ::-1], (with_it + without)[:, ::-1]
        found = np.cumsum(gain, axis=1)
        precision = np.nan_to_num(_ratio(found, np.cumsum(total, axis=1)))
        return _ratio((gain * precision).sum(axis=1), found[:, -1])

    return _by_level(scores, positive, weights, figure)


def correlation(first: Float, second: Float, weights: Float) -> Float:
    """Return the weighted correlation of two variables.

    Parameters
    ----------
    first, second : np.ndarray [shape=(n,)]
    weights : np.ndarray [shape=(weightings, n)]

    Returns
    -------
    np.ndarray [shape=(weightings,)]
        NaN if one of them is constant.

    Examples
    --------
    >>> correlation(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]), np.ones((1, 3))).round(6)
    array([1.])
    """
    # Differences from the mean first: the sums below would lose the digits of values far from 0.
    x, y = first - first.mean(), second - second.mean()
    total = weights.sum(axis=1)
    mean_x, mean_y = _ratio(weights @ x, total), _ratio(weights @ y, total)
    covariance = _ratio(weights @ (x * y), total) - mean_x * mean_y
    spread_x = _ratio(weights @ (x * x), total) - mean_x**2
    spread_y = _ratio(weights @ (y * y), total) - mean_y**2
    smallest = 1e-12 * np.array([np.mean(x * x), np.mean(y * y)])
    constant = ~((spread_x > smallest[0]) & (spread_y > smallest[1]))
    product = np.where(constant, np.nan, spread_x * spread_y)
    return np.clip(covariance / np.sqrt(product), -1.0, 1.0)


def ranks(values: Float) -> Float:
    """Return the rank of each value; equal values have the mean of their ranks.

    Examples
    --------
    >>> ranks(np.array([0.5, 0.1, 0.5])).tolist()
    [1.5, 0.0, 1.5]
    """
    _, level, count = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(count) - count
    return np.asarray((first + (count - 1) / 2)[level])


def _by_level(
    scores: Float, positive: Bool, weights: Float, figure: Callable[[Float, Float], Float]
) -> Float:
    """Compute a figure from the weights of positive and negative items at each distinct score, rising."""
    if not scores.size:
        return np.full(len(weights), np.nan)
    order = np.argsort(scores, kind="stable")
    levels = np.flatnonzero(np.diff(scores[order], prepend=-np.inf))
    there = positive[order]
    rows = max(1, _AT_ONCE // scores.size)
    done = []
    for start in range(0, len(weights), rows):
        sorted_weights = weights[start : start + rows, order]
        with_it = np.add.reduceat(sorted_weights * there, levels, axis=1)
        done.append(figure(with_it, np.add.reduceat(sorted_weights * ~there, levels, axis=1)))
    return np.concatenate(done)


def _ratio(above: Float, below: Float) -> Float:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.true_divide(above, below))
