"""Whether two clips share a recording, or only a loop that both repeat.

A recording agrees with its copy at one offset. A drum loop or a sampled phrase agrees with itself at every
repetition: then another offset of the same two clips agrees nearly as well as the best one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from genrelab.lab.audit.agreement import Agreement, agreement
from genrelab.lab.audit.fingerprint import Fingerprint

Float64 = npt.NDArray[np.float64]

_RATIO = 0.012  # tolerance between equal frequencies
_BIN_SECONDS = 0.04
_APART = 0.25  # seconds between two different offsets
_SHARE_OF_OVERLAP, _FEWEST_SECONDS = 0.3, 1.5  # smallest overlap at the other offset
_MOST_OFFSETS = 3  # other offsets to examine


def rival_score(first: Fingerprint, second: Fingerprint, best: Agreement) -> float:
    """Return how well two clips agree at another offset than the best one, at the same speed.

    Parameters
    ----------
    first, second : Fingerprint
    best : Agreement
        The best agreement of the two clips.

    Returns
    -------
    float, 0..1
        The highest score among the other offsets with the most equal peaks; 0 without such an offset.
    """
    played = first.played(best.speed)
    lags, overlap, rates = _peak_rates(played, second)
    longest = min(second.seconds, played.seconds - best.lag) - max(0.0, -best.lag)
    rates[overlap < max(_FEWEST_SECONDS, _SHARE_OF_OVERLAP * longest)] = 0.0
    rates[np.abs(lags - best.lag) < _APART] = 0.0
    highest = 0.0
    for _ in range(_MOST_OFFSETS):
        if not rates.any():
            break
        lag = float(lags[rates.argmax()])
        rates[np.abs(lags - lag) < _APART] = 0.0
        found = agreement(first, second, speed=best.speed, lag=lag)
        if found is not None and abs(found.lag - best.lag) >= _APART:
            highest = max(highest, found.score)
    return highest


def _peak_rates(played: Fingerprint, second: Fingerprint) -> tuple[Float64, Float64, Float64]:
    """Return a grid of lags, and at each the seconds of overlap and the equal peaks per second of it."""
    order = np.argsort(second.frequencies)
    pitches = second.frequencies[order]
    lowest = np.searchsorted(pitches, played.frequencies * (1 - _RATIO))
    counts = np.searchsorted(pitches, played.frequencies * (1 + _RATIO)) - lowest
    mine = np.repeat(np.arange(len(played)), counts)
    theirs = order[np.arange(len(mine)) - np.repeat(np.cumsum(counts) - counts - lowest, counts)]
    bins = np.floor((played.times[mine] - second.times[theirs]) / _BIN_SECONDS).astype(np.int64)
    if not len(bins):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    origin = int(bins.min())
    equal = np.bincount(bins - origin).astype(np.float64)
    equal[:-1] += equal[1:]  # each bin plus the next one
    lags = (np.arange(len(equal), dtype=np.float64) + origin + 1) * _BIN_SECONDS
    overlap = np.minimum(second.seconds, played.seconds - lags) - np.maximum(0.0, -lags)
    return lags, overlap, equal / np.maximum(overlap, 1e-3)
