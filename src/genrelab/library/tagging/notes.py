"""The notes in records of tagging."""

from __future__ import annotations

import errno
from pathlib import Path


def note_of_links(others: int, *, written: bool) -> str | None:
    """Return a note about other names (hard links) of a file that is or would be written; None for none."""
    if not others:
        return None
    return f"{_names(others)} of this file (hard links) {'' if written else 'would '}keep the old tags"


def note_of_skipped(others: int) -> str:
    """Return why a file with other names (hard links) is skipped."""
    return f"has {_names(others)} (hard links), which would keep the old tags"


def _names(others: int) -> str:
    return f"{others} other name{'s' * (others > 1)}"


def note_of_others(beside: tuple[str, ...], after: tuple[str, ...]) -> str | None:
    """Return a note about an APEv2 tag that never changes; None if it says the same."""
    if not beside or beside == after:
        return None
    return f"its APEv2 tag keeps {', '.join(beside)}, which some players show"


def explain(path: Path, error: OSError) -> str:
    """Return an error of the system as a message with a remedy."""
    what = error.strerror or str(error)
    remedies = {
        errno.ENOSPC: "Free some space.",
        errno.EDQUOT: "Free some space.",
        errno.EFBIG: "The file is too large for its disk or a limit of this process.",
        errno.EACCES: "Change the permissions of the file and its folder.",
        errno.EPERM: "Change the permissions of the file and its folder.",
        errno.EROFS: "Its disk is read-only.",
        errno.EINVAL: "Name a file.",
        errno.ENOENT: "It disappeared during the run.",
        errno.ELOOP: "It is a link that points to itself.",
    }
    remedy = remedies.get(error.errno or 0, "Try again.")
    return f"{path} could not be read or written: {what}. It was left unchanged. {remedy}"
