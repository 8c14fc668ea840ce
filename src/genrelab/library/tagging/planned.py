"""Write exactly what a plan showed: the digest of a plan."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from genrelab.errors import TagError
from genrelab.library.tagging.tag_plan import TagPolicy
from genrelab.library.tagging.tag_record import TagRecord


def plan_digest(records: Sequence[TagRecord], policy: TagPolicy) -> str:
    """Return what identifies a plan: it changes with the policy, the answers, the files and their tags.

    Parameters
    ----------
    records : sequence of TagRecord
        From `Tagger.tag` without `write`, in their order.
    policy : TagPolicy

    Returns
    -------
    str
        Hexadecimal digits.
    """
    digest = hashlib.sha256(_text(asdict(policy)))
    for record in records:
        digest.update(_text([record.to_dict(), record.code, state_of(record.path)]))
    return digest.hexdigest()[:32]


def state_of(path: Path) -> tuple[int, int] | None:
    """Return size and modification time of a file; None if it is missing."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


def check_planned(records: Sequence[TagRecord], policy: TagPolicy, planned: str) -> None:
    """Raise unless the digest of a plan is still that of its files and answers.

    Raises
    ------
    TagError
        If anything has changed since.
    """
    if plan_digest(records, policy) != planned:
        message = (
            "files, tags or answers have changed since the plan was made. Nothing was written. Plan again."
        )
        raise TagError(message, code="tag-plan-outdated")


def _text(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, default=sorted).encode()
