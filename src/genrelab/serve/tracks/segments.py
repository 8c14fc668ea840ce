"""The timeline of a track for its page, of bounded length."""

from __future__ import annotations

import numpy as np

from genrelab.recognize.recognition import Recognition, Segment
from genrelab.serve.tracks.detail_answer import DetailSegment
from genrelab.serve.tracks.item import rounded

MOST_SEGMENTS = 4_000
"""Most segments of an answer; of a longer timeline, as many neighbours as needed are joined."""


def thin_timeline(record: Recognition, most: int = MOST_SEGMENTS) -> tuple[tuple[DetailSegment, ...], int]:
    """Return the timeline, and the number of segments that each item joins.

    Joined segments have the mean probabilities of those that are not silent; if only the best genres are
    stored, the one that is best most often, with the mean of its probabilities.
    """
    timeline = record.timeline
    step = max(1, -(-len(timeline) // most))
    starts = range(0, len(timeline), step)
    return tuple(_join(record, start, timeline[start : start + step]) for start in starts), step


def _join(record: Recognition, first: int, some: tuple[Segment, ...]) -> DetailSegment:
    start, end = round(some[0].start, 3), round(some[-1].end, 3)
    if record.probabilities is not None:
        rows = record.probabilities[first : first + len(some)].astype(np.float64)
        rows = rows[~np.isnan(rows).any(axis=1)]
        if not len(rows) or not rows.shape[1]:
            return DetailSegment(start=start, end=end, genre=None, probability=None)
        means = rows.mean(axis=0)
        best = int(means.argmax())
        probabilities = {
            ranked.genre: round(float(p), 4) for ranked, p in zip(record.genres, means, strict=True)
        }
        return DetailSegment(
            start=start,
            end=end,
            genre=some[0].genre if len(some) == 1 else record.genres[best].genre,
            probability=rounded(some[0].probability) if len(some) == 1 else round(float(means[best]), 6),
            probabilities=probabilities,
        )
    genres = [each.genre for each in some if each.genre is not None]
    if not genres:
        return DetailSegment(start=start, end=end, genre=None, probability=None)
    common = max(dict.fromkeys(genres), key=genres.count)
    shares = [each.probability for each in some if each.genre == common and each.probability is not None]
    mean = sum(shares) / len(shares) if shares else None
    return DetailSegment(start=start, end=end, genre=common, probability=rounded(mean))
