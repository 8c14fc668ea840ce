"""The lines of `genrelab listen --format jsonl`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

_LONGEST_LINE = 1 << 20  # bytes


@dataclass(frozen=True)
class Moment:
    """What was heard last.

    Attributes
    ----------
    genre : str
        `unsure` if the model abstains.
    confidence : float
    reason : str or None
        Why it abstains.
    genres : list of dict
        With `genre` and `probability`, most likely first.
    tags : list of str
        Those that are present, such as `mood:calm`.
    """

    genre: str
    confidence: float
    reason: str | None
    genres: list[dict[str, Any]]
    tags: list[str]

    @classmethod
    def of(cls, record: dict[str, Any]) -> Moment:
        """Return what a record says.

        Raises
        ------
        LookupError, TypeError, ValueError
            If it is no such record.
        """
        reason = record["reason"]
        shares = [record["confidence"], *(each["probability"] for each in record["genres"])]
        if not all(0 <= float(share) <= 1 for share in shares) or not isinstance(reason, str | None):
            raise ValueError("a share is no number from 0 to 1, or the reason is no text")
        tags = [f"{tag['kind']}:{tag['name']}" for tag in record["tags"] or () if tag["present"]]
        ranked = [
            {"genre": str(each["genre"]), "probability": float(each["probability"])}
            for each in record["genres"]
        ]
        return cls(str(record["genre"]), float(record["confidence"]), reason, ranked, tags)


def moments(lines: BinaryIO, complain: Callable[[str], None]) -> Iterator[Moment]:
    """Yield the records of some lines; one that is none is passed over, and the first of them is reported."""
    complained = False
    while line := lines.readline(_LONGEST_LINE):
        if not line.strip():
            continue
        try:
            yield Moment.of(json.loads(line))
        except (LookupError, TypeError, ValueError, RecursionError):
            if not complained:
                complain("note: a line is no record of `genrelab listen --format jsonl`, and is passed over")
            complained = True
