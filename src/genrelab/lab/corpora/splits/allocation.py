"""Dealing groups of clips into parts so that every part gets its share of every genre.

A group (one file, or everything by one artist) is never divided. The largest groups are dealt first, each
into a part drawn at random among those that still have room for it, with chances in proportion to the
room; where nothing has room, into the part that is left closest to its targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def allocate(
    groups: npt.NDArray[np.int64], shares: Sequence[float], *, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Deal groups into parts.

    Parameters
    ----------
    groups : np.ndarray [shape=(groups, genres)], int
        Number of clips of each genre in each group.
    shares : sequence of float
        Share of each part, summing to 1; a part whose share is 0 gets nothing.
    rng : np.random.Generator
        Decides what the targets leave open.

    Returns
    -------
    np.ndarray [shape=(groups,)], int
        The part of each group. Of groups of one clip, each part gets its target of each genre to
        within two clips. A genre with at least as many groups as there are parts is in every part when
        each of its groups holds that genre alone.
    """
    share = np.asarray(shares, dtype=np.float64)
    parts = np.flatnonzero(share)
    room = share[parts, None] * groups.sum(axis=0)[None, :]
    absent = np.ones(room.shape, dtype=bool)  # [part, genre]: nothing of the genre in the part yet
    left = (groups > 0).sum(axis=0)  # groups of each genre still to be dealt
    dealt = np.empty(len(groups), dtype=np.int64)
    order = rng.permutation(len(groups))
    order = order[np.argsort(-groups[order].sum(axis=1), kind="stable")]
    for index in order:
        counts = groups[index]
        has = counts > 0
        # When a genre has only as many groups left as parts without it, each must go to one of those.
        urgent = has & (left <= absent.sum(axis=0))
        needs = (absent & urgent).sum(axis=1)
        allowed = needs == needs.max()
        part = _choose(room, counts, allowed, rng)
        dealt[index] = parts[part]
        room[part] -= counts
        absent[part] &= ~has
        left -= has
    return dealt


def _choose(
    room: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    allowed: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> int:
    slack = 1e-9  # targets such as 0.6 * 5 must not miss a whole clip by rounding
    fits = allowed & (room + slack >= counts).all(axis=1)
    # Dealing `counts` lowers the squared distance to the targets by 2 room.counts - counts.counts.
    gain = room @ counts
    if fits.any():
        chance = np.where(fits, np.maximum(gain, slack), 0.0)
        return int(rng.choice(len(chance), p=chance / chance.sum()))
    gain = np.where(allowed, gain, -np.inf)
    return int(rng.choice(np.flatnonzero(gain >= gain.max() - slack)))
