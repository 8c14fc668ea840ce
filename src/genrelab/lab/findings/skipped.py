"""Clips that a corpus left out, summed up by reason: a copy may lack hundreds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_REASONS = 10
"""Reasons that are shown one by one."""
_EXAMPLES = 3


@dataclass(frozen=True)
class SkippedAlike:
    """Clips that were left out for one reason.

    Attributes
    ----------
    reason : str or None
        None stands for all reasons that are not shown.
    count : int
        How many clips.
    examples : tuple of str
        The ids of the first few.
    """

    reason: str | None
    count: int
    examples: tuple[str, ...]


def skipped_alike(skipped: Mapping[str, str]) -> list[SkippedAlike]:
    """Return the clips that were left out by reason, the most frequent one first.

    Parameters
    ----------
    skipped : mapping of str to str
        Clip id -> why it was left out.
    """
    by_reason: dict[str, list[str]] = {}
    for clip_id, reason in skipped.items():
        by_reason.setdefault(reason, []).append(clip_id)
    ordered = sorted(by_reason.items(), key=lambda each: -len(each[1]))
    shown = ordered if len(ordered) <= MOST_REASONS else ordered[: MOST_REASONS - 1]
    found = [SkippedAlike(reason, len(ids), tuple(ids[:_EXAMPLES])) for reason, ids in shown]
    rest = [clip_id for _, ids in ordered[len(shown) :] for clip_id in ids]
    return [*found, SkippedAlike(None, len(rest), tuple(rest[:_EXAMPLES]))] if rest else found
