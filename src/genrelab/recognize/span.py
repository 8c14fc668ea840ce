"""A track of a CUE sheet as a time span of its file, and its record."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.recognition import Notice, Recognition

_CLEARLY_SHORTER = 1.0  # seconds: the ends of two copies of an album may differ a little


class Span(NamedTuple):
    """A time span of a file, in seconds; an end of None is the end of the file."""

    start: float = 0.0
    end: float | None = None

    @property
    def duration(self) -> float | None:
        """Duration in seconds; None if the span ends with the file."""
        return None if self.end is None else self.end - self.start


WHOLE = Span()
"""The whole file."""


def about_track(record: Recognition, track: SheetTrack) -> Recognition:
    """Turn the record of a time span into the record of a track.

    Parameters
    ----------
    record : Recognition
        Of the span.
    track : SheetTrack

    Returns
    -------
    Recognition
        With the actual end of the track, and notices where the sheet and the file differ.
    """
    notices = record.notices
    if track.named is not None:
        text = f"{track.sheet} names {track.named}, which is missing; this file is used instead"
        notices += (Notice("playlist", text),)
    if record.duration is None:
        return dataclasses.replace(record, track=track, notices=notices)
    end = track.start + record.duration
    if track.end is not None and end < track.end - _CLEARLY_SHORTER:
        text = f"track {track.number} should end at {track.end:.1f} s, but the file ends at {end:.1f} s"
        notices += (Notice("playlist", text),)
    return dataclasses.replace(record, track=dataclasses.replace(track, end=end), notices=notices)
