"""A track in a list."""

from __future__ import annotations

import os
from collections.abc import Iterable

from genrelab.library.explore.playlist import TrackNames
from genrelab.library.store.listing.listed_track import ListedTrack, path_text
from genrelab.serve import track_id
from genrelab.serve.endpoint import Answer
from genrelab.serve.tracks.names import NameCache

_NAMES_SECONDS = 0.04  # that a list waits for tags
_DIGITS = 6


class TrackItem(Answer):
    r"""A track in a list.

    Attributes
    ----------
    id : str
    path : str
        Absolute; bytes that are not UTF-8 appear as `\xff`.
    name : str
        Of the file.
    title, artist, album : str or None
        From the tags of the file. None if it has none, and as long as `named` is false.
    named : bool
        Whether the tags of the file have been read. A list does not wait for all of them: ask again.
    genre : str or None
        The predicted genre; None if it is unsure, or after an error.
    best : str or None
        The most likely genre, even if it is unsure.
    confidence : float or None
        Its probability.
    second : str or None
        The second genre.
    second_confidence : float or None
        Its probability.
    duration : float or None
        In seconds.
    model : str
    tags : tuple of str
        Such as `mood:calm`.
    error : str or None
        Why it could not be recognized, or that the stored result is damaged.
    """

    id: str
    path: str
    name: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    named: bool = False
    genre: str | None = None
    best: str | None = None
    confidence: float | None = None
    second: str | None = None
    second_confidence: float | None = None
    duration: float | None = None
    model: str = ""
    tags: tuple[str, ...] = ()
    error: str | None = None


def items_of(tracks: Iterable[ListedTrack], names: NameCache) -> list[TrackItem]:
    """Return the items of tracks, with names as far as they can be read soon."""
    tracks = list(tracks)
    found = names.find([track.path for track in tracks], seconds=_NAMES_SECONDS)
    return [_item(track, found.get(track.path)) for track in tracks]


def _item(track: ListedTrack, names: TrackNames | None) -> TrackItem:
    best, second = (*track.ranked[:2], None, None)[:2]
    artist, title, album = names or TrackNames()
    return TrackItem(
        id=track_id.encode(track.path),
        path=path_text(track.path),
        name=path_text(os.path.basename(track.path)),
        title=unicode(title) or None,
        artist=unicode(artist) or None,
        album=unicode(album) or None,
        named=names is not None,
        genre=track.genre if track.answered else None,
        best=None if best is None else best.genre,
        confidence=rounded(track.confidence),
        second=None if second is None else second.genre,
        second_confidence=None if second is None else rounded(second.probability),
        duration=rounded(track.duration, 3),
        model=track.model,
        tags=track.tags,
        error=None if track.error is None else unicode(track.error),
    )


def rounded(value: float | None, digits: int = _DIGITS) -> float | None:
    """Return a number with the digits that mean something."""
    return None if value is None else round(value, digits)


def unicode(text: str) -> str:
    """Escape what UTF-8 cannot hold: bytes of file names, halves of surrogate pairs."""
    return text.encode("utf-8", "backslashreplace").decode()
