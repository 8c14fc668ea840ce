"""What is said about one file."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from genrelab.bundle.metadata import UNSURE
from genrelab.recognize.inputs.sheet_track import SheetTrack

__all__ = [
    "UNSURE",
    "Notice",
    "NoticeKind",
    "Part",
    "RankedGenre",
    "Reason",
    "Recognition",
    "Segment",
    "Stretch",
]

Reason = Literal["silent", "low confidence"]
"""Why an answer is `unsure`."""

NoticeKind = Literal["damaged", "cut off", "decoder", "playlist", "output"]
"""What a notice is about: a damaged or a shortened file, a message of the decoder, the list that named
the file, or something that should have been written besides the record."""

_DAMAGE: frozenset[NoticeKind] = frozenset(("damaged", "cut off"))

_DIGITS = 6  # of a probability in a record: more would be rounding errors of the network


class Notice(NamedTuple):
    """Something a user should know about a file although it has an answer: its kind, and a sentence."""

    kind: NoticeKind
    text: str


class RankedGenre(NamedTuple):
    """A genre and its mean probability over the segments that vote."""

    genre: str
    probability: float


class Segment(NamedTuple):
    """A piece of the file: from where to where in seconds, its first genre, that genre's probability.

    A silent segment has None for both.
    """

    start: float
    end: float
    genre: str | None
    probability: float | None


class Stretch(NamedTuple):
    """Consecutive segments with one genre, in seconds; None stands for silence."""

    start: float
    end: float
    genre: str | None


class Part(NamedTuple):
    """A piece of the file that is one genre's, in seconds, and that genre's mean probability in it.

    Silence has None for both.
    """

    start: float
    end: float
    genre: str | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class Recognition:
    """What is said about one file.

    Parameters
    ----------
    path : Path
        As it was given, or the folder as given and what lies below.
    model : str
        `Bundle.identity` of the model.
    duration : float or None
        Of the sound, in seconds; None after an error.
    genre : str or None
        The answer; `unsure` where there is none; None after an error.
    confidence : float or None
        Mean probability of the winner over the segments that vote; 0 for silence, None after an error.
    genres : tuple of RankedGenre
        All genres, the winner first, in the order of the voting rule (by `majority` a genre may stand before
        one of a higher mean probability). Empty after an error and for silence.
    timeline : tuple of Segment
        The segments that were heard, in the order of time. Empty after an error.
    reason : {"silent", "low confidence"} or None
        Why the genre is `unsure`.
    error : str or None
        Why the file could not be recognized.
    notices : tuple of Notice
        What else to know about the file, such as damage in it.
    full : bool
        Whether all of the file was heard, not only segments spread over it; so it is after an error.
    track : SheetTrack or None
        The track of a CUE sheet, if the record is about one: a stretch of the file. Duration, timeline and
        parts are those of the stretch, counted from its beginning.
    parts : tuple of Part or None
        From the beginning to the end without gaps; None unless `genrelab.recognize.segmentation.cut_parts`
        has been asked for them.
    embedding : np.ndarray [shape=(d,)], float32, or None
        The network's embeddings, mean over the segments that vote; it does not count when recognitions are
        compared. None after an error, for silence, and where the answer comes from a library.
    probabilities : np.ndarray [shape=(segments, genres)], float16, or None
        Of each segment of the timeline, in the order of `genres`; not a number for silent segments. It does
        not count when recognitions are compared. None after an error, and where a library does not have
        them, which keeps those of files of which all was heard.
    """

    path: Path
    model: str
    duration: float | None = None
    genre: str | None = None
    confidence: float | None = None
    genres: tuple[RankedGenre, ...] = ()
    timeline: tuple[Segment, ...] = ()
    reason: Reason | None = None
    error: str | None = None
    notices: tuple[Notice, ...] = ()
    full: bool = True
    parts: tuple[Part, ...] | None = None
    track: SheetTrack | None = None
    embedding: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    probabilities: npt.NDArray[np.float16] | None = field(default=None, compare=False, repr=False)

    @property
    def answered(self) -> bool:
        """Whether there is a genre: no error, not `unsure`."""
        return self.error is None and self.genre != UNSURE

    @property
    def warning(self) -> str | None:
        """All notices as one text; None where there is none."""
        return "; ".join(notice.text for notice in self.notices) or None

    @property
    def damaged(self) -> bool:
        """Whether the answer is about a file of which a part is damaged or missing."""
        return any(notice.kind in _DAMAGE for notice in self.notices)

    def with_notice(self, kind: NoticeKind, text: str) -> Recognition:
        """Return the same with one more notice."""
        return replace(self, notices=(*self.notices, Notice(kind, text)))

    def stretches(self) -> list[Stretch]:
        """Return the timeline with neighbours of one genre joined.

        Where segments overlap, a stretch ends where the first segment of the next begins. What lies between
        segments that were heard counts as the one before it.
        """
        joined: list[Stretch] = []
        for segment in self.timeline:
            if joined and joined[-1].genre == segment.genre:
                joined[-1] = joined[-1]._replace(end=segment.end)
                continue
            if joined:
                joined[-1] = joined[-1]._replace(end=min(joined[-1].end, segment.start))
            joined.append(Stretch(segment.start, segment.end, segment.genre))
        return joined

    def to_dict(self, *, top: int | None = None, timeline: bool = True) -> dict[str, Any]:
        """Return the record, as JSON has it.

        Parameters
        ----------
        top : int > 0 or None
            How many of the ranked genres; None means all.
        timeline : bool
            Without it the timeline is None, so that records of long files stay small.

        Returns
        -------
        dict
            Keys `path`, `duration`, `genre`, `confidence`, `reason`, `genres` (a list of objects with
            `genre`, `probability`), `timeline` (a list of objects with `start`, `end`, `genre`,
            `probability`; or None), `parts` (such a list, or None where they were not asked for), `full`
            (None after an error), `track` (an object with `sheet`, `number`, `title`, `performer`, `start`,
            `end`, or None), `model`, `warning`, `error`. All keys are always there.
        """
        return {
            "path": os.fspath(self.path),
            "duration": _rounded(self.duration, 3),
            "genre": self.genre,
            "confidence": _rounded(self.confidence),
            "reason": self.reason,
            "genres": [
                {"genre": genre, "probability": _rounded(probability)}
                for genre, probability in self.genres[:top]
            ],
            "timeline": [_piece(segment) for segment in self.timeline] if timeline else None,
            "parts": None if self.parts is None else [_piece(part) for part in self.parts],
            "full": self.full if self.error is None else None,
            "track": None if self.track is None else self.track.to_dict(),
            "model": self.model,
            "warning": self.warning,
            "error": self.error,
        }


def _piece(piece: Segment | Part) -> dict[str, Any]:
    return {
        "start": _rounded(piece.start, 3),
        "end": _rounded(piece.end, 3),
        "genre": piece.genre,
        "probability": _rounded(piece.probability),
    }


def _rounded(value: float | None, digits: int = _DIGITS) -> float | None:
    return None if value is None else round(value, digits)
