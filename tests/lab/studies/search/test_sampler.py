"""What is drawn next: within its limits, the same every time, and better than chance."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genrelab.lab.studies.search.axes import Choices, Range
from genrelab.lab.studies.search.sampler import Finished, draw

AXES = {
    "rate": Range(1e-5, 1e-1, log=True),
    "width": Range(8, 64, step=8),
    "share": Range(0.0, 0.9, step=0.1),
    "kind": Choices(("a", None, [1, 2], True, 1)),
}


def figure(values: Mapping[str, Any]) -> float:
    """Best, 0, at a rate of 1e-3 and a width of 32."""
    return -abs(math.log10(values["rate"]) + 3) - abs(values["width"] - 32) / 16


def history(
    trials: int, *, model: bool, seed: int, sign: float = 1.0, finished: list[Finished] | None = None
) -> list[Finished]:
    """Trials as one process draws them, going on behind those that are finished."""
    finished = list(finished or [])
    for number in range(len(finished) + 1, trials + 1):
        values = draw(AXES, finished, model=model, sign=sign, seed=seed, number=number)
        finished.append((values, sign * figure(values)))
    return finished


@pytest.mark.parametrize("model", [True, False])
def test_a_resumed_search_draws_the_same_values(model: bool) -> None:
    whole = history(16, model=model, seed=3)
    for stopped in (1, 9, 13):
        assert history(16, model=model, seed=3, finished=whole[:stopped]) == whole
    assert history(16, model=model, seed=4) != whole
    assert len({repr(values) for values, _ in whole}) > 12, "every trial draws anew"


def test_random_draws_do_not_depend_on_finished_trials() -> None:
    finished: list[Finished] = [({"rate": 1e-3, "width": 32, "share": 0.1, "kind": "a"}, 1.0)]
    given_nothing = draw(AXES, [], model=False, sign=1.0, seed=0, number=7)
    assert draw(AXES, finished * 20, model=False, sign=1.0, seed=0, number=7) == given_nothing


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_model_comes_nearer_than_chance(sign: float) -> None:
    def late(model: bool) -> float:
        runs = [history(30, model=model, seed=seed, sign=sign) for seed in range(4)]
        return sum(sign * value for run in runs for _, value in run[20:])

    assert late(True) > late(False) + 20


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 10_000), st.booleans())
def test_draws_keep_to_the_axes(seed: int, number: int, model: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values = draw(AXES, [], model=model, sign=1.0, seed=seed, number=number)
    assert 1e-5 <= values["rate"] <= 1e-1 and isinstance(values["rate"], float)
    assert values["width"] in range(8, 65, 8) and isinstance(values["width"], int)
    assert values["share"] == pytest.approx(round(values["share"], 1)) and 0 <= values["share"] <= 0.9
    AXES["kind"].place(values["kind"])
