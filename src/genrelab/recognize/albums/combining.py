"""Combine the results of tracks to those of albums."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from genrelab.bundle.metadata import UNSURE, BundleMetadata
from genrelab.errors import UsageError
from genrelab.recognize.albums.album import Album, AlbumReason
from genrelab.recognize.albums.place import AlbumPlace, PlaceFinder
from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.recognition import RankedGenre, Reason, Recognition, TagScore
from genrelab.recognize.recognizer import File

_LEAST_AGREEMENT = 0.5
"""An album is `various` if its first genre is that of at most this share of its answered tracks."""


class AlbumAggregator:
    """Collects the results for the tracks of one album; keeps sums, not results.

    Parameters
    ----------
    place : AlbumPlace
    metadata : BundleMetadata
        Of the model that recognized the tracks; it has the thresholds.
    """

    def __init__(self, place: AlbumPlace, metadata: BundleMetadata) -> None:
        self._place = place
        self._metadata = metadata
        self._model: str | None = None
        self._seen: set[tuple[str, int | None]] = set()
        self._genres: dict[str, float] = {}  # sum of probabilities, in the order of the first track
        self._tags: dict[tuple[str, str], float] = {}
        self._counted = 0
        self._failed = 0
        self._uncounted: Counter[Reason] = Counter()
        self._answers: Counter[str] = Counter()
        self._warnings: list[str] = []
        self._errors: list[str] = []

    def add(self, record: Recognition) -> None:
        """Add the result of a track; a track that was added before is ignored.

        Raises
        ------
        UsageError
            If another model recognized the tracks before.
        """
        track = (os.path.abspath(record.path), None if record.track is None else record.track.number)
        if track in self._seen:
            return
        self._seen.add(track)
        self._model = self._model or record.model
        if record.model != self._model:
            raise UsageError(
                f"{record.path} was recognized with the model {record.model}, and other tracks of its album "
                f"with {self._model}. Recognize them with one model.",
                code="album-models",
            )
        if record.warning is not None:
            self._warnings.append(f"{record.path}: {record.warning}")
        if record.error is not None:
            self._errors.append(record.error)
            self._failed += 1
        elif record.reason is not None and (record.reason != "low confidence" or not record.genres):
            self._uncounted[record.reason] += 1
        else:
            self._count(record)

    def _count(self, record: Recognition) -> None:
        self._counted += 1
        if record.answered:
            self._answers[str(record.genre)] += 1
        for genre, probability in record.genres:
            self._genres[genre] = self._genres.get(genre, 0.0) + probability
        for tag in record.tags:
            key = (tag.kind, tag.name)
            self._tags[key] = self._tags.get(key, 0.0) + tag.probability

    def result(self) -> Album:
        """Return the result for the album, after its last track."""
        ranked = self._ranked()
        reason = self._reason(ranked)
        genre = None if self._failed == len(self._seen) else UNSURE if reason else ranked[0].genre
        confidence = None if genre is None else ranked[0].probability if ranked else 0.0
        return Album(
            self._place.path,
            self._model or "",
            tracks=len(self._seen),
            counted=self._counted,
            answered=self._answers.total(),
            agreeing=self._answers[ranked[0].genre] if ranked else 0,
            genre=genre,
            confidence=confidence,
            genres=ranked,
            tags=self._tag_scores(music=reason != "no music"),
            reason=reason,
            warnings=tuple(self._warnings),
            errors=tuple(self._errors),
        )

    def _ranked(self) -> tuple[RankedGenre, ...]:
        """Return the genres by their mean probability; a single track keeps the order of its vote."""
        means = [RankedGenre(genre, total / self._counted) for genre, total in self._genres.items()]
        if self._counted > 1:
            means.sort(key=lambda ranked: -ranked.probability)
        return tuple(means)

    def _reason(self, ranked: Sequence[RankedGenre]) -> AlbumReason | None:
        """Return why the genre is `unsure`; None if there is one, or no track could be recognized.

        Silence does not outweigh music: albums have silent tracks before hidden ones.
        """
        if self._uncounted["no music"] > self._counted:
            return "no music"
        if not self._counted:
            return "silent" if self._uncounted else None
        answered = self._answers.total()
        first = ranked[0]
        if answered > 1 and self._answers[first.genre] <= _LEAST_AGREEMENT * answered:
            return "various"
        is_low = first.probability < self._metadata.threshold_of(first.genre)
        return "low confidence" if is_low or not answered else None

    def _tag_scores(self, *, music: bool) -> tuple[TagScore, ...]:
        """Return the tags, most likely first; without music none is present."""
        thresholds = {(tag.kind, tag.name): tag.threshold for tag in self._metadata.tags}
        scores = []
        for (kind, name), total in self._tags.items():
            mean = total / self._counted
            scores.append(TagScore(kind, name, mean, music and mean >= thresholds[kind, name]))
        return tuple(sorted(scores, key=lambda score: -score.probability))


def combine(recognitions: Iterable[Recognition], metadata: BundleMetadata) -> tuple[Album, ...]:
    """Combine the results of tracks to those of their albums.

    Parameters
    ----------
    recognitions : iterable of Recognition
        Of any number of albums, in any order, by one model.
    metadata : BundleMetadata
        Of that model.

    Returns
    -------
    tuple of Album
        In the order in which the albums are complete.

    Raises
    ------
    UsageError
        If the tracks of an album were recognized by different models.
    """
    records = list(recognitions)
    files = [record.path if record.track is None else record.track for record in records]
    return tuple(follow_albums(files, records, metadata))


def follow_albums(
    files: Sequence[File], recognitions: Iterable[Recognition], metadata: BundleMetadata
) -> Iterator[Album]:
    """Combine the results of tracks to those of their albums, while tracks are recognized.

    Parameters
    ----------
    files : sequence of str, path-like, SheetTrack or Problem
        All that is to be recognized, such as a list of what `scan` yields.
    recognitions : iterable of Recognition
        One per file, in the same order, such as `Recognizer.recognize_many` yields.
    metadata : BundleMetadata
        Of the model.

    Yields
    ------
    Album
        As soon as its last track is done. A `Problem` becomes an album without tracks.

    Raises
    ------
    UsageError
        If the tracks of an album were recognized by different models.
    """
    finder = PlaceFinder()
    places = [_place(file, finder) for file in files]
    waiting = Counter(place.key for place in places if place is not None)
    albums: dict[str, AlbumAggregator] = {}
    for place, record in zip(places, recognitions, strict=True):
        if place is None:
            yield Album(record.path, record.model, errors=(record.error or "",))
            continue
        if place.key not in albums:
            albums[place.key] = AlbumAggregator(place, metadata)
        albums[place.key].add(record)
        waiting[place.key] -= 1
        if not waiting[place.key]:
            yield albums.pop(place.key).result()


def _place(file: File, finder: PlaceFinder) -> AlbumPlace | None:
    """Return the album of a file; None if there is no file."""
    if isinstance(file, Problem):
        return None
    if isinstance(file, SheetTrack):
        return finder.of(file.path, file)
    return finder.of(Path(file))
