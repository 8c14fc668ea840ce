"""What of a stored result is read."""

from __future__ import annotations

from typing import NamedTuple


class Shown(NamedTuple):
    """What of a result is read: less is faster.

    Parameters
    ----------
    top : int > 0 or None
        Only so many genres; None means all.
    timeline : bool
        Whether to read the timeline and the probabilities of its segments.
    tags : bool
        Whether to read the tags.
    """

    top: int | None = None
    timeline: bool = True
    tags: bool = True


EVERYTHING = Shown()
"""All of it."""
