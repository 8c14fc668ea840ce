"""Reliability of confidences, their calibration error, and the threshold for a wanted precision.

Definitions
-----------
- The *confidence* of a track is the probability of its predicted genre.
- The *calibration error* is the expected calibration error: tracks are sorted by confidence into 15 bins of
  equal width, and the distance between mean confidence and accuracy in each bin is averaged, weighted by the
  number of tracks in the bin (Guo et al., "On calibration of modern neural networks", 2017, section 2).
- The *threshold* is the lowest confidence at which the wanted precision is reached.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.statistics.bootstrap import ClusterBootstrap, Estimate

BINS = 15
FEWEST = 30
"""Fewest predictions from which a precision is estimated."""

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


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


def reliability(confidence: Float, right: Bool, *, bins: int = BINS) -> list[Bin]:
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


def calibration_error(confidence: Float, right: Bool, *, bins: int = BINS) -> float:
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


def lowest_threshold(
    confidence: Float,
    right: Bool,
    groups: npt.NDArray[np.intp],
    bootstrap: ClusterBootstrap,
    *,
    precision: float,
    limits: Float | None = None,
) -> Threshold:
    """Find the lowest confidence at which the wanted precision is reached.

    The lower end of the one-sided 90 % interval must reach the precision, so that it probably also applies to
    other music of the same kind. If no threshold with at least 30 predictions does, the one with the highest
    lower end is returned, and `Threshold.reached` is False.

    Parameters
    ----------
    confidence : np.ndarray [shape=(n,)]
        Between 0 and 1, of held-out tracks.
    right : np.ndarray [shape=(n,)], bool
    groups : np.ndarray [shape=(n,)], int
        The group of each track, as the bootstrap numbers them.
    bootstrap : ClusterBootstrap
    precision : float between 0 and 1
        The wanted share of correct predictions.
    limits : np.ndarray [shape=(n,)] or None
        Fixed thresholds of tracks; NaN for the common one.

    Returns
    -------
    Threshold
        Its confidence has two digits; 0 accepts all predictions.
    """
    fixed = np.full(len(confidence), np.nan) if limits is None else limits
    found: list[Threshold] = []
    for percent in range(0, 100):
        given = confidence >= np.where(np.isnan(fixed), percent / 100, fixed)
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
