"""Landmarks: three peaks that stand near each other, in one number that can be looked up.

Two peaks (Wang 2003) meet by chance so often that a thousand clips share tens of millions of them. Three,
with two ratios of frequencies and two distances in time, meet by chance far more rarely and survive nearly as
well (triplets: Six and Leman, "Panako", ISMIR 2014). The frequency itself is kept in coarse steps, the ratios
and distances in finer ones.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import numpy.typing as npt

from genrelab.lab.audit.fingerprint import Fingerprint

_NEAREST, _FARTHEST = 0.05, 3.0  # seconds between the first peak and the others
_FOLLOWING = 4  # peaks, of which two go with the first one
_FREQUENCY_STEP, _RATIO_STEP = 0.06, 0.03  # natural logarithm: a semitone, half of one
_TIME_STEP = 0.05  # seconds
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # multiplicative hashing (Knuth, volume 3, section 6.4)

Hashes = npt.NDArray[np.uint32]
Float = npt.NDArray[np.float32]


def landmarks(peaks: Fingerprint) -> tuple[Hashes, Float]:
    """Name every landmark of a clip.

    Parameters
    ----------
    peaks : Fingerprint
        With its times in order.

    Returns
    -------
    hashes : np.ndarray [shape=(landmarks,)], uint32
        Equal for landmarks of equal shape; unequal ones meet once in 4 billion.
    times : np.ndarray [shape=(landmarks,)], float32, in seconds
        Of each landmark's first peak.
    """
    times = peaks.times.astype(np.float64)
    logs = np.log(peaks.frequencies.astype(np.float64))
    following = np.searchsorted(times, times + _NEAREST)
    hashes, begins = [np.zeros(0, np.uint32)], [np.zeros(0, np.float32)]
    for second, third in combinations(range(_FOLLOWING), 2):
        first = np.flatnonzero(following + third < len(times))
        near, far = following[first] + second, following[first] + third
        within = times[far] - times[first] <= _FARTHEST
        first, near, far = first[within], near[within], far[within]
        name = np.floor(logs[first] / _FREQUENCY_STEP).astype(np.int64)
        for difference, step in (
            (logs[near] - logs[first], _RATIO_STEP),
            (logs[far] - logs[first], _RATIO_STEP),
            (times[near] - times[first], _TIME_STEP),
            (times[far] - times[first], _TIME_STEP),
        ):
            name = name * 512 + np.rint(difference / step).astype(np.int64) + 128
        hashes.append(((name.astype(np.uint64) * _GOLDEN) >> np.uint64(32)).astype(np.uint32))
        begins.append(peaks.times[first])
    return np.concatenate(hashes), np.concatenate(begins)
