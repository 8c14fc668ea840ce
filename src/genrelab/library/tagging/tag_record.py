"""The result of tagging one file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

from genrelab.library.tags import Field

Status = Literal["would write", "written", "left", "undone", "error"]


@dataclass(frozen=True, slots=True)
class FieldChange:
    """The values of a field other than the genre, before and after.

    Parameters
    ----------
    field : {"mood", "grouping"}
    before : tuple of str
    after : tuple of str
        After the write, or what they would be.
    """

    field: Field
    before: tuple[str, ...]
    after: tuple[str, ...]

    @staticmethod
    def columns(field: Field) -> tuple[str, str]:
        """Return the keys of both in a record as a JSON object."""
        return f"{field}_before", f"{field}_after"


@dataclass(frozen=True, slots=True)
class TagRecord:
    """The result of tagging one file.

    Parameters
    ----------
    path : Path
        As named by the user.
    status : {"would write", "written", "left", "undone", "error"}
    before : tuple of str
        Genres before the write.
    after : tuple of str
        Genres after the write, or what they would be.
    confidence : float or None
        Of the recognition.
    note : str or None
        Why the file was left, what failed, or a remark.
    code : str or None
        The code of the error, for programs: that of a `GenrelabError`, or the system's, such as `EACCES`.
    more : tuple of FieldChange
        The other fields that were asked for, or undone.
    guess : bool
        Whether the new genre is a guess: below the threshold of the model.
    unsure : bool
        Whether no genre is written because the confidence is below the threshold; not in `to_dict`.
    """

    path: Path
    status: Status
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    confidence: float | None = None
    note: str | None = None
    code: str | None = None
    more: tuple[FieldChange, ...] = ()
    guess: bool = False
    unsure: bool = False

    COLUMNS: ClassVar = ("path", "status", "before", "after", "confidence", "note", "guess")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object, with two keys for each of `more`, such as `mood_before`."""
        record: dict[str, Any] = {
            "path": os.fspath(self.path),
            "status": self.status,
            "before": list(self.before),
            "after": list(self.after),
            "confidence": None if self.confidence is None else round(self.confidence, 6),
            "note": self.note,
            "guess": self.guess,
        }
        for change in self.more:
            for column, values in zip(
                change.columns(change.field), (change.before, change.after), strict=True
            ):
                record[column] = list(values)
        return record
