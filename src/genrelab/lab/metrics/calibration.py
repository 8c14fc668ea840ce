"""Calibration of probabilities: its error, the temperature that reduces it, and a threshold.

Definitions
-----------
- The *confidence* of a track is the probability of its predicted genre: the mean over segments, after the
  softmax.
- The *calibration error* is the expected calibration error: tracks are sorted by confidence into 15 bins of
  equal width, and the distance between mean confidence and accuracy in each bin is averaged, weighted by the
  number of tracks in the bin (Guo et al., "On calibration of modern neural networks", 2017, section 2).
- A *temperature* divides the logits of each segment; the fitted one minimizes the log loss of tracks. Guo et
  al. fit it to the items themselves; here it applies to segments, as in a model file, and is fitted to
  tracks, whose confidence users see.
- The *threshold* is the lowest confidence at which the wanted precision is reached.

All of them must be fitted on held-out clips.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from genrelab.errors import UsageError
from genrelab.lab.metrics.predictions import Answers, Predictions
from genrelab.statistics.bootstrap import ClusterBootstrap
from genrelab.statistics.calibration import (
    BINS,
    FEWEST,
    Bin,
    Threshold,
    calibration_error,
    lowest_threshold,
    reliability,
)
from genrelab.voting import VotingRule

__all__ = [
    "BINS",
    "COOLEST",
    "FEWEST",
    "HOTTEST",
    "Bin",
    "Threshold",
    "calibration_error",
    "confidences",
    "find_threshold",
    "fit_temperature",
    "reliability",
    "tempered",
]

COOLEST, HOTTEST = 0.1, 10.0
"""The range of the temperature."""

Float = npt.NDArray[np.float64]


def confidences(answers: Answers) -> tuple[Float, npt.NDArray[np.bool_]]:
    """Return the confidence of each track, and whether its prediction is correct, `[n]` each."""
    first = answers.orders[:, 0]
    return answers.probabilities[np.arange(len(first)), first], first == answers.truth


def tempered(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions after division of the logits by a temperature.

    Raises
    ------
    UsageError
        If the temperature is not above 0.
    """
    if not temperature > 0:
        raise UsageError(f"a temperature must be above 0, not {temperature}", code="temperature-range")
    logits = np.log(np.maximum(predictions.probabilities, np.finfo(np.float64).tiny)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return replace(predictions, probabilities=powers / powers.sum(axis=1, keepdims=True))


def fit_temperature(predictions: Predictions) -> float:
    """Find the temperature that minimizes the log loss of held-out tracks.

    Parameters
    ----------
    predictions : Predictions
        Of held-out clips.

    Returns
    -------
    float
        Between 0.1 and 10, to three digits; found by Brent's method over its logarithm. A value at an
        end of the range means that the best one is outside.
    """

    def loss(log_temperature: float) -> float:
        tracks = tempered(predictions, float(np.exp(log_temperature))).tracks("mean")
        true = tracks.probabilities[np.arange(len(tracks.truth)), tracks.truth]
        return float(-np.log(np.maximum(true, np.finfo(np.float64).eps)).mean())

    bounds = (np.log(COOLEST), np.log(HOTTEST))
    return float(f"{np.exp(minimize_scalar(loss, bounds=bounds, method='bounded').x):.3g}")


def find_threshold(
    predictions: Predictions,
    *,
    precision: float,
    rule: VotingRule = "mean",
    seed: int = 0,
    own: Mapping[str, float] | None = None,
) -> Threshold:
    """Find the lowest confidence at which the wanted precision is reached.

    The lower end of the one-sided 90 % interval must reach the precision, so that it probably also applies to
    other music of the same kind. If no threshold with at least 30 predictions does, the one with the highest
    lower end is returned, and `Threshold.reached` is False.

    Parameters
    ----------
    predictions : Predictions
        Of held-out clips, already `tempered`.
    precision : float between 0 and 1
        The wanted share of correct predictions.
    rule : {"majority", "mean"}
    seed : int
        Seed of the resamples, which are drawn by artist.
    own : mapping of str to float or None
        Genre -> a fixed threshold that it has instead, see `genrelab.lab.metrics.genre_thresholds`.

    Returns
    -------
    Threshold
        Its confidence has two digits; 0 accepts all predictions.
    """
    answers = predictions.tracks(rule)
    confidence, right = confidences(answers)
    names = {group: number for number, group in enumerate(dict.fromkeys(answers.groups))}
    groups = np.array([names[group] for group in answers.groups], dtype=np.intp)
    bootstrap = ClusterBootstrap(len(names), rng=np.random.default_rng(seed))
    fixed = np.array([(own or {}).get(genre, np.nan) for genre in predictions.genres])
    limits = fixed[answers.orders[:, 0]]
    return lowest_threshold(confidence, right, groups, bootstrap, precision=precision, limits=limits)
