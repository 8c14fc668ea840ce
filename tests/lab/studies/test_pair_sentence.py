"""What `genrelab compare` says about two systems: figures, direction, tests and doubts, word for word."""

from __future__ import annotations

import math
from typing import Any

import pytest

from genrelab.lab.metrics.bootstrap import Estimate
from genrelab.lab.studies.compare import Pair


def said(**changes: Any) -> str:
    values: dict[str, Any] = {
        "first": "A",
        "second": "B",
        "paired": True,
        "clips": 200,
        "groups": 40,
        "accuracies": (0.755, 0.63),
        "difference": Estimate(0.125, 0.084, 0.216),
        "balanced_difference": Estimate(0.1, 0.0, 0.2),
        "p_value": 0.0123,
    }
    return Pair(**{**values, **changes}).sentence()


def test_a_difference_that_chance_does_not_explain() -> None:
    assert said() == (
        "On the same 200 clips A has an accuracy of 75.5 % and B of 63.0 %: A is 12.5 points better "
        "(95 % interval 8.4 to 21.6; McNemar p = 0.012). The interval excludes 0: the difference is more "
        "than chance explains."
    )


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.2, "The interval contains 0: the difference may be chance."),
        (0.0, 0.2, "The interval contains 0: the difference may be chance."),
        (-0.2, 0.0, "The interval contains 0: the difference may be chance."),
        (0.001, 0.2, "The interval excludes 0: the difference is more than chance explains."),
        (-0.2, -0.001, "The interval excludes 0: the difference is more than chance explains."),
    ],
)
def test_an_interval_that_holds_zero_may_be_chance(low: float, high: float, verdict: str) -> None:
    assert said(difference=Estimate(0.1, low, high), p_value=None).endswith(verdict)


@pytest.mark.parametrize(
    ("low", "p", "disagrees"),
    [(-0.1, 0.049, True), (-0.1, 0.05, False), (0.1, 0.05, True), (0.1, 0.049, False)],
)
def test_a_test_that_contradicts_the_interval_is_named(low: float, p: float, disagrees: bool) -> None:
    text = said(difference=Estimate(0.15, low, 0.2), p_value=p)
    assert ("McNemar's test disagrees" in text) is disagrees


@pytest.mark.parametrize(
    ("value", "words"),
    [(-0.05, "A is 5.0 points worse ("), (0.05, "A is 5.0 points better ("), (0.0, "A is no better (")],
)
def test_the_direction(value: float, words: str) -> None:
    assert words in said(difference=Estimate(value, -0.2, 0.2))


@pytest.mark.parametrize(
    ("p", "words"),
    [
        (0.5, "p = 0.500"),
        (0.001, "p = 0.001"),
        (0.00099, "p = 9.9e-04"),
        (3e-7, "p = 3.0e-07"),
        (1.0, "p = 1.000"),
    ],
)
def test_small_p_values_are_not_rounded_to_zero(p: float, words: str) -> None:
    assert f"McNemar {words})" in said(p_value=p)


def test_without_pairs_interval_or_test() -> None:
    text = said(paired=False, p_value=None, difference=Estimate(0.125, math.nan, math.nan))
    assert text.startswith("On different clips A has an accuracy")
    assert "(no interval: there are too few artists). Without an interval, nothing says whether" in text


def test_who_leaks_is_named() -> None:
    assert said(leaks=("B",)).endswith(" Do not trust it: B leaks.")
    assert said(leaks=("A", "B")).endswith(" Do not trust it: A and B leak.")
