"""Holm's correction: p-values of several pairs never fall where the raw ones rise."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genrelab.lab.metrics.bootstrap import Estimate
from genrelab.lab.studies.compare import Pair, _corrected


def corrected(raw: list[float | None]) -> list[float | None]:
    nothing = Estimate(0.0, math.nan, math.nan)
    pairs = [
        Pair(f"system {number}", "another", True, 10, 10, (0.5, 0.5), nothing, nothing, p_value=value)
        for number, value in enumerate(raw)
    ]
    made = _corrected(pairs)
    assert [pair.first for pair in made] == [pair.first for pair in pairs]
    return [pair.p_value for pair in made]


@pytest.mark.parametrize(
    ("raw", "wanted"),
    [
        # 3 x 0.02; 2 x 0.021 alone would be less than that; 1 x 0.5
        ([0.02, 0.021, 0.5], [0.06, 0.06, 0.5]),
        ([0.5, 0.021, 0.02], [0.5, 0.06, 0.06]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.4, 0.6], [0.8, 0.8]),
        ([0.9, 0.8], [1.0, 1.0]),
        # A pair without a test is no test to correct for.
        ([None, 0.02, None, 0.03], [None, 0.04, None, 0.04]),
        ([], []),
    ],
)
def test_by_hand(raw: list[float | None], wanted: list[float | None]) -> None:
    assert corrected(raw) == [None if each is None else pytest.approx(each) for each in wanted]


@given(st.lists(st.floats(1e-9, 1), min_size=1, max_size=6))
def test_the_hypotheses_refused_are_those_of_the_closed_test(raw: list[float]) -> None:
    """Holm (1979): refused is what every set of hypotheses that holds it refuses by Bonferroni's bound."""
    for number, value in enumerate(corrected(raw)):
        others = [each for place, each in enumerate(raw) if place != number]
        bounds = [
            (size + 1) * min((raw[number], *chosen))
            for size in range(len(raw))
            for chosen in combinations(others, size)
        ]
        assert value == pytest.approx(min(1.0, max(bounds)))
