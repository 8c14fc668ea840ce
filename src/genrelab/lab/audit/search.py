"""Which clips may share a recording: clips with many common landmarks at one distance in time.

A landmark is three nearby peaks, hashed to one number. Pairs of peaks (Wang 2003) match by chance so often
that a thousand clips share tens of millions of them. Triplets, with two frequency ratios and two time
distances, match by chance far more rarely and are nearly as robust (Six and Leman, "Panako", ISMIR 2014). The
hash keeps the frequency itself in coarse steps, the ratios and distances in finer ones.

One sorted table holds the landmarks of all clips. Two clips that share a recording have many landmarks in
common, all at the same time distance; other clips have few in common, at many distances (Wang 2003, section
2.3). The cost grows with the number of common landmarks, not with the number of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.lab.audit.fingerprint import Fingerprint, Float

#: Speeds to try between two clips; each covers half a per cent on both sides.
SPEEDS = (1.0, 1.01, 1.02)
_BIN_SECONDS = 0.1
_FEWEST_VOTES = 5
_MOST_ALIKE = 1_000  # ignore more frequent landmarks, such as hum or test tones
_PLACES_PER_PAIR = 3
_LANDMARKS_TOGETHER = 400_000

_NEAREST, _FARTHEST = 0.05, 3.0  # seconds between the first peak and the others
_FOLLOWING = 4  # next peaks, of which two complete a triplet
_FREQUENCY_STEP, _RATIO_STEP = 0.06, 0.03  # natural logarithm: a semitone, half of one
_TIME_STEP = 0.05  # seconds
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # multiplicative hashing (Knuth, volume 3, section 6.4)

Int = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint32]


def landmarks(peaks: Fingerprint) -> tuple[Hashes, Float]:
    """Return all landmarks of a clip.

    Parameters
    ----------
    peaks : Fingerprint

    Returns
    -------
    hashes : np.ndarray [shape=(landmarks,)], uint32
        Equal for landmarks of equal shape; others collide once in 4 billion.
    times : np.ndarray [shape=(landmarks,)], float32, in seconds
        Time of each landmark's first peak.
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


class Candidate(NamedTuple):
    """An alignment at which two clips may share a recording.

    Attributes
    ----------
    first, second : int
        Indices of the clips, in ascending order.
    speed : float
        Speed of the second clip relative to the first.
    lag : float, in seconds
        Time `t` in the first clip corresponds to `t / speed - lag` in the second.
    votes : int
        Number of matching landmarks.
    """

    first: int
    second: int
    speed: float
    lag: float
    votes: int


class _Table:
    """The landmarks of all clips, sorted."""

    def __init__(self, prints: Sequence[Fingerprint]) -> None:
        hashes, self.times, self.clips = _landmarks(prints)
        order = np.argsort(hashes, kind="stable")
        self.times, self.clips = self.times[order], self.clips[order]
        self.names, self.starts, self.counts = np.unique(hashes[order], return_index=True, return_counts=True)

    def look_up(self, hashes: Hashes) -> tuple[Int, Int]:
        """Return all matches: indices of the given hashes and their positions in the table."""
        if not len(self.names):
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        order = np.argsort(hashes)  # sorted queries access the table sequentially
        at = np.minimum(np.searchsorted(self.names, hashes[order]), len(self.names) - 1)
        counts = np.where(self.names[at] == hashes[order], self.counts[at], 0)
        counts[counts > _MOST_ALIKE] = 0
        ends = np.cumsum(counts)
        query = np.repeat(np.arange(len(order)), counts)
        place = np.arange(len(query)) - np.repeat(ends - counts, counts) + np.repeat(self.starts[at], counts)
        return order[query], place


def find_candidates(prints: Sequence[Fingerprint], *, speeds: Sequence[float] = SPEEDS) -> list[Candidate]:
    """Find clips that may share a recording.

    Parameters
    ----------
    prints : sequence of Fingerprint
        One per clip.
    speeds : sequence of float >= 1
        Speeds to try, for both clips of a pair.

    Returns
    -------
    list of Candidate
        Up to three alignments per pair and speed, sorted by pair; most arise by chance, see `agreement`.
    """
    table = _Table(prints)
    found: list[Candidate] = []
    for speed in speeds:
        for start, stop in _blocks(prints):
            block = [each.played(speed) for each in prints[start:stop]]
            hashes, times, clips = _landmarks(block)
            query, place = table.look_up(hashes)
            first, second = clips[query].astype(np.int64) + start, table.clips[place].astype(np.int64)
            wanted = first < second if speed == 1.0 else first != second
            lags = times[query[wanted]] - table.times[place[wanted]]
            found += _votes(first[wanted], second[wanted], lags, speed, len(prints))
    return sorted(found)


def _landmarks(
    prints: Sequence[Fingerprint],
) -> tuple[Hashes, Float, npt.NDArray[np.int32]]:
    made = [landmarks(each) for each in prints]
    clips = np.repeat(np.arange(len(made), dtype=np.int32), [len(hashes) for hashes, _ in made])
    return (
        np.concatenate([np.zeros(0, np.uint32), *(hashes for hashes, _ in made)]),
        np.concatenate([np.zeros(0, np.float32), *(times for _, times in made)]),
        clips,
    )


def _blocks(prints: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    """Divide the clips into blocks with at least one clip and a bounded number of landmarks."""
    ends = np.cumsum([6 * len(each) for each in prints])
    cuts = np.flatnonzero(np.diff(ends // _LANDMARKS_TOGETHER)) + 1
    edges = [0, *cuts.tolist(), len(prints)]
    return [(start, stop) for start, stop in zip(edges[:-1], edges[1:], strict=True) if start < stop]


def _votes(first: Int, second: Int, lags: Float, speed: float, n: int) -> list[Candidate]:
    """Count the landmarks of each pair and lag, and keep the lags with the highest counts."""
    if not len(lags):
        return []
    bins = np.floor(lags / _BIN_SECONDS).astype(np.int64)
    lowest, span = int(bins.min()), int(bins.max() - bins.min()) + 2
    keys, counts = np.unique((first * n + second) * span + bins - lowest, return_counts=True)
    follows = np.append(keys[1:] == keys[:-1] + 1, False)
    counts = counts + np.where(follows, np.append(counts[1:], 0), 0)  # each bin plus the next one
    enough = counts >= _FEWEST_VOTES
    keys, counts = keys[enough], counts[enough]
    order = np.lexsort((-counts, keys // span))
    keys, counts = keys[order], counts[order]
    found: list[Candidate] = []
    taken: list[int] = []
    before = -1
    for key, votes in zip(keys.tolist(), counts.tolist(), strict=True):
        pair, place = divmod(key, span)
        if pair != before:
            before, taken = pair, []
        if len(taken) == _PLACES_PER_PAIR or any(abs(place - other) <= 2 for other in taken):
            continue
        taken.append(place)
        i, j = divmod(pair, n)
        lag = (place + lowest + 1) * _BIN_SECONDS  # between the two bins
        found.append(
            Candidate(i, j, speed, lag, votes) if i < j else Candidate(j, i, 1 / speed, -lag * speed, votes)
        )
    return found
