"""The answer about one track."""

from __future__ import annotations

from typing import Literal

from genrelab.serve.endpoint import Answer


class Ranked(Answer):
    """A genre and its mean probability.

    Attributes
    ----------
    genre : str
    probability : float
    """

    genre: str
    probability: float


class TagProbability(Answer):
    """A tag of the model.

    Attributes
    ----------
    kind, name : str
    probability : float
    present : bool
        Whether it reaches its threshold.
    """

    kind: str
    name: str
    probability: float
    present: bool


class DetailPart(Answer):
    """A part of the file with one genre.

    Attributes
    ----------
    start, end : float
        In seconds.
    genre : str or None
        None for silence.
    probability : float or None
    """

    start: float
    end: float
    genre: str | None
    probability: float | None


class DetailSegment(DetailPart):
    """A segment of the timeline.

    Attributes
    ----------
    probabilities : dict of str to float, or None
        Of all genres; None for silence, and if only the best one is stored: those of all are kept for files
        that were recognized as a whole.
    """

    probabilities: dict[str, float] | None = None


class NoticeText(Answer):
    """A remark about the file.

    Attributes
    ----------
    kind : str
        `damaged`, `cut off`, `decoder`, `playlist` or `output`.
    text : str
    """

    kind: str
    text: str


class Certainty(Answer):
    """Facts that tell why a genre is, or is not, unsure.

    Attributes
    ----------
    sure : bool
        Whether there is a genre.
    reason : str or None
        `silent`, `no music` or `low confidence` if not.
    silent, no_music : bool
    below_threshold : float or None
        By how much the confidence is below the threshold of the model: 0 if it reaches it. None if the model
        is unknown.
    margin : float or None
        Probability of the first genre minus that of the second.
    second_near : bool
        Whether the margin is under 0.15.
    """

    sure: bool
    reason: Literal["silent", "no music", "low confidence"] | None
    silent: bool
    no_music: bool
    below_threshold: float | None
    margin: float | None
    second_near: bool


class FileState(Answer):
    """The file of the track now.

    Attributes
    ----------
    present : bool or None
        Whether it is there; None if the server may not look, or cannot.
    size : int or None
        In bytes; as stored if the file is not there.
    modified : str or None
        ISO 8601, in UTC.
    changed : bool or None
        Whether its size or time differ from those when it was recognized, as other tags make them do.
    problem : str or None
        Code of what keeps the server from reading it.
    """

    present: bool | None = None
    size: int | None = None
    modified: str | None = None
    changed: bool | None = None
    problem: str | None = None


class TrackDetail(Answer):
    """Everything about a track: what `genrelab recognize --format json` has, and more.

    Attributes
    ----------
    id, path, name : str
    title, artist, album : str or None
        From the tags of the file.
    duration : float or None
        In seconds.
    genre : str or None
        `unsure` if the model abstains; None after an error.
    confidence : float or None
    reason : str or None
        Why it is unsure.
    genres : tuple of Ranked
        All, most likely first.
    best, second : str or None
        The first two of them.
    second_confidence : float or None
    threshold : float or None
        Confidence below which the model abstains if its first genre is this one; None if the server does not
        know the file of the model.
    certainty : Certainty
    tags : tuple of TagProbability
    timeline : tuple of DetailSegment
    timeline_step : int
        Number of segments that each item joins: 1, except for very long files.
    parts : tuple of DetailPart or None
        None unless the file was recognized as a whole.
    full : bool or None
    model : str
    warning : str or None
        All notices as one text.
    notices : tuple of NoticeText
    error : str or None
    file : FileState
    file_tags : dict of str to list of str, or None
        `genre`, `mood` and `grouping` in the file; None if they cannot be read.
    file_tags_problem : str or None
        Why.
    media_type : str or None
        Of the file.
    plays : bool or None
        Whether browsers play it; otherwise ask for `audio?as=ogg`.
    """

    id: str
    path: str
    name: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    duration: float | None = None
    genre: str | None = None
    guess: bool = False
    confidence: float | None = None
    reason: Literal["silent", "no music", "low confidence"] | None = None
    genres: tuple[Ranked, ...] = ()
    best: str | None = None
    second: str | None = None
    second_confidence: float | None = None
    threshold: float | None = None
    certainty: Certainty
    tags: tuple[TagProbability, ...] = ()
    timeline: tuple[DetailSegment, ...] = ()
    timeline_step: int = 1
    parts: tuple[DetailPart, ...] | None = None
    full: bool | None = None
    model: str = ""
    warning: str | None = None
    notices: tuple[NoticeText, ...] = ()
    error: str | None = None
    file: FileState = FileState()
    file_tags: dict[str, tuple[str, ...]] | None = None
    file_tags_problem: str | None = None
    media_type: str | None = None
    plays: bool | None = None
