"""Groups are dealt by chance in proportion to the room, not in turn."""

from __future__ import annotations

import numpy as np
import pytest

from genrelab.lab.corpora.splits.allocation import allocate

SHARES = (0.6, 0.2, 0.2)


def dealt(groups: list[int], draws: int = 400) -> np.ndarray:
    """The parts of some groups of one genre [draws, groups]."""
    rng = np.random.default_rng(0)
    counts = np.array(groups, dtype=np.int64)[:, None]
    return np.stack([allocate(counts, SHARES, rng=rng) for _ in range(draws)])


def test_the_largest_group_lands_in_a_part_as_often_as_the_part_is_large() -> None:
    first = dealt([10, *[1] * 40])[:, 0]
    assert np.bincount(first, minlength=3) / len(first) == pytest.approx(SHARES, abs=0.07)


@pytest.mark.slow
def test_two_large_groups_may_share_a_part() -> None:
    """0.6^2 + 2 x 0.2^2, a little less since the first takes room; dealt in turn they never would."""
    both = dealt([10, 10, *[1] * 60])
    assert (both[:, 0] == both[:, 1]).mean() == pytest.approx(0.4, abs=0.08)
