"""Whether two clips share a recording: the share of peaks that match after alignment.

A candidate gives an alignment of the clips. If they share a recording, nearly every peak in their overlap has
a matching peak in the other clip. Steady sounds and common rhythms also match by chance; this share is
measured on wrong alignments of the same two clips, and subtracted as in Cohen's kappa. If only a stretch of
the overlap matches, as between two edits of a song, only this stretch counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.lab.audit.fingerprint import Fingerprint, Float

Int = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

_NEAR_SECONDS, _NEAR_RATIO = 0.04, 0.012
_SEARCH_SECONDS, _SEARCH_RATIO = 0.15, 0.02
_HOPELESS = 0.08  # lower bound of both the share of peaks in the first search and the score
_FIT_SECONDS, _FIT_PEAKS = 10.0, 20  # from here on, times give the speed more precisely than frequencies
_CAUTION = 1.5  # penalty for few peaks: the error of the share is about 1 / sqrt(peaks)
_WRONG_LAGS = (-2.93, -1.71, -1.13, -0.61, 0.47, 0.83, 1.39, 2.27)  # seconds; without a common period
_NEIGHBOURS = 12  # largest number of peaks within reach of the search
_STRETCH_SHARE = 0.2  # smallest share of matching peaks in a stretch
_STRETCH_PEAKS = 40  # smallest number of matching peaks in a stretch: fewer cluster by chance
_NEARLY_ALL = 0.9  # of the peaks in the overlap: then the whole overlap counts


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two clips agree at an alignment.

    Parameters
    ----------
    speed : float
        Speed of the second clip relative to the first.
    lag : float, in seconds
        Time `t` in the first clip corresponds to `t / speed - lag` in the second.
    start : float, in seconds
        Start of the common part, in the second clip.
    overlap : float, in seconds
        Length of the common part, in the second clip.
    matched : int
        Peaks of the first clip with a matching peak in the second.
    share : float, 0..1
        Share of the peaks of both clips within the overlap that match.
    chance : float, 0..1
        The same share at wrong alignments: the median of several lags.
    gain : float, in dB
        Level of the second clip relative to the first.
    """

    speed: float
    lag: float
    start: float
    overlap: float
    matched: int
    share: float
    chance: float
    gain: float

    @property
    def score(self) -> float:
        """The share beyond chance, reduced if there are few peaks: 1 if very many peaks match perfectly."""
        if not self.matched or self.chance >= 1:
            return 0.0
        caution = max(0.0, 1 - _CAUTION / math.sqrt(self.matched))
        return max(0.0, (self.share - self.chance) / (1 - self.chance)) * caution


class _Aligned(NamedTuple):
    """The peaks of two aligned clips within their overlap, in the time of the second clip."""

    times: Float
    agrees: Flags
    of_first: Flags
    start: float
    stop: float

    @property
    def share(self) -> float:
        return float(self.agrees.mean()) if len(self.agrees) else 0.0


def agreement(first: Fingerprint, second: Fingerprint, *, speed: float, lag: float) -> Agreement | None:
    """Align two clips, refine speed and lag, and count the matching peaks.

    Parameters
    ----------
    first, second : Fingerprint
    speed, lag : float
        Initial values as in `Agreement`, within half a per cent and a tenth of a second.

    Returns
    -------
    Agreement or None
        None if too few peaks match for a shared recording.
    """
    for _ in range(2):
        played = first.played(speed)
        mine, theirs = _matches(played, second, lag, _SEARCH_SECONDS, _SEARCH_RATIO)
        if not len(mine) or _align(played, second, lag, mine, theirs).share < _HOPELESS:
            return None
        speed *= float(np.median(second.frequencies[theirs] / played.frequencies[mine]))
        lag = float(np.median(first.times[mine] / speed - second.times[theirs]))
    speed, lag = _fit(first, second, speed, lag)
    played = first.played(speed)
    mine, theirs = _matches(played, second, lag, _NEAR_SECONDS, _NEAR_RATIO)
    if not len(mine):
        return None
    aligned = _stretch(_align(played, second, lag, mine, theirs))
    found = Agreement(
        speed=speed,
        lag=lag,
        start=aligned.start,
        overlap=aligned.stop - aligned.start,
        matched=int((aligned.agrees & aligned.of_first).sum()),
        share=aligned.share,
        chance=0.0,
        gain=float(np.median(second.levels[theirs] - first.levels[mine])),
    )
    if found.score < _HOPELESS:
        return None
    by_chance = [_chance_share(played, second, lag + by) for by in _WRONG_LAGS]
    return replace(found, chance=float(np.median(by_chance)))


def _fit(first: Fingerprint, second: Fingerprint, speed: float, lag: float) -> tuple[float, float]:
    """Refine speed and lag with a line through the times of matching peaks, if they span enough time."""
    mine, theirs = _matches(first.played(speed), second, lag, 2 * _NEAR_SECONDS, _NEAR_RATIO)
    x, y = first.times[mine].astype(np.float64), second.times[theirs].astype(np.float64)
    if len(x) < _FIT_PEAKS or x[-1] - x[0] < _FIT_SECONDS:
        return speed, lag
    slope, intercept = np.polyfit(x, y, 1)
    return float(1 / slope), float(-intercept)


def _chance_share(played: Fingerprint, second: Fingerprint, lag: float) -> float:
    matches = _matches(played, second, lag, _NEAR_SECONDS, _NEAR_RATIO)
    return _align(played, second, lag, *matches).share


def _align(played: Fingerprint, second: Fingerprint, lag: float, mine: Int, theirs: Int) -> _Aligned:
    start, stop = max(0.0, -lag), min(second.seconds, played.seconds - lag)
    times = np.concatenate([played.times - np.float32(lag), second.times])
    agrees = np.zeros(len(times), np.bool_)
    agrees[mine] = agrees[theirs + len(played)] = True
    of_first = np.arange(len(times)) < len(played)
    inside = (times >= start) & (times <= stop)
    return _Aligned(times[inside], agrees[inside], of_first[inside], start, stop)


def _stretch(aligned: _Aligned) -> _Aligned:
    """Return the matching stretch of an overlap, or the whole overlap if the stretch covers nearly all."""
    order = np.argsort(aligned.times, kind="stable")
    times, agrees, of_first = aligned.times[order], aligned.agrees[order], aligned.of_first[order]
    # Kadane's algorithm: the stretch with the largest sum of matches minus the minimal share.
    sums = np.concatenate([[0.0], np.cumsum(agrees - _STRETCH_SHARE)])
    lowest = np.minimum.accumulate(sums)
    stop = int(np.argmax(sums - lowest))
    start = int(np.argmin(sums[: stop + 1]))
    if int((agrees & of_first)[start:stop].sum()) < _STRETCH_PEAKS:
        return aligned
    if stop - start >= _NEARLY_ALL * len(times):
        return aligned
    part = slice(start, stop)
    return _Aligned(times[part], agrees[part], of_first[part], float(times[start]), float(times[stop - 1]))


def _matches(
    played: Fingerprint, second: Fingerprint, lag: float, seconds: float, ratio: float
) -> tuple[Int, Int]:
    """Return the pairs of matching peaks, one of each clip, at a lag."""
    if not len(played) or not len(second):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    reach = second.times[0] + lag - seconds, second.times[-1] + lag + seconds
    start, stop = np.searchsorted(played.times, reach)
    expected = played.times[start:stop] - np.float32(lag)
    theirs = np.searchsorted(second.times, expected - seconds)[:, None] + np.arange(_NEIGHBOURS)
    there = theirs < len(second)
    theirs = np.minimum(theirs, len(second) - 1)
    near = there & (np.abs(second.times[theirs] - expected[:, None]) <= seconds)
    mine, column = np.nonzero(near)
    theirs = theirs[mine, column]
    mine = mine + start
    alike = np.abs(np.log(second.frequencies[theirs] / played.frequencies[mine])) <= ratio
    return mine[alike], theirs[alike]
