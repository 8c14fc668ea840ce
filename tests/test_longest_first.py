"""The longest tests begin first, however their marks are written."""

from __future__ import annotations

import pytest
from longest_first import seconds


@pytest.mark.parametrize(
    "expected",
    [
        0,
        pytest.param(0, marks=pytest.mark.slow),
        pytest.param(30, marks=pytest.mark.slow(30)),
        pytest.param(25, marks=pytest.mark.slow(seconds=25)),
        pytest.param(7, marks=pytest.mark.long(seconds=7)),
    ],
)
def test_seconds_of_a_mark(expected: float, request: pytest.FixtureRequest) -> None:
    assert seconds(request.node) == expected


def test_another_argument_is_an_error(request: pytest.FixtureRequest) -> None:
    request.node.add_marker(pytest.mark.slow(second=30))
    with pytest.raises(TypeError, match="second"):
        seconds(request.node)
