"""How many segments each round of a long file has, where segments are long or the file is."""

from __future__ import annotations

import numpy as np
import pytest

from genrelab.recognize.segment_sampling import is_clear, spread_starts

RATE = 1000


@pytest.mark.parametrize(
    ("minutes", "seconds", "first", "others"),
    [
        (4, 3, 8, 16),  # 25 s in segments of 3 s
        (4, 5, 5, 10),
        (10, 25, 2, 4),  # one segment alone would say nothing of how sure it is
        (10, 40, 2, 4),
        (60, 3, 20, 40),  # a sixtieth of the hour
        (60, 30, 2, 4),
        (120, 30, 4, 8),
        (2, 25, 2, 0),  # with the second round all of it would be heard
        (1, 25, 0, 0),
    ],
)
def test_rounds(minutes: int, seconds: int, first: int, others: int) -> None:
    length = seconds * RATE
    found = spread_starts(minutes * 60 * RATE, length, length, RATE)
    assert [len(each) for each in found] == [first, others]
    assert not set(found[0]) & set(found[1])


@pytest.mark.parametrize(
    ("leads", "of", "clear"),
    [
        ([0.1], 1, True),
        ([0.1], 2, False),
        ([0.3, 0.3], 10, True),
        # The mean of 0, 1 is 0.5; its standard error without replacement sqrt(0.5 x (1 - 2 / of) / 2).
        ([0.0, 1.0], 3, True),  # 0.5 / 0.289 = 1.73
        ([0.0, 1.0], 4, False),  # 0.5 / 0.354 = 1.41
        ([0.0, -1.0], 3, True),
        ([0.0, -1.0], 4, False),
    ],
)
def test_clear_is_one_and_a_half_standard_errors(leads: list[float], of: int, clear: bool) -> None:
    assert is_clear(np.array(leads), of) is clear
