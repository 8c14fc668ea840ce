"""Confidence intervals of evaluation figures by the cluster bootstrap.

Definition
----------
Songs of one artist resemble each other, and the segments of one track even more, so neither counts as an
independent trial. The bootstrap therefore draws *groups* (artists; a clip of unknown artist is a group of its
own) with replacement, as many as there are, computes the figure on every such resample, and takes percentiles
of the results: the percentile interval of Efron and Tibshirani, "An introduction to the bootstrap" (1993),
chapter 13, with whole clusters as units after Davison and Hinkley, "Bootstrap methods and their application"
(1997), section 3.8. With one clip per group it is `scipy.stats.bootstrap(method="percentile")`.

Conventions
-----------
- A resample in which a figure is undefined (no clip of the genre was drawn) does not count for that figure.
- If all clips of a share agree (0 % or 100 %), so do all resamples, and percentiles would claim certainty.
  The interval is then the exact binomial one of Clopper and Pearson, "The use of confidence or fiducial
  limits illustrated in the case of the binomial" (1934), with the groups as trials.
- A single group with both outcomes says nothing about other groups: the ends are NaN.
- The intervals cover the variation between samples of similar music. They do not cover the variation between
  training seeds, and with few groups (below about 20) they are too narrow.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.intp]


class Estimate(NamedTuple):
    """A figure with its interval; NaN where it is undefined.

    Attributes
    ----------
    value : float
        The figure of the clips themselves.
    low, high : float
        Ends of the interval.
    """

    value: float
    low: float
    high: float


def percent(estimate: Estimate) -> str:
    """Format a share and its interval, e.g. `57.1 % (49.8–64.0)` with a no-break space before the sign.

    An undefined share is a dash; an undefined interval is omitted.
    """
    if math.isnan(estimate.value):
        return "–"
    value = f"{100 * estimate.value:.1f}\N{NO-BREAK SPACE}%"
    if math.isnan(estimate.low):
        return value
    return f"{value} ({100 * estimate.low:.1f}–{100 * estimate.high:.1f})"


class ClusterBootstrap:
    """Resamples of a set of groups, drawn once for all figures.

    Parameters
    ----------
    n_groups : int > 0
        Groups are numbered from 0.
    rng : np.random.Generator
        Source of the draws.
    resamples : int > 0
        Number of resamples.
    confidence : float between 0 and 1
        Share of resamples inside the interval.

    Raises
    ------
    UsageError
        If a value is out of its range.

    Examples
    --------
    >>> bootstrap = ClusterBootstrap(40, rng=np.random.default_rng(0))
    >>> right = np.repeat([1.0, 0.0], 20)
    >>> share = bootstrap.sums(right, np.arange(40)) / 40
    >>> bootstrap.estimate(0.5, share)
    Estimate(value=0.5, low=0.35, high=0.65)
    """

    def __init__(
        self, n_groups: int, *, rng: np.random.Generator, resamples: int = 2000, confidence: float = 0.95
    ) -> None:
        if n_groups < 1 or resamples < 1:
            raise UsageError(
                f"a bootstrap needs groups and resamples, not {n_groups} and {resamples}",
                code="bootstrap-empty",
            )
        if not 0 < confidence < 1:
            raise UsageError(
                f"confidence must lie between 0 and 1, e.g. 0.95, not {confidence}", code="confidence-range"
            )
        self.n_groups = n_groups
        self.resamples = resamples
        self.confidence = confidence
        drawn = rng.integers(n_groups, size=(resamples, n_groups))
        drawn += np.arange(resamples)[:, None] * n_groups
        counts = np.bincount(drawn.ravel(), minlength=resamples * n_groups)
        #: How often each group occurs in each resample [resamples, groups].
        self.weights: Float = counts.reshape(resamples, n_groups).astype(np.float64)

    def sums(self, values: npt.ArrayLike, groups: Int) -> Float:
        """Sum a value over the items of each resample.

        Parameters
        ----------
        values : array_like [shape=(n,)]
            One value per item.
        groups : np.ndarray [shape=(n,)], int
            The group of each item.

        Returns
        -------
        np.ndarray [shape=(resamples,)]
        """
        table = np.bincount(groups, weights=np.asarray(values, dtype=np.float64), minlength=self.n_groups)
        return np.asarray(self.weights @ table)

    def confusions(self, truth: Int, predicted: Int, groups: Int, *, n_genres: int) -> Float:
        """Count the confusion matrix of every resample.

        Parameters
        ----------
        truth, predicted : np.ndarray [shape=(n,)], int
            Genre numbers.
        groups : np.ndarray [shape=(n,)], int
            The group of each item.
        n_genres : int
            Number of genres.

        Returns
        -------
        np.ndarray [shape=(resamples, n_genres, n_genres)]
            Rows are true genres, columns predicted ones.
        """
        result = np.zeros((self.resamples, n_genres, n_genres))
        for genre in range(n_genres):
            rows = truth == genre
            present, group = np.unique(groups[rows], return_inverse=True)
            cells = np.bincount(group * n_genres + predicted[rows], minlength=len(present) * n_genres)
            result[:, genre] = self.weights[:, present] @ cells.reshape(-1, n_genres).astype(np.float64)
        return result

    def estimate(self, value: float, replicates: Float, *, trials: int | None = None) -> Estimate:
        """Return a figure with its interval.

        Parameters
        ----------
        value : float
            The figure itself; NaN where it is undefined.
        replicates : np.ndarray [shape=(resamples,)]
            The figure of every resample, NaN where it is undefined.
        trials : int or None
            For a share (0..1), the number of groups that bear on it; None for any other figure.

        Returns
        -------
        Estimate
        """
        value = float(value)
        if trials is not None and value in (0.0, 1.0):
            return _exact(value, trials, self.confidence)
        bearing = self.n_groups if trials is None else trials
        defined = replicates[~np.isnan(replicates)]
        if math.isnan(value) or bearing < 2 or defined.size == 0:
            return Estimate(value, math.nan, math.nan)
        tail = (1 - self.confidence) / 2
        low, high = np.quantile(defined, [tail, 1 - tail])
        return Estimate(value, float(low), float(high))


def _exact(value: float, trials: int, confidence: float) -> Estimate:
    """Clopper and Pearson's interval for no hit, or for hits only."""
    reach: float = ((1 - confidence) / 2) ** (1 / trials)
    return Estimate(value, reach, 1.0) if value else Estimate(value, 0.0, 1 - reach)
