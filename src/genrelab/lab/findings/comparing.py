"""Whether a difference of two systems may be chance: what decided it, as data and in words."""

from __future__ import annotations

import math
from dataclasses import dataclass

SIGNIFICANT = 0.05
"""A p-value below this counts against chance; the level of the 95 % interval."""


@dataclass(frozen=True)
class Decision:
    """What the tests of a difference say.

    Attributes
    ----------
    low, high : float
        The 95 % interval of the difference, from resampling artists; it decides. NaN if there is none.
    p_value : float or None
        McNemar's, corrected for the number of pairs; None if it was not made.
    """

    low: float
    high: float
    p_value: float | None = None

    @property
    def beyond_chance(self) -> bool | None:
        """Whether the interval excludes 0; None without one."""
        if math.isnan(self.low) or math.isnan(self.high):
            return None
        return self.low > 0 or self.high < 0

    @property
    def contradicted(self) -> bool:
        """Whether McNemar's test says the opposite of the interval."""
        beyond = self.beyond_chance
        return beyond is not None and self.p_value is not None and (self.p_value < SIGNIFICANT) != beyond


def decision(found: Decision) -> str:
    """Return whether a difference may be chance, and which test says so.

    Examples
    --------
    >>> decision(Decision(-0.01, 0.2))
    'The interval contains 0: the difference may be chance.'
    """
    beyond = found.beyond_chance
    if beyond is None:
        return "Without an interval, nothing says whether the difference is chance."
    text = (
        "The interval excludes 0: the difference is more than chance explains."
        if beyond
        else "The interval contains 0: the difference may be chance."
    )
    if found.contradicted:
        text += " McNemar's test disagrees, but it takes songs of one artist for independent."
    return text
