"""Combine the results of tracks to those of albums."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from genrelab.bundle.metadata import UNSURE, BundleMetadata
from genrelab.errors import UsageError
from genrelab.recognize.albums.album import Album, AlbumReason, Outlier
from genrelab.recognize.albums.evidence import Evidence, weight_of
from genrelab.recognize.albums.grouping import Places, ReadTags, places_by_folder, places_by_tags
from genrelab.recognize.albums.outliers import OwnAnswer
from genrelab.recognize.albums.place import AlbumPlace
from genrelab.recognize.recognition import RankedGenre, Reason, Recognition, TagScore
from genrelab.recognize.recognizer import File

_LEAST_AGREEMENT = 0.5
"""An album is `various` if its first genre has at most this share of its answered tracks, by weight."""

_ROUNDING = 1e-9  # of sums of weights


class AlbumAggregator:
    """Collects the results for the tracks of one album; keeps sums, and little of each result.

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
        self._evidence = Evidence()
        self._first: tuple[RankedGenre, ...] = ()  # of the first counted track
        self._tags: dict[tuple[str, str], float] = {}
        self._counted = 0
        self._weight = 0.0  # of the counted tracks
        self._failed = 0
        self._uncounted: dict[Reason, float] = {}  # weights
        self._answers: Counter[str] = Counter()
        self._answer_weights: dict[str, float] = {}
        self._own: list[OwnAnswer] = []
        self._warnings: list[str] = []
        self._errors: list[str] = []

    def add(self, record: Recognition) -> None:
        """Add the result of a track; a track that was added before is ignored.

        Raises
        ------
        UsageError
            If another model recognized the tracks before.
        """
        track = _track_of(record)
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
            return
        self._own.append(OwnAnswer(record))
        if record.reason is not None and (record.reason != "low confidence" or not record.genres):
            weight = weight_of(record.duration)
            self._uncounted[record.reason] = self._uncounted.get(record.reason, 0.0) + weight
        else:
            self._count(record)

    def _count(self, record: Recognition) -> None:
        weight = weight_of(record.duration)
        self._counted += 1
        self._weight += weight
        if record.answered:
            genre = str(record.genre)
            self._answers[genre] += 1
            self._answer_weights[genre] = self._answer_weights.get(genre, 0.0) + weight
        self._first = self._first or record.genres
        self._evidence.add(dict(record.genres), weight)
        for tag in record.tags:
            key = (tag.kind, tag.name)
            self._tags[key] = self._tags.get(key, 0.0) + weight * tag.probability

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
            unit=self._place.unit,
            title=self._place.title,
            artist=self._place.artist,
            compilation=self._place.compilation,
            outliers=() if reason or not ranked else self._outliers(ranked[0].genre),
        )

    def _outliers(self, genre: str) -> tuple[Outlier, ...]:
        found = (own.outlier_in(genre) for own in self._own)
        return tuple(outlier for outlier in found if outlier is not None)

    def _ranked(self) -> tuple[RankedGenre, ...]:
        """Return the genres by their probability; a single track keeps its own."""
        if self._counted <= 1:
            return self._first
        ranked = (RankedGenre(*item) for item in self._evidence.probabilities().items())
        return tuple(sorted(ranked, key=lambda each: -each.probability))

    def _reason(self, ranked: Sequence[RankedGenre]) -> AlbumReason | None:
        """Return why the genre is `unsure`; None if there is one, or no track could be recognized.

        Silence does not outweigh music: albums have silent tracks before hidden ones.
        """
        if self._uncounted.get("no music", 0.0) > self._weight:
            return "no music"
        if not self._counted:
            return "silent" if self._uncounted else None
        genre, probability = ranked[0]
        agreeing, answered = self._answer_weights.get(genre, 0.0), sum(self._answer_weights.values())
        if self._answers.total() > 1 and agreeing <= _LEAST_AGREEMENT * answered + _ROUNDING:
            return "various"
        if self._counted == 1:
            return None if self._answers else "low confidence"
        return "low confidence" if probability < self._metadata.threshold_of(genre) else None

    def _tag_scores(self, *, music: bool) -> tuple[TagScore, ...]:
        """Return the tags, most likely first; without music none is present."""
        thresholds = {(tag.kind, tag.name): tag.threshold for tag in self._metadata.tags}
        scores = []
        for (kind, name), total in self._tags.items():
            mean = total / self._weight
            scores.append(TagScore(kind, name, mean, music and mean >= thresholds[kind, name]))
        return tuple(sorted(scores, key=lambda score: -score.probability))


def combine(
    recognitions: Iterable[Recognition], metadata: BundleMetadata, *, read_tags: ReadTags | None = None
) -> tuple[Album, ...]:
    """Combine the results of tracks to those of their albums.

    Parameters
    ----------
    recognitions : iterable of Recognition
        Of any number of albums, in any order, by one model.
    metadata : BundleMetadata
        Of that model.
    read_tags : callable or None
        Reads what the tags of a file say about its album, such as
        `genrelab.library.album_tags.read_album_tags`; then albums are found by tags. None: the album of a
        track is its folder.

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
    files: list[File] = [record.path if record.track is None else record.track for record in records]
    places = places_by_folder(files) if read_tags is None else places_by_tags(files, read_tags)
    return tuple(follow_albums(places, records, metadata))


def follow_albums(
    places: Places, recognitions: Iterable[Recognition], metadata: BundleMetadata
) -> Iterator[Album]:
    """Combine the results of tracks to those of their albums, while tracks are recognized.

    Parameters
    ----------
    places : list of AlbumPlace or None
        The album of each file that is to be recognized, from `places_by_folder` or `places_by_tags`.
    recognitions : iterable of Recognition
        One per file, in the same order, such as `Recognizer.recognize_many` yields.
    metadata : BundleMetadata
        Of the model.

    Yields
    ------
    Album
        As soon as its last track is done. A `Problem` becomes an album without tracks. Each track of a
        compilation becomes an album of its own, once, however often it was named.

    Raises
    ------
    UsageError
        If the tracks of an album were recognized by different models.
    """
    waiting = Counter(place.key for place in places if place is not None)
    albums: dict[str, AlbumAggregator] = {}
    alone: set[tuple[str, int | None]] = set()
    for place, record in zip(places, recognitions, strict=True):
        if place is None:
            yield Album(record.path, record.model, errors=(record.error or "",))
        elif place.unit == "track":
            if (track := _track_of(record)) not in alone:
                alone.add(track)
                yield _of_track(record, place, metadata)
        else:
            if place.key not in albums:
                albums[place.key] = AlbumAggregator(place, metadata)
            albums[place.key].add(record)
            waiting[place.key] -= 1
            if not waiting[place.key]:
                yield albums.pop(place.key).result()


def _track_of(record: Recognition) -> tuple[str, int | None]:
    """Return what names a track, however its path is written."""
    return os.path.abspath(record.path), None if record.track is None else record.track.number


def _of_track(record: Recognition, place: AlbumPlace, metadata: BundleMetadata) -> Album:
    """Return the result for a track of a compilation."""
    single = AlbumAggregator(place._replace(path=record.path), metadata)
    single.add(record)
    return replace(single.result(), track=None if record.track is None else record.track.number)
