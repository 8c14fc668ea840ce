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
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from genrelab.errors import UsageError
from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate
from genrelab.lab.metrics.predictions import Answers, Predictions
from genrelab.voting import VotingRule

BINS = 15
FEWEST = 30
"""Fewest predictions from which a precision is estimated."""
COOLEST, HOTTEST = 0.1, 10.0
"""The range of the temperature."""

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """The tracks whose confidence lies between two values.

    Attributes
    ----------
    low, high : float
        The edges; `high` is inside the bin.
    tracks : int
    confidence, accuracy : float
        Means; NaN without tracks.
    """

    low: float
    high: float
    tracks: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Threshold:
    """The confidence from which predictions are accepted.

    Attributes
    ----------
    confidence : float
        Below it the recognizer abstains.
    precision : Estimate
        Share of correct predictions among those accepted.
    answered : float
        Share of tracks whose prediction is accepted.
    wanted : float
        The wanted precision.
    low : float
        Lower end of the one-sided 90 % interval of the precision.
    answers : int
        Number of tracks whose prediction is accepted.
    """

    confidence: float
    precision: Estimate
    answered: float
    wanted: float
    low: float
    answers: int

    @property
    def reached(self) -> bool:
        """Whether the wanted precision is reached, with enough predictions to tell."""
        return self.wanted == 0 or (self.low >= self.wanted and self.answers >= FEWEST)


def confidences(answers: Answers) -> tuple[Float, npt.NDArray[np.bool_]]:
    """Return the confidence of each track, and whether its prediction is correct, `[n]` each."""
    first = answers.orders[:, 0]
    return answers.probabilities[np.arange(len(first)), first], first == answers.truth


def reliability(confidence: Float, right: npt.NDArray[np.bool_], *, bins: int = BINS) -> list[Bin]:
    """Sort predictions into bins of equal width, as in a reliability diagram.

    Parameters
    ----------
    confidence : np.ndarray [shape=(n,)]
        Between 0 and 1.
    right : np.ndarray [shape=(n,)], bool
    bins : int > 0

    Returns
    -------
    list of Bin [length bins]
    """
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    found = []
    for each in range(bins):
        inside = number == each
        count = int(inside.sum())
        means = (float(confidence[inside].mean()), float(right[inside].mean())) if count else (np.nan, np.nan)
        found.append(Bin(each / bins, (each + 1) / bins, count, *means))
    return found


def calibration_error(confidence: Float, right: npt.NDArray[np.bool_], *, bins: int = BINS) -> float:
    """Return the expected calibration error, 0 to 1.

    Parameters
    ----------
    confidence, right, bins
        See `reliability`; at least one prediction.

    Examples
    --------
    >>> calibration_error(np.array([0.8, 0.8, 0.8, 0.8]), np.array([True, True, True, False]))
    0.05
    """
    filled = [each for each in reliability(confidence, right, bins=bins) if each.tracks]
    gaps = sum(each.tracks * abs(each.confidence - each.accuracy) for each in filled)
    return round(float(gaps / len(confidence)), 12)


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
    found: list[Threshold] = []
    for percent in range(0, 100):
        given = confidence >= np.where(np.isnan(limits), percent / 100, limits)
        if given.sum() < min(FEWEST, len(given)):
            break
        sums = bootstrap.sums(given & right, groups), bootstrap.sums(given, groups)
        with np.errstate(invalid="ignore", divide="ignore"):
            replicates = sums[0] / sums[1]
        share = bootstrap.estimate(
            float(right[given].mean()), replicates, trials=len(np.unique(groups[given]))
        )
        low = float(np.nanquantile(replicates, 0.1)) if 0.0 < share.value < 1.0 else share.value
        count = int(given.sum())
        found.append(Threshold(percent / 100, share, float(given.mean()), precision, low, count))
        if low >= precision:
            return found[-1]
    return max(found, key=lambda each: each.low)
