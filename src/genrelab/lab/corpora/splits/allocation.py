"""Allocation of groups of clips to parts, such that each part gets its share of each genre.

A group (one file, or all clips of an artist) is never divided. The largest groups come first. Each goes to a
random part among those with enough room, with a probability proportional to the room; if no part has enough
room, it goes to the part that then stays closest to its targets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def allocate(
    groups: npt.NDArray[np.int64], shares: Sequence[float], *, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Allocate groups to parts.

    Parameters
    ----------
    groups : np.ndarray [shape=(groups, genres)], int
        Number of clips of each genre in each group.
    shares : sequence of float
        Share of each part; the sum is 1, and a part with share 0 gets nothing.
    rng : np.random.Generator
        Decides between parts that the targets allow.

    Returns
    -------
    np.ndarray [shape=(groups,)], int
        The part of each group. With groups of one clip, each part reaches its target for each genre to
        within two clips. A genre with at least as many groups as parts occurs in every part, if each of
        its groups contains only that genre.
    """
    share = np.asarray(shares, dtype=np.float64)
    parts = np.flatnonzero(share)
    room = share[parts, None] * groups.sum(axis=0)[None, :]
    absent = np.ones(room.shape, dtype=bool)  # [part, genre]: the part has no clip of the genre yet
    left = (groups > 0).sum(axis=0)  # remaining groups of each genre
    part_of = np.empty(len(groups), dtype=np.int64)
    order = rng.permutation(len(groups))
    order = order[np.argsort(-groups[order].sum(axis=1), kind="stable")]
    for index in order:
        counts = groups[index]
        has = counts > 0
        # If a genre has no more groups left than parts lack it, each of these groups must go to such a part.
        urgent = has & (left <= absent.sum(axis=0))
        needs = (absent & urgent).sum(axis=1)
        allowed = needs == needs.max()
        part = _choose(room, counts, allowed, rng)
        part_of[index] = parts[part]
        room[part] -= counts
        absent[part] &= ~has
        left -= has
    return part_of


def _choose(
    room: npt.NDArray[np.float64],
    counts: npt.NDArray[np.int64],
    allowed: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> int:
    slack = 1e-9  # rounding of targets such as 0.6 * 5 must not cost a clip
    fits = allowed & (room + slack >= counts).all(axis=1)
    # Adding `counts` lowers the squared distance to the targets by 2 room.counts - counts.counts.
    gain = room @ counts
    if fits.any():
        chance = np.where(fits, np.maximum(gain, slack), 0.0)
        return int(rng.choice(len(chance), p=chance / chance.sum()))
    gain = np.where(allowed, gain, -np.inf)
    return int(rng.choice(np.flatnonzero(gain >= gain.max() - slack)))
