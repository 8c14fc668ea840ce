"""Combine the genre probabilities of tracks to those of their album.

A track belongs to the genre of its album, or, with the probability `STRAY`, to any genre: that bounds what a
single track can say against all others. Tracks of an album are alike, so that many of them say less than as
many independent ones: with the correlation `CORRELATION`, n tracks count as n / (1 + (n - 1) CORRELATION)
(Kish's design effect). The result is a product of experts,

    log P(g) = c + m * sum_i w_i log((1 - STRAY) p_i(g) + STRAY / K) / sum_i w_i,

with K genres, the weight w_i and the probabilities p_i of track i, and the number m that the tracks count as.
`experiments/albums.py` compares the rule with others and estimates both constants; docs/results/albums.md has
its figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

CORRELATION = 0.7
"""Of the errors of the tracks of an album."""

STRAY = 0.05
"""Share of tracks that tell nothing about the genre of their album."""

FULL_WEIGHT_SECONDS = 60.0
"""A track of this length or longer has the weight 1, a shorter one less in proportion."""

LEAST_WEIGHT = 0.01  # of a track without length


def weight_of(duration: float | None) -> float:
    """Return the weight of a track in its album, 0.01 to 1.

    Parameters
    ----------
    duration : float or None
        Its length in seconds; None if unknown, which gives the weight 1.
    """
    if duration is None:
        return 1.0
    return min(1.0, max(LEAST_WEIGHT, duration / FULL_WEIGHT_SECONDS))


def independent_tracks(count: float, correlation: float = CORRELATION) -> float:
    """Return how many independent tracks tell as much as some correlated ones.

    Parameters
    ----------
    count : float >= 1
    correlation : float in 0..1

    Examples
    --------
    >>> independent_tracks(1), independent_tracks(8, 0.0), independent_tracks(8, 1.0)
    (1.0, 8.0, 1.0)
    """
    return count / (1.0 + (count - 1.0) * correlation)


class Evidence:
    """What the tracks of one album say about its genre; keeps sums.

    Parameters
    ----------
    correlation, stray : float in 0..1
        See the head of this module; `stray` is above 0.
    """

    def __init__(self, *, correlation: float = CORRELATION, stray: float = STRAY) -> None:
        self._correlation = correlation
        self._stray = stray
        self._logs: dict[str, float] = {}  # weighted sums, in the order of the first track
        self._weights = 0.0
        self._squares = 0.0

    def add(self, probabilities: Mapping[str, float], weight: float = 1.0) -> None:
        """Add a track: its probability of each genre, the same genres for all tracks."""
        floor = self._stray / len(probabilities)
        self._weights += weight
        self._squares += weight * weight
        for genre, probability in probabilities.items():
            log = math.log((1.0 - self._stray) * probability + floor)
            self._logs[genre] = self._logs.get(genre, 0.0) + weight * log

    def probabilities(self) -> dict[str, float]:
        """Return the probability of each genre for the album; empty without tracks."""
        if not self._logs:
            return {}
        # Tracks of different weight count as fewer of the same weight: Kish's effective sample size.
        count = self._weights * self._weights / self._squares
        scale = independent_tracks(count, self._correlation) / self._weights
        most = max(self._logs.values())
        shares = {genre: math.exp(scale * (log - most)) for genre, log in self._logs.items()}
        total = sum(shares.values())
        return {genre: share / total for genre, share in shares.items()}
