"""Calibration of the probabilities of tags, their thresholds, and the choice of tags that are good enough.

Definitions
-----------
- Platt scaling (Platt, "Probabilistic outputs for support vector machines", 1999) replaces a probability p
  by sigmoid(scale * logit(p) + offset). Scale and offset minimize the log loss of clips plus a penalty, half
  of (scale - 1)^2 + offset^2 times its weight. They apply to segments, as in a model file, and are fitted to
  the mean over the segments of each clip, which users see. The scale is positive: it keeps the order of
  segments.
- The threshold of a tag is the lowest probability from which the wanted share of clips has the tag; if there
  is none, the one with the best F1 from 0.5 on: below, a tag is more likely absent than present.

All of them must be fitted on held-out clips.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import expit, logit

from genrelab.errors import UsageError
from genrelab.lab.metrics.bootstrap import ClusterBootstrap, Estimate
from genrelab.lab.metrics.tag_predictions import TagPredictions
from genrelab.lab.metrics.tag_scores import TagScores

LEAST_AUC = 0.75
"""Least AUC of a tag that is worth showing."""
LEAST_SCALE = 1e-3
PENALTY = 0.1
"""Weight of the penalty, in the units of the summed log loss."""
FEWEST = 10
"""Fewest clips above a threshold from which its precision is estimated, and fewest clips with a tag and
without it from which its AUC is."""

_EDGE = 1e-6  # probabilities nearer to 0 or 1 are moved there before the logit
_FLOOR = 1e-12
_EVEN = 50  # per cent

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Platt:
    """The calibration of a tag.

    Attributes
    ----------
    scale : float >= 0.001
    offset : float
        Both apply to the logit; 1 and 0 change nothing.
    """

    scale: float = 1.0
    offset: float = 0.0

    def apply(self, probabilities: npt.ArrayLike) -> Float:
        """Return calibrated probabilities, of the same shape.

        Examples
        --------
        >>> Platt(scale=2.0).apply([0.5, 0.9]).round(3).tolist()
        [0.5, 0.988]
        """
        return np.asarray(expit(self.scale * _logit(probabilities) + self.offset))


@dataclass(frozen=True)
class TagThreshold:
    """The probability from which a tag is shown.

    Attributes
    ----------
    probability : float
        With two digits.
    precision, recall : Estimate
        Share of the shown clips that have the tag, and share of the clips with the tag that are shown.
    shown : int
        Clips with this probability or a higher one.
    wanted : float
        The wanted precision.
    reached : bool
        Whether the wanted precision is reached; else the threshold is the one from 0.5 on with the best F1.
    """

    probability: float
    precision: Estimate
    recall: Estimate
    shown: int
    wanted: float
    reached: bool


def fit_platt(predictions: TagPredictions, tag: str, *, penalty: float = PENALTY) -> Platt:
    """Fit the calibration of a tag.

    Parameters
    ----------
    predictions : TagPredictions
        Of held-out clips, such as those of all folds joined by `pool_tags`; with rows for segments, the mean
        over the segments of a clip is fitted.
    tag : str
        Its clips of unknown truth are ignored; without any other, nothing is changed. A tag without labels is
        fitted to the teacher's truth, see `TagPredictions.completed`.
    penalty : float > 0

    Raises
    ------
    UsageError
        If there are no predictions for the tag, or the penalty is not above 0.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> truth = rng.random(2000) < 0.2
    >>> high = expit(rng.normal(size=2000) + 2.0 * truth)  # as if half of all clips had the tag
    >>> clips = tuple(map(str, range(2000)))
    >>> p = TagPredictions(("mood:calm",), clips, truth[:, None].astype(int), high[:, None])
    >>> float(high.mean().round(2)), float(fit_platt(p, "mood:calm").apply(high).mean().round(2))
    (0.57, 0.21)
    """
    if not penalty > 0:
        raise UsageError(f"the penalty of a calibration must be above 0, not {penalty}", code="penalty-range")
    chosen = predictions.only([tag]).completed()
    known = chosen.truth[:, 0] != -1
    if not known.any():
        return Platt()
    logits = _logit(chosen.probabilities[known, 0])
    clip = np.unique([chosen.clip_ids[row] for row in np.flatnonzero(known)], return_inverse=True)[1]
    rows = np.bincount(clip)
    has = np.zeros(len(rows), dtype=bool)
    has[clip] = chosen.truth[known, 0] == 1

    def loss(values: Float) -> tuple[float, Float]:
        scale, offset = values
        each = expit(scale * logits + offset)
        mean = np.clip(np.bincount(clip, each) / rows, _FLOOR, 1 - _FLOOR)
        by_mean = np.where(has, -1 / mean, 1 / (1 - mean))
        by_row = (by_mean / rows)[clip] * each * (1 - each)
        away = np.array([scale - 1, offset])
        slope = np.array([by_row @ logits, by_row.sum()]) + penalty * away
        return float(-np.log(np.where(has, mean, 1 - mean)).sum() + penalty * (away @ away) / 2), slope

    bounds = [(LEAST_SCALE, None), (None, None)]
    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=bounds, method="L-BFGS-B")
    return Platt(*map(float, found.x))


def calibrated(predictions: TagPredictions, fits: Mapping[str, Platt]) -> TagPredictions:
    """Return the predictions with calibrated probabilities; tags without a calibration stay.

    Parameters
    ----------
    predictions : TagPredictions
    fits : mapping of str to Platt
        Tag -> its calibration.
    """
    columns = [
        fits.get(tag, Platt()).apply(column) if tag in fits else column
        for tag, column in zip(predictions.tags, predictions.probabilities.T, strict=True)
    ]
    return replace(predictions, probabilities=np.stack(columns, axis=1))


def find_tag_threshold(
    predictions: TagPredictions, tag: str, *, precision: float = 0.7, seed: int = 0
) -> TagThreshold:
    """Find the lowest probability from which the wanted share of clips has a tag.

    Parameters
    ----------
    predictions : TagPredictions
        Of held-out clips, already `calibrated`.
    tag : str
        Its clips of unknown truth are ignored. Without labels, the teacher's truth counts.
    precision : float between 0 and 1
        The wanted share.
    seed : int
        Of the resamples for the intervals, which are drawn by artist.

    Returns
    -------
    TagThreshold
        From 0.01 to 0.99. At least ten clips must be shown, or all clips with the tag if they are fewer. If
        no threshold reaches the precision, the one from 0.5 on with the best F1; 0.5 if none shows a clip
        with the tag.

    Raises
    ------
    UsageError
        If there are no predictions for the tag, or the precision is out of range.
    """
    if not 0 < precision <= 1:
        message = f"the wanted precision of a tag must be above 0 and at most 1, not {precision}"
        raise UsageError(message, code="tag-precision-range")
    tracks = predictions.only([tag]).completed().tracks()
    known = tracks.truth[:, 0] != -1
    has, values = tracks.truth[known, 0] == 1, tracks.probabilities[known, 0]
    groups = [tracks.groups[tracks.clip_ids[row]] for row in np.flatnonzero(known)]
    at, reached = _choose(values, has, precision)
    shown = values >= at
    if not known.any():
        undefined = Estimate(np.nan, np.nan, np.nan)
        return TagThreshold(at, undefined, undefined, 0, precision, reached)
    group = np.unique(groups, return_inverse=True)[1].astype(np.intp)
    bootstrap = ClusterBootstrap(int(group.max()) + 1, rng=np.random.default_rng(seed))
    return TagThreshold(
        at,
        _share(has, shown, group, bootstrap),
        _share(shown, has, group, bootstrap),
        int(shown.sum()),
        precision,
        reached,
    )


def kept_tags(
    scores: Mapping[str, TagScores], *, least: float = LEAST_AUC, fewest: int = FEWEST
) -> tuple[str, ...]:
    """Return the tags whose AUC is high enough and measured on enough clips, in their order.

    Parameters
    ----------
    scores : mapping of str to TagScores
        Of `genrelab.lab.metrics.tag_scores.evaluate_tags`.
    least : float between 0 and 1
        Least AUC.
    fewest : int
        Fewest clips with the tag, and fewest without it.
    """
    return tuple(
        tag
        for tag, each in scores.items()
        if each.auc.value >= least and min(each.positives, each.negatives) >= fewest
    )


def _choose(values: Float, has: npt.NDArray[np.bool_], precision: float) -> tuple[float, bool]:
    """Return a threshold, and whether it reaches the precision."""
    best, at = 0.0, 0.5
    fewest = min(FEWEST, int(has.sum()))
    for percent in range(1, 100):
        shown = values >= percent / 100
        right = int((shown & has).sum())
        if right == 0:
            break
        if right >= precision * shown.sum() and shown.sum() >= fewest:
            return percent / 100, True
        f1 = 2 * right / (int(shown.sum()) + int(has.sum()))
        if f1 > best and percent >= _EVEN:
            best, at = f1, percent / 100
    return at, False


def _share(
    of: Sequence[bool] | npt.NDArray[np.bool_],
    among: npt.NDArray[np.bool_],
    group: npt.NDArray[np.intp],
    bootstrap: ClusterBootstrap,
) -> Estimate:
    """Return the share of items with one property among those with another."""
    both = np.asarray(of) & among
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = bootstrap.sums(both, group) / bootstrap.sums(among, group)
    value = float(both.sum() / among.sum()) if among.any() else np.nan
    return bootstrap.estimate(value, replicates, trials=len(np.unique(group[among])))


def _logit(probabilities: npt.ArrayLike) -> Float:
    return np.asarray(logit(np.clip(np.asarray(probabilities, dtype=np.float64), _EDGE, 1 - _EDGE)))
