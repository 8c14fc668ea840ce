"""A track of a CUE sheet: a stretch of a sound file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class SheetTrack:
    """A track of a CUE sheet: a stretch of the file that the sheet names.

    Parameters
    ----------
    path : Path
        The sound file.
    sheet : Path
        The CUE sheet.
    number : int
        Of the track, as the sheet has it.
    start : float
        Where the track begins in the file, in seconds.
    end : float or None
        Where it ends; None means where the file does.
    title, performer : str or None
        As the sheet has them.
    named : str or None
        The file's name in the sheet, if one that differs in more than its suffix was taken for it.
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
        """Whether the track is all of its file."""
        return self.start == 0.0 and self.end is None

    def to_dict(self) -> dict[str, Any]:
        """Return the track as a record has it in JSON; the file is the record's `path`."""
        return {
            "sheet": str(self.sheet),
            "number": self.number,
            "title": self.title,
            "performer": self.performer,
            "start": round(self.start, 3),
            "end": None if self.end is None else round(self.end, 3),
        }
