"""Which genres a track or album gets from an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from genrelab.library.tagging.album_answers import in_album
from genrelab.library.tagging.genre_text import PLACEHOLDERS
from genrelab.library.tagging.tag_plan import genre_names
from genrelab.recognize.recognition import Recognition

if TYPE_CHECKING:
    from beetsplug.genrelab.settings import Settings

    from genrelab.recognize.albums import Album


@dataclass(frozen=True, slots=True)
class Decision:
    """What to write.

    Parameters
    ----------
    genres : tuple of str or None
        None leaves the genres alone.
    predicted : str or None
        The predicted genre, `unsure`, or None after an error.
    confidence : float or None
        Of the prediction.
    text : str
        For the log.
    """

    genres: tuple[str, ...] | None
    predicted: str | None
    confidence: float | None
    text: str


def has_genre(genres: Sequence[str]) -> bool:
    """Return whether there is a genre that says something: `Unknown` and `Other` do not."""
    return bool(PLACEHOLDERS.without(tuple(genres)))


def decide(answer: Recognition, settings: Settings) -> Decision:
    """Decide about a track."""
    if answer.error is not None:
        return Decision(None, None, None, answer.error)
    if settings.policy.guess:
        answer = answer.with_guess()
    if answer.damaged and not settings.policy.damaged:
        return Decision(None, answer.genre, answer.confidence, f"left alone: {answer.warning}")
    plan = genre_names(answer, settings.policy)
    text = ", ".join(plan.values) if plan.values else f"left alone: {plan.note}"
    return Decision(plan.values, answer.genre, answer.confidence, text)


def for_album(album: Album, answers: Sequence[Recognition], settings: Settings) -> Decision:
    """Decide about an album, from the answer for it and those for its tracks."""
    if settings.policy.guess:
        album = album.with_guess()
    if not album.has_genre:
        why = album.reason or "no track could be recognized"
        return Decision(None, album.genre, album.confidence, f"left alone: {why}")
    first = next(answer for answer in answers if answer.error is None)
    return decide(replace(in_album(first, album), notices=()), settings)
