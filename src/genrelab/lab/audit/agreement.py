"""Whether two clips do share a recording: how many peaks of one stand in the other where they should.

A candidate says how the clips lie against each other. Then nearly every peak of the one must have a peak of
the other beside it, both ways, as far as they overlap. What steady sounds and common rhythms agree in by
chance is measured on the same two clips laid wrongly, and taken off as Cohen's kappa does. Where only a
stretch of the overlap agrees, as between two edits of a song, that stretch is what counts.
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
_HOPELESS = 0.08  # share of peaks within the search's reach, and score: shared recordings have more
_FIT_SECONDS, _FIT_PEAKS = 10.0, 20  # from here on times say the speed better than frequencies
_CAUTION = 1.5  # what few peaks cost: the share is off by about 1 / sqrt(peaks)
_WRONG_LAGS = (-2.93, -1.71, -1.13, -0.61, 0.47, 0.83, 1.39, 2.27)  # seconds; no common period
_NEIGHBOURS = 12  # peaks that the search's reach holds, at most
_STRETCH_SHARE = 0.2  # a stretch goes on as long as more peaks than that agree
_STRETCH_PEAKS = 40  # that must agree in it: fewer cluster by chance
_NEARLY_ALL = 0.9  # of the peaks in the overlap


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two clips agree where they lie against each other.

    Parameters
    ----------
    speed : float
        How many times as fast the second one plays.
    lag : float, in seconds
        What stands at `t` in the first stands at `t / speed - lag` in the second.
    start : float, in seconds
        Where in the second one begins what both have.
    overlap : float, in seconds
        How much of the second one both have.
    matched : int
        Peaks of the first that have one of the second beside them.
    share : float, 0..1
        Of the peaks of both within the overlap, those with one of the other beside them.
    chance : float, 0..1
        The same when the clips are laid wrongly, the median of several lags.
    gain : float, in dB
        How much louder the second one is.
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
        """The share beyond chance, less what so few peaks can agree by luck: 1 if all of very many agree."""
        if not self.matched or self.chance >= 1:
            return 0.0
        caution = max(0.0, 1 - _CAUTION / math.sqrt(self.matched))
        return max(0.0, (self.share - self.chance) / (1 - self.chance)) * caution


class _Laid(NamedTuple):
    """Two clips laid against each other: all peaks within the overlap, by the second one's clock."""

    times: Float
    agrees: Flags
    of_first: Flags
    start: float
    stop: float

    @property
    def share(self) -> float:
        return float(self.agrees.mean()) if len(self.agrees) else 0.0


def agreement(first: Fingerprint, second: Fingerprint, *, speed: float, lag: float) -> Agreement | None:
    """Lay two clips against each other, correct speed and lag, and count.

    Parameters
    ----------
    first, second : Fingerprint
    speed, lag : float
        Roughly, within half a per cent and a tenth of a second; as in `Agreement`.

    Returns
    -------
    Agreement or None
        None if so few peaks agree that the clips cannot share a recording.
    """
    for _ in range(2):
        played = first.played(speed)
        mine, theirs = _beside(played, second, lag, _SEARCH_SECONDS, _SEARCH_RATIO)
        if not len(mine) or _lay(played, second, lag, mine, theirs).share < _HOPELESS:
            return None
        speed *= float(np.median(second.frequencies[theirs] / played.frequencies[mine]))
        lag = float(np.median(first.times[mine] / speed - second.times[theirs]))
    speed, lag = _fit(first, second, speed, lag)
    played = first.played(speed)
    mine, theirs = _beside(played, second, lag, _NEAR_SECONDS, _NEAR_RATIO)
    if not len(mine):
        return None
    laid = _stretch(_lay(played, second, lag, mine, theirs))
    found = Agreement(
        speed=speed,
        lag=lag,
        start=laid.start,
        overlap=laid.stop - laid.start,
        matched=int((laid.agrees & laid.of_first).sum()),
        share=laid.share,
        chance=0.0,
        gain=float(np.median(second.levels[theirs] - first.levels[mine])),
    )
    if found.score < _HOPELESS:
        return None
    wrong = [_wrongly(played, second, lag + by) for by in _WRONG_LAGS]
    return replace(found, chance=float(np.median(wrong)))


def _fit(first: Fingerprint, second: Fingerprint, speed: float, lag: float) -> tuple[float, float]:
    """Correct speed and lag by a line through the times of peaks that agree, if they reach far enough."""
    mine, theirs = _beside(first.played(speed), second, lag, 2 * _NEAR_SECONDS, _NEAR_RATIO)
    x, y = first.times[mine].astype(np.float64), second.times[theirs].astype(np.float64)
    if len(x) < _FIT_PEAKS or x[-1] - x[0] < _FIT_SECONDS:
        return speed, lag
    slope, intercept = np.polyfit(x, y, 1)
    return float(1 / slope), float(-intercept)


def _wrongly(played: Fingerprint, second: Fingerprint, lag: float) -> float:
    beside = _beside(played, second, lag, _NEAR_SECONDS, _NEAR_RATIO)
    return _lay(played, second, lag, *beside).share


def _lay(played: Fingerprint, second: Fingerprint, lag: float, mine: Int, theirs: Int) -> _Laid:
    start, stop = max(0.0, -lag), min(second.seconds, played.seconds - lag)
    times = np.concatenate([played.times - np.float32(lag), second.times])
    agrees = np.zeros(len(times), np.bool_)
    agrees[mine] = agrees[theirs + len(played)] = True
    of_first = np.arange(len(times)) < len(played)
    inside = (times >= start) & (times <= stop)
    return _Laid(times[inside], agrees[inside], of_first[inside], start, stop)


def _stretch(laid: _Laid) -> _Laid:
    """Return the part of an overlap that agrees, if it is clearly less than all of it, else all."""
    order = np.argsort(laid.times, kind="stable")
    times, agrees, of_first = laid.times[order], laid.agrees[order], laid.of_first[order]
    # The stretch with the largest sum of what exceeds the share: Kadane's algorithm.
    sums = np.concatenate([[0.0], np.cumsum(agrees - _STRETCH_SHARE)])
    lowest = np.minimum.accumulate(sums)
    stop = int(np.argmax(sums - lowest))
    start = int(np.argmin(sums[: stop + 1]))
    if int((agrees & of_first)[start:stop].sum()) < _STRETCH_PEAKS:
        return laid
    if stop - start >= _NEARLY_ALL * len(times):
        return laid
    part = slice(start, stop)
    return _Laid(times[part], agrees[part], of_first[part], float(times[start]), float(times[stop - 1]))


def _beside(
    played: Fingerprint, second: Fingerprint, lag: float, seconds: float, ratio: float
) -> tuple[Int, Int]:
    """Return the pairs of peaks, one of each clip, that stand beside each other when laid at a lag."""
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
