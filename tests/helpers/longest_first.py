"""How long a test takes, as its marks say: `slow(30)` and `slow(seconds=30)` are the same."""

from __future__ import annotations

import pytest


def seconds(item: pytest.Item) -> float:
    """Return the seconds in the marks `slow` and `long` of a test; 0 without any."""
    marks = [mark for name in ("slow", "long") for mark in item.iter_markers(name)]
    return float(sum(_stated(*mark.args, **mark.kwargs) for mark in marks))


def _stated(seconds: float = 0) -> float:
    return seconds
