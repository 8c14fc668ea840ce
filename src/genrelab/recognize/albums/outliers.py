"""Which tracks do not fit their album."""

from __future__ import annotations

from genrelab.recognize.albums.album import Outlier
from genrelab.recognize.recognition import UNSURE, Recognition

_NEAR = 0.25
"""A track fits its album if it gives the album's genre at least this part of the probability of its own."""


class OwnAnswer:
    """What the answer of a track tells about whether it fits its album; small, to be kept for each track.

    Parameters
    ----------
    record : Recognition
        The answer, without an error.
    """

    __slots__ = ("_near", "_outlier")

    def __init__(self, record: Recognition) -> None:
        without_music = record.reason in ("silent", "no music")
        own = record.genres[0] if record.genres else None
        near = () if own is None else (each for each in record.genres if each[1] >= _NEAR * own.probability)
        # An unsure track may have any genre, so it fits every album.
        self._near = None if record.genre == UNSURE else frozenset(each.genre for each in near)
        self._near = frozenset() if without_music else self._near
        self._outlier = Outlier(
            record.path,
            None if record.track is None else record.track.number,
            str(record.genre),
            record.confidence or 0.0,
            record.reason if without_music else None,
        )

    def outlier_in(self, genre: str) -> Outlier | None:
        """Return the track as an outlier of an album with a genre; None if it fits."""
        return None if self._near is None or genre in self._near else self._outlier
