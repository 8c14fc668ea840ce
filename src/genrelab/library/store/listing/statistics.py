"""Counts of a library: genres, models, tags, errors, hours."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from genrelab.library.store.library import Library
from genrelab.library.store.listing.counts import labels_of
from genrelab.library.store.track_filter import below
from genrelab.library.store.track_row import MOST_TEXT
from genrelab.recognize.recognition import UNSURE

_COUNTS = """
SELECT coalesce(CAST(model AS TEXT), ''), CASE WHEN error IS NULL THEN CAST(genre AS TEXT) END, count(*),
    total(CASE WHEN duration BETWEEN 0 AND 1e7 THEN duration END), total(confidence), total(size)
FROM tracks WHERE {clause} GROUP BY 1, 2
"""

_TAGS = """
SELECT id, tags FROM tracks
WHERE {clause} AND present IS NULL AND id > ? AND tags != '[]'
    AND typeof(tags) = 'text' AND length(tags) <= ? AND json_valid(tags)
ORDER BY id LIMIT ?
"""
_LISTED = """
SELECT present, count(*) FROM tracks WHERE {clause} AND present > '' AND present != '[]' GROUP BY 1
"""
_BLOCK = 5_000  # rows read at once
_STRING = r'"(?:[^"\\]|\\.)*"'
_PRESENT = re.compile(rf"\[\s*({_STRING})\s*,\s*({_STRING})\s*,[^,\]]*,\s*true\s*\]")


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
    """

    whole: Sum = field(default_factory=Sum)
    size: int = 0
    errors: int = 0
    genres: dict[str, Sum] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)

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
    clause, bound = below(roots, "+path") if roots else ("1", [])
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
    return found


def count_present_tags(library: Library, roots: tuple[bytes, ...] = ()) -> list[tuple[str, str, int]]:
    """Return kind, name and number of tracks of each tag that is present; by kind, most tracks first.

    Parameters
    ----------
    library : Library
    roots : tuple of bytes
        Only tracks below these absolute paths; none means all.
    """
    clause, bound = below(roots, "+path") if roots else ("1", [])
    counts: Counter[tuple[str, str]] = Counter()
    for labels, count in library.database.rows(_LISTED.format(clause=clause), bound):
        for label in labels_of(labels):
            kind, _, name = label.partition(":")
            counts[kind, name] += count
    last: Any = -(2**63)
    while rows := library.database.rows(_TAGS.format(clause=clause), (*bound, last, MOST_TEXT, _BLOCK)):
        last = rows[-1][0]
        for _, tags in rows:  # looking for them is ten times as fast as parsing
            found = _PRESENT.findall(tags)
            counts.update((json.loads(kind), json.loads(name)) for kind, name in found)
    return sorted(((*tag, count) for tag, count in counts.items()), key=lambda tag: (tag[0], -tag[2], tag[1]))
