"""A track of a CUE sheet: a time span of an audio file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SheetTrack:
    """A track of a CUE sheet: a time span of the file that the sheet names.

    Parameters
    ----------
    path : Path
        The audio file.
    sheet : Path
        The CUE sheet.
    number : int
        Track number in the sheet.
    start : float
        Start of the track in the file, in seconds.
    end : float or None
        End in seconds; None means the end of the file.
    title, performer : str or None
        From the sheet.
    named : str or None
        The file name in the sheet, if `path` differs from it in more than the suffix.
    """

    path: Path
    sheet: Path
    number: int
    start: float = 0.0
    end: float | None = None
    title: str | None = None
    performer: str | None = None
    named: str | None = None

    @property
    def whole(self) -> bool:
        """Whether the track covers the whole file."""
        return self.start == 0.0 and self.end is None

    def to_dict(self) -> dict[str, Any]:
        """Return the track as a JSON object for a record; the file is the record's `path`."""
        return {
            "sheet": str(self.sheet),
            "number": self.number,
            "title": self.title,
            "performer": self.performer,
            "start": round(self.start, 3),
            "end": None if self.end is None else round(self.end, 3),
        }
