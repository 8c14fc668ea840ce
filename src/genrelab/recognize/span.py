"""A track of a CUE sheet as a stretch of its file, and what is said about it."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.recognition import Notice, Recognition

_CLEARLY_SHORTER = 1.0  # seconds: sheets are made for copies of which the ends differ a little


class Span(NamedTuple):
    """From where to where a file is heard, in seconds; None is its end."""

    start: float = 0.0
    end: float | None = None

    @property
    def duration(self) -> float | None:
        """How long it is; None if that is up to the file."""
        return None if self.end is None else self.end - self.start


WHOLE = Span()
"""All of a file."""


def about_track(record: Recognition, track: SheetTrack) -> Recognition:
    """Make what is said about a stretch of a file a record of the track that it is.

    Parameters
    ----------
    record : Recognition
        About the stretch.
    track : SheetTrack

    Returns
    -------
    Recognition
        With the place where the track really ends, and notices of what in the sheet is not as it says.
    """
    notices = record.notices
    if track.named is not None:
        text = f"{track.sheet} names {track.named}; this file was taken for it"
        notices += (Notice("playlist", text),)
    if record.duration is None:
        return dataclasses.replace(record, track=track, notices=notices)
    end = track.start + record.duration
    if track.end is not None and end < track.end - _CLEARLY_SHORTER:
        text = f"track {track.number} should end at {track.end:.1f} s, but the file ends at {end:.1f} s"
        notices += (Notice("playlist", text),)
    return dataclasses.replace(record, track=dataclasses.replace(track, end=end), notices=notices)
