"""The result for one album."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from genrelab.bundle.metadata import UNSURE
from genrelab.recognize.albums.place import CompilationSign, Unit
from genrelab.recognize.recognition import RankedGenre, Reason, TagScore

AlbumReason = Reason | Literal["various"]
"""Why the genre of an album is `unsure`; `various` if its tracks disagree."""

_DIGITS = 6  # of a probability in a record, as in that of a track


class Outlier(NamedTuple):
    """A track that does not fit its album.

    Attributes
    ----------
    path : Path
        The file.
    track : int or None
        Its number in a CUE sheet.
    genre : str
        Its own genre, which is not that of the album; `unsure` if it is silent or not music.
    confidence : float
        Of its own genre.
    reason : {"silent", "no music"} or None
        Why it has no genre.
    """

    path: Path
    track: int | None
    genre: str
    confidence: float
    reason: Reason | None

    def to_dict(self) -> dict[str, Any]:
        """Return the track as a JSON object."""
        return {
            "path": os.fspath(self.path),
            "track": self.track,
            "genre": self.genre,
            "confidence": round(self.confidence, _DIGITS),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Album:
    """The result for one album, or for one track of a compilation.

    Parameters
    ----------
    path : Path
        The folder of the tracks, the folder above if they lie in several folders, or the CUE sheet. For a
        track of a compilation, its file. If no track was found at a path, this path.
    model : str
        `Bundle.identity` of the model; empty if no track was found.
    tracks : int
        Number of tracks; a track that is named several times counts once.
    counted : int
        Number of tracks that have probabilities of genres: without those with an error, silent ones, and
        those without music.
    answered : int
        Number of counted tracks that have a genre and are not `unsure`.
    agreeing : int
        Number of answered tracks whose genre is the first of the album.
    genre : str or None
        The first genre; `unsure` if `reason` is set; None if no track could be recognized.
    confidence : float or None
        Probability of the first genre; 0 if no track counts, None if no track could be recognized.
    genres : tuple of RankedGenre
        All genres with their probabilities, most likely first: the evidence of the counted tracks, combined
        as `genrelab.recognize.albums.evidence` says. For a single counted track, those of the track.
    tags : tuple of TagScore
        All tags of the model with their mean probabilities over the counted tracks, most likely first.
    reason : {"silent", "no music", "various", "low confidence"} or None
        Why the genre is `unsure`.
    warnings, errors : tuple of str
        Remarks about tracks, and why tracks could not be recognized; each names its file.
    unit : {"album", "folder", "sheet", "track"}
        What the record is about: an album by its tags, a folder, a CUE sheet, or a track of a compilation.
    title, artist : str or None
        Of the album, from the tags.
    compilation : {"flag", "various artists", "many artists"} or None
        Why the album counts as a compilation, whose tracks have records of their own.
    track : int or None
        For a track of a CUE sheet that is a compilation, its number.
    outliers : tuple of Outlier
        The tracks that do not fit an album with a genre, in the order of the files.
    """

    path: Path
    model: str
    tracks: int = 0
    counted: int = 0
    answered: int = 0
    agreeing: int = 0
    genre: str | None = None
    confidence: float | None = None
    genres: tuple[RankedGenre, ...] = ()
    tags: tuple[TagScore, ...] = ()
    reason: AlbumReason | None = None
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    unit: Unit = "folder"
    title: str | None = None
    artist: str | None = None
    compilation: CompilationSign | None = None
    track: int | None = None
    outliers: tuple[Outlier, ...] = ()

    @property
    def has_genre(self) -> bool:
        """Whether there is a genre: it is not `unsure`, and a track could be recognized."""
        return self.genre not in (None, UNSURE)

    @property
    def agreement(self) -> float | None:
        """Share of the answered tracks whose genre is the first of the album; None if none is answered."""
        return self.agreeing / self.answered if self.answered else None

    @property
    def present_tags(self) -> tuple[TagScore, ...]:
        """The tags that are present, most likely first."""
        return tuple(tag for tag in self.tags if tag.present)

    def to_dict(self, *, top: int | None = None) -> dict[str, Any]:
        """Return the record as a JSON object.

        Parameters
        ----------
        top : int > 0 or None
            Number of ranked genres to include; None means all.

        Returns
        -------
        dict
            Keys `path`, `unit`, `title`, `artist`, `compilation`, `track`, `tracks`, `counted`, `answered`,
            `agreeing`, `agreement`, `genre`, `confidence`, `reason`, `genres` (a list of objects with
            `genre`, `probability`), `tags` (all, as objects with `kind`, `name`, `probability`, `present`),
            `outliers` (objects with `path`, `track`, `genre`, `confidence`, `reason`), `model`, `warnings`,
            `errors` (lists of texts). All keys are always present.
        """
        return {
            "path": os.fspath(self.path),
            "unit": self.unit,
            "title": self.title,
            "artist": self.artist,
            "compilation": self.compilation,
            "track": self.track,
            "tracks": self.tracks,
            "counted": self.counted,
            "answered": self.answered,
            "agreeing": self.agreeing,
            "agreement": None if self.agreement is None else round(self.agreement, _DIGITS),
            "genre": self.genre,
            "confidence": None if self.confidence is None else round(self.confidence, _DIGITS),
            "reason": self.reason,
            "genres": [
                {"genre": genre, "probability": round(probability, _DIGITS)}
                for genre, probability in self.genres[:top]
            ],
            "tags": [{**tag._asdict(), "probability": round(tag.probability, _DIGITS)} for tag in self.tags],
            "outliers": [outlier.to_dict() for outlier in self.outliers],
            "model": self.model,
            "warnings": list(self.warnings),
            "errors": list(self.errors),
        }
