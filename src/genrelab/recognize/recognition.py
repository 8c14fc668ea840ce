"""The result for one file: genre, confidence, timeline, notices."""

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
    "TagScore",
]

Reason = Literal["silent", "no music", "low confidence"]
"""Why the genre is `unsure`."""

NoticeKind = Literal["damaged", "cut off", "decoder", "playlist", "output"]
"""Subject of a notice: damage, a file that is cut off, a decoder message, the playlist or CUE sheet that
names the file, or an output that was not written."""

_DAMAGE: frozenset[NoticeKind] = frozenset(("damaged", "cut off"))

_DIGITS = 6  # of a probability in a record: further digits are rounding errors of the network


class Notice(NamedTuple):
    """A remark about a file that was recognized: its kind and its text."""

    kind: NoticeKind
    text: str


class RankedGenre(NamedTuple):
    """A genre and its mean probability over the voting segments."""

    genre: str
    probability: float


class TagScore(NamedTuple):
    """A tag, its mean probability over the voting segments, and whether it is present.

    It is present if the probability reaches the threshold that the model states for the tag, unless the model
    detects no music.
    """

    kind: str
    name: str
    probability: float
    present: bool

    @property
    def label(self) -> str:
        """Kind and name, such as `mood:calm`."""
        return f"{self.kind}:{self.name}"


class Segment(NamedTuple):
    """A segment of the file: start and end in seconds, its most probable genre and that probability.

    For a silent segment, genre and probability are None.
    """

    start: float
    end: float
    genre: str | None
    probability: float | None


class Stretch(NamedTuple):
    """Consecutive segments of one genre: start and end in seconds; the genre of silence is None."""

    start: float
    end: float
    genre: str | None


class Part(NamedTuple):
    """A part of the file with one genre: start and end in seconds, and the genre's mean probability.

    For silence, genre and probability are None.
    """

    start: float
    end: float
    genre: str | None
    probability: float | None


@dataclass(frozen=True, slots=True)
class Recognition:
    """The result for one file.

    Parameters
    ----------
    path : Path
        As given, or the given folder joined with the path below it.
    model : str
        `Bundle.identity` of the model.
    duration : float or None
        In seconds; None after an error.
    genre : str or None
        The predicted genre; `unsure` if the model abstains; None after an error.
    confidence : float or None
        Mean probability of the first genre over the voting segments; 0 for silence, None after an error.
    genres : tuple of RankedGenre
        All genres, most likely first by the voting rule (`majority` may rank a genre before one with a
        higher mean probability). Empty after an error and for silence.
    timeline : tuple of Segment
        The processed segments, in order of time. Empty after an error.
    tags : tuple of TagScore
        All tags of the model, most likely first, without its tag for sound that is no music. Empty after an
        error, for silence, and if the model has no tags.
    reason : {"silent", "no music", "low confidence"} or None
        Why the genre is `unsure`, or would be without the guess.
    error : str or None
        Why the file could not be recognized.
    notices : tuple of Notice
        Remarks about the file, such as damage.
    full : bool
        Whether the whole file was processed, not only segments spread over it. True after an error.
    track : SheetTrack or None
        The track of a CUE sheet, if the record is about one. Duration, timeline and parts then refer to the
        track and count from its start.
    parts : tuple of Part or None
        From `genrelab.recognize.segmentation.cut_parts`: from start to end without gaps. None if not
        requested.
    embedding : np.ndarray [shape=(d,)], float32, or None
        Mean of the network's embeddings over the voting segments; ignored by `==`. None after an error, for
        silence, and in a result from a library.
    probabilities : np.ndarray [shape=(segments, genres)], float16, or None
        Of each segment of the timeline, in the order of `genres`; NaN for silent segments; ignored by `==`.
        None after an error. A library stores them only for files that were processed as a whole.
    guess : bool
        Whether the genre is a guess: the first genre, although the model abstains; see `with_guess`.
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
    tags: tuple[TagScore, ...] = ()
    embedding: npt.NDArray[np.float32] | None = field(default=None, compare=False, repr=False)
    probabilities: npt.NDArray[np.float16] | None = field(default=None, compare=False, repr=False)
    guess: bool = False

    @property
    def answered(self) -> bool:
        """Whether there is a genre: no error and not `unsure`."""
        return self.error is None and self.genre != UNSURE

    @property
    def below_threshold(self) -> bool:
        """Whether there is no genre only because the confidence is below the threshold of the model."""
        return self.genre == UNSURE and self.reason == "low confidence" and bool(self.genres)

    @property
    def present_tags(self) -> tuple[TagScore, ...]:
        """The tags that are present, most likely first."""
        return tuple(tag for tag in self.tags if tag.present)

    @property
    def warning(self) -> str | None:
        """All notices as one text; None if there are none."""
        return "; ".join(notice.text for notice in self.notices) or None

    @property
    def damaged(self) -> bool:
        """Whether a part of the file is damaged or missing."""
        return any(notice.kind in _DAMAGE for notice in self.notices)

    def with_notice(self, kind: NoticeKind, text: str) -> Recognition:
        """Return a copy with one more notice."""
        return replace(self, notices=(*self.notices, Notice(kind, text)))

    def with_guess(self) -> Recognition:
        """Return a copy whose genre is the first one, marked as a guess, if only its confidence is too low.

        The reason stays. Silence and what is no music get no guess, and a result with a genre is returned
        unchanged. A library stores the result without the guess.
        """
        return replace(self, genre=self.genres[0].genre, guess=True) if self.below_threshold else self

    def stretches(self) -> list[Stretch]:
        """Return the timeline with neighbouring segments of one genre joined.

        If segments overlap, a stretch ends at the first segment of the next one. Gaps between processed
        segments belong to the stretch before them.
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
        """Return the record as a JSON object.

        Parameters
        ----------
        top : int > 0 or None
            Number of ranked genres to include; None means all.
        timeline : bool
            Whether to include the timeline; without it, records of long files stay small.

        Returns
        -------
        dict
            Keys `path`, `duration`, `genre`, `guess`, `confidence`, `reason`, `genres` (a list of objects
            with `genre`, `probability`), `tags` (all, as objects with `kind`, `name`, `probability`,
            `present`), `timeline` (a list of objects with `start`, `end`, `genre`, `probability`; or None),
            `parts` (such a list, or None if not requested), `full` (None after an error), `track` (an object
            with `sheet`, `number`, `title`, `performer`, `start`, `end`, or None), `model`, `warning`,
            `error`. All keys are always present.
        """
        return {
            "path": os.fspath(self.path),
            "duration": rounded(self.duration, 3),
            "genre": self.genre,
            "guess": self.guess,
            "confidence": rounded(self.confidence),
            "reason": self.reason,
            "genres": [
                {"genre": genre, "probability": rounded(probability)}
                for genre, probability in self.genres[:top]
            ],
            "tags": [{**tag._asdict(), "probability": rounded(tag.probability)} for tag in self.tags],
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
        "start": rounded(piece.start, 3),
        "end": rounded(piece.end, 3),
        "genre": piece.genre,
        "probability": rounded(piece.probability),
    }


def rounded(value: float | None, digits: int = _DIGITS) -> float | None:
    """Return a number of a record as it is written; by default, a probability."""
    return None if value is None else round(value, digits)
