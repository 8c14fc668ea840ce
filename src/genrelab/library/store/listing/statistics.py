"""Counts of a library: genres, models, tags, errors, hours."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from genrelab.library.store.library import Library
from genrelab.library.store.listing.query import below
from genrelab.library.store.track_row import MOST_TEXT
from genrelab.recognize.recognition import UNSURE

_COUNTS = """
SELECT coalesce(CAST(model AS TEXT), ''), CASE WHEN error IS NULL THEN CAST(genre AS TEXT) END, count(*),
    total(CASE WHEN duration BETWEEN 0 AND 1e7 THEN duration END), total(confidence), total(size)
FROM tracks WHERE {clause} GROUP BY 1, 2
"""

_TAGS = """
SELECT json_extract(item.value, '$[0]'), json_extract(item.value, '$[1]'), count(*)
FROM tracks, json_each(
    CASE WHEN typeof(tags) = 'text' AND length(tags) <= ? AND json_valid(tags) THEN tags ELSE '[]' END
) AS item
WHERE {clause} AND CASE WHEN item.type = 'array' THEN json_extract(item.value, '$[3]') = 1 ELSE 0 END
GROUP BY 1, 2
"""


@dataclass
class Sum:
    """Sums over tracks: their number, seconds, confidences."""

    tracks: int = 0
    seconds: float = 0.0
    confidence: float = 0.0

    def add(self, tracks: int, seconds: float, confidence: float) -> None:
        """Add tracks."""
        self.tracks += tracks
        self.seconds += seconds
        self.confidence += confidence


@dataclass
class Statistics:
    """Counts of a library.

    Attributes
    ----------
    whole : Sum
        Over all tracks.
    size : int
        Of their files when they were recognized, in bytes.
    errors : int
        Tracks that could not be recognized.
    genres : dict of str to Sum
        By predicted genre, `unsure` included, most tracks first.
    models : dict of str to int
        `Bundle.identity` -> tracks, most first.
    tags : list of (str, str, int)
        Kind, name, number of tracks on which it is present; by kind, most tracks first.
    """

    whole: Sum = field(default_factory=Sum)
    size: int = 0
    errors: int = 0
    genres: dict[str, Sum] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    tags: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def unsure(self) -> int:
        """Tracks without a genre that could be recognized."""
        return self.genres[UNSURE].tracks if UNSURE in self.genres else 0


def count_tracks(library: Library, roots: tuple[bytes, ...] = ()) -> Statistics:
    """Count the tracks of a library.

    Parameters
    ----------
    library : Library
    roots : tuple of bytes
        Only tracks below these absolute paths; none means all.

    Returns
    -------
    Statistics
    """
    clause, bound = below(roots) if roots else ("1", [])
    found = Statistics()
    genres: dict[str, Sum] = defaultdict(Sum)
    models: dict[str, int] = defaultdict(int)
    sizes = 0.0
    for model, genre, tracks, seconds, confidence, size in library.database.rows(
        _COUNTS.format(clause=clause), bound
    ):
        models[model] += tracks
        sizes += size
        found.whole.add(tracks, seconds, confidence)
        if genre is None:
            found.errors += tracks
        else:
            genres[genre].add(tracks, seconds, confidence)
    found.size = round(sizes)
    found.genres = dict(sorted(genres.items(), key=lambda item: (-item[1].tracks, item[0])))
    found.models = dict(sorted(models.items(), key=lambda item: (-item[1], item[0])))
    tags: list[Any] = library.database.rows(_TAGS.format(clause=clause), (MOST_TEXT, *bound))
    known = [tag for tag in tags if isinstance(tag[0], str) and isinstance(tag[1], str)]
    found.tags = sorted(known, key=lambda tag: (tag[0], -tag[2], tag[1]))
    return found
