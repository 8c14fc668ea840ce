"""Whether two clips do share a recording: how many peaks of one stand in the other where they should.

A candidate says how the clips lie against each other. Then nearly every peak of the one must have a peak of
the other beside it, both ways, as far as they overlap. What steady sounds and common rhythms agree in by
chance is measured on the same two clips laid wrongly, and taken off as Cohen's kappa does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genrelab.lab.corpora.audit.fingerprint import Fingerprint

Int = npt.NDArray[np.int64]

_NEAR_SECONDS, _NEAR_RATIO = 0.04, 0.012
_SEARCH_SECONDS, _SEARCH_RATIO = 0.15, 0.02
_HOPELESS = 0.2  # share of peaks that agree within the search's reach; recordings that are shared have more
_FIT_SECONDS, _FIT_PEAKS = 10.0, 20  # from here on times say the speed better than frequencies
_CAUTION = 1.5  # what few peaks cost: the share is off by about 1 / sqrt(peaks)
_WRONG_LAGS = (-2.93, -1.71, -1.13, -0.61, 0.47, 0.83, 1.39, 2.27)  # seconds; no common period
_NEIGHBOURS = 12  # peaks that the search's reach holds, at most


@dataclass(frozen=True, slots=True)
class Agreement:
    """How well two clips agree where they lie against each other.

    Parameters
    ----------
    speed : float
        How many times as fast the second one plays.
    lag : float, in seconds
        What stands at `t` in the first stands at `t / speed - lag` in the second.
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
        if _share(played, second, lag, mine, theirs) < _HOPELESS:
            return None
        speed *= float(np.median(second.frequencies[theirs] / played.frequencies[mine]))
        lag = float(np.median(first.times[mine] / speed - second.times[theirs]))
    speed, lag = _fit(first, second, speed, lag)
    played = first.played(speed)
    mine, theirs = _near(played, second, lag)
    if not len(mine):
        return None
    start, stop = _overlap(played, second, lag)
    wrong = [_share(played, second, lag + by, *_near(played, second, lag + by)) for by in _WRONG_LAGS]
    return Agreement(
        speed=speed,
        lag=lag,
        overlap=stop - start,
        matched=len(np.unique(mine)),
        share=_share(played, second, lag, mine, theirs),
        chance=float(np.median(wrong)),
        gain=float(np.median(second.levels[theirs] - first.levels[mine])),
    )


def _fit(first: Fingerprint, second: Fingerprint, speed: float, lag: float) -> tuple[float, float]:
    """Correct speed and lag by a line through the times of peaks that agree, if they reach far enough."""
    mine, theirs = _beside(first.played(speed), second, lag, 2 * _NEAR_SECONDS, _NEAR_RATIO)
    x, y = first.times[mine].astype(np.float64), second.times[theirs].astype(np.float64)
    if len(x) < _FIT_PEAKS or x[-1] - x[0] < _FIT_SECONDS:
        return speed, lag
    slope, intercept = np.polyfit(x, y, 1)
    return float(1 / slope), float(-intercept)


def _near(played: Fingerprint, second: Fingerprint, lag: float) -> tuple[Int, Int]:
    return _beside(played, second, lag, _NEAR_SECONDS, _NEAR_RATIO)


def _overlap(played: Fingerprint, second: Fingerprint, lag: float) -> tuple[float, float]:
    """Return from where to where in the second clip both have sound."""
    return max(0.0, -lag), min(second.seconds, played.seconds - lag)


def _share(played: Fingerprint, second: Fingerprint, lag: float, mine: Int, theirs: Int) -> float:
    """Return the share of both clips' peaks within the overlap that have one of the other beside them."""
    start, stop = _overlap(played, second, lag)
    there = 0
    for times in (played.times - np.float32(lag), second.times):
        there += int(np.searchsorted(times, stop, "right") - np.searchsorted(times, start))
    return (len(np.unique(mine)) + len(np.unique(theirs))) / there if there else 0.0


def _beside(
    played: Fingerprint, second: Fingerprint, lag: float, seconds: float, ratio: float
) -> tuple[Int, Int]:
    """Return the pairs of peaks, one of each clip, that stand beside each other when laid at a lag."""
    if not len(played) or not len(second):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    start, stop = np.searchsorted(
        played.times, [second.times[0] + lag - seconds, second.times[-1] + lag + seconds]
    )
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
