"""Probabilities of tracks from scores of held-out examples.

A model file predicts each segment, and the probability of a track is the mean over its segments. A library
stores only the mean embedding of a track. Segments of one track vary, so the mean of their probabilities is
less extreme than the probability of the mean. `spread`, deviations of segments from the mean of their track,
accounts for that: the probability of a track is the mean over the scores plus each deviation.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrelab.teach.fit.discriminant import Float
from genrelab.teach.fit.folds import Int

COOLEST, HOTTEST = 1e-2, 1e3
"""The range of the temperature: scores of discriminants are not log-probabilities."""
_MOST = 4_000  # examples that the search for a temperature uses
_TINY = 1e-12
_PENALTY = 1e-3  # of the slope of a logistic function


def track_probabilities(scores: Float, temperature: float, spread: Float | None = None) -> Float:
    """Return the probabilities of exclusive genres.

    Parameters
    ----------
    scores : np.ndarray [shape=(n, genres)]
    temperature : float > 0
    spread : np.ndarray [shape=(m, genres)] or None
        Deviations of the scores of segments; None for segments that are all alike.

    Returns
    -------
    np.ndarray [shape=(n, genres)]
    """
    if spread is None or not len(spread):
        return _softmax(scores / temperature)
    total = np.zeros_like(scores)
    for deviation in spread:
        total += _softmax((scores + deviation) / temperature)
    return total / len(spread)


def fit_temperature(scores: Float, labels: Float, spread: Float | None = None) -> float:
    """Find the temperature that minimizes the log loss of tracks.

    Parameters
    ----------
    scores, labels : np.ndarray [shape=(n, genres)]
        The labels of an example sum to 1.
    spread
        See `track_probabilities`.

    Returns
    -------
    float
        Between `COOLEST` and `HOTTEST`, by golden-section search over its logarithm, to three digits.
    """
    if len(scores) > _MOST:
        chosen = np.linspace(0, len(scores) - 1, _MOST).astype(int)
        scores, labels = scores[chosen], labels[chosen]

    def loss(log_temperature: float) -> float:
        found = track_probabilities(scores, float(np.exp(log_temperature)), spread)
        return float(-np.log(np.maximum((labels * found).sum(axis=1), _TINY)).mean())

    ends = (float(np.log(COOLEST)), float(np.log(HOTTEST)))
    grid = np.linspace(*ends, 24)
    best = int(np.argmin([loss(each) for each in grid]))
    low, high = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
    golden = (np.sqrt(5.0) - 1) / 2
    while high - low > 2e-3:
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) <= loss(right) else (left, high)
    return float(f"{np.exp((low + high) / 2):.3g}")


def calibrate_held_out(
    scores: Float, labels: Float, folds: Int, rows: npt.NDArray[np.bool_], spread: Float | None = None
) -> Float:
    """Return the probabilities of each fold at the temperature that fits the other folds.

    So what is measured of them includes the choice of the temperature.

    Parameters
    ----------
    scores, labels : np.ndarray [shape=(n, genres)]
        Of held-out examples; see `fit_temperature`.
    folds : np.ndarray [shape=(n,)], int
    rows : np.ndarray [shape=(n,)], bool
        The examples to fit.
    spread
        See `track_probabilities`.

    Returns
    -------
    np.ndarray [shape=(n, genres)]
    """
    found = np.zeros_like(scores)
    for fold in np.unique(folds):
        inside, fitted = folds == fold, rows & (folds != fold)
        fitted = fitted if fitted.any() else rows
        temperature = fit_temperature(scores[fitted], labels[fitted], spread)
        found[inside] = track_probabilities(scores[inside], temperature, spread)
    return found


def fit_logistic(scores: Float, positive: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Fit the probability of one genre to its scores (Platt, "Probabilistic outputs for SVMs", 1999).

    Parameters
    ----------
    scores : np.ndarray [shape=(n,)]
    positive : np.ndarray [shape=(n,)], bool

    Returns
    -------
    float, float
        Slope and offset: the probability is `1 / (1 + exp(-(slope * score + offset)))`. The slope is not
        negative, so that the order of the scores stays.
    """
    yes, no = int(positive.sum()), int((~positive).sum())
    targets = np.where(positive, (yes + 1) / (yes + 2), 1 / (no + 2))
    scale = float(scores.std()) or 1.0
    centre = float(scores.mean())
    z = (scores - centre) / scale
    slope, offset = 0.0, float(np.log((yes + 1) / (no + 1)))
    for _ in range(50):  # Newton's method on a convex loss
        found = 1 / (1 + np.exp(-np.clip(slope * z + offset, -60, 60)))
        error, weight = found - targets, np.maximum(found * (1 - found), 1e-9)
        gradient = np.array([(error * z).sum() + _PENALTY * slope, error.sum()])
        cross = (weight * z).sum()
        curvature = np.array([[(weight * z * z).sum() + _PENALTY, cross], [cross, weight.sum()]])
        change = np.linalg.solve(curvature + 1e-9 * np.eye(2), gradient)
        change *= min(1.0, 5.0 / max(1e-12, float(np.abs(change).max())))
        slope, offset = slope - float(change[0]), offset - float(change[1])
        if np.abs(change).max() < 1e-8:
            break
    if slope < 0:  # the scores say nothing
        return 0.0, float(np.log((yes + 1) / (no + 1)))
    return slope / scale, offset - slope * centre / scale


def logistic(scores: Float, slopes: Float, offsets: Float, spread: Float | None = None) -> Float:
    """Return the independent probabilities [shape=(n, genres)] of several genres; see `fit_logistic`."""
    deviations = np.zeros((1, scores.shape[1])) if spread is None or not len(spread) else spread
    total = np.zeros_like(scores)
    for deviation in deviations:
        total += 1 / (1 + np.exp(-np.clip((scores + deviation) * slopes + offsets, -60, 60)))
    return total / len(deviations)


def _softmax(scores: Float) -> Float:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
