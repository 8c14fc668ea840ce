"""Find tracks of the library that sound like a given one."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import KEY_LENGTH, embedding_key
from genrelab.errors import AudioError, UsageError
from genrelab.library.explore.embeddings import Directions, count_models, share_embedding
from genrelab.library.explore.nearest import Nearest, among, count_left_out, with_folders
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.library import Library
from genrelab.library.store.recognition_cache import CachedRecognizer
from genrelab.library.store.track_filter import TrackFilter
from genrelab.library.store.track_row import RecordFilter, is_path
from genrelab.library.vectors import Vectors
from genrelab.recognize.recognition import UNSURE, Recognition
from genrelab.recognize.recognizer import Recognizer

MOST_REFERENCES = 100
"""Most tracks that others are compared with at once."""

_DIGITS = 6  # of a similarity
_OPPOSITE = 1e-6  # length of a mean direction below which it is rounding errors
_FEW = 4  # tracks that are left out are counted one by one if they are a smaller part


@dataclass(frozen=True, slots=True)
class ReferenceTrack:
    """The track that others are compared with.

    Parameters
    ----------
    path : Path
        As named by the user.
    sound : bytes
        Hash of its audio.
    recognition : Recognition
        Its result.
    embedding : np.ndarray [shape=(d,)], float32
    """

    path: Path
    sound: bytes
    recognition: Recognition
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SimilarTrack:
    """A similar track.

    Parameters
    ----------
    path : Path
        Absolute.
    similarity : float in -1..1
        Cosine of the angle between the embeddings, to six decimals.
    genre : str
        The predicted genre.
    confidence : float
    duration : float or None
        In seconds.
    also : tuple of Path
        Other paths of the same recording.
    """

    path: Path
    similarity: float
    genre: str
    confidence: float
    duration: float | None
    also: tuple[Path, ...] = ()

    COLUMNS: ClassVar = ("path", "similarity", "genre", "confidence", "duration", "also")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return {
            "path": os.fspath(self.path),
            "similarity": round(self.similarity, _DIGITS),
            "genre": self.genre,
            "confidence": round(self.confidence, 6),
            "duration": None if self.duration is None else round(self.duration, 3),
            "also": [os.fspath(path) for path in self.also],
        }


@dataclass(frozen=True, slots=True)
class Similar:
    """Similar tracks, and counts of omitted ones.

    Parameters
    ----------
    tracks : tuple of SimilarTrack
        Most similar first; ties are ordered by path.
    same : tuple of Path
        Other paths of the same recording.
    vanished : int
        Omitted tracks whose file no longer exists.
    others : int
        Omitted tracks recognized by a model with another embedding.
    without : int
        Omitted tracks without an embedding: silent or damaged.
    """

    tracks: tuple[SimilarTrack, ...]
    same: tuple[Path, ...]
    vanished: int
    others: int
    without: int


def find_reference(
    library: Library,
    path: Path,
    load: Callable[[], Recognizer],
    *,
    model: str | None = None,
    full: bool = False,
    keep: bool = True,
) -> ReferenceTrack:
    """Look up a file in the library, or recognize it.

    Parameters
    ----------
    library : Library
    path : Path
        An audio file.
    load : callable
        Returns the recognizer; called only if the file is not in the library.
    model : str or None
        `Bundle.identity` of the model whose stored result may be used; None means any.
    full : bool
        Whether the whole file must be, or have been, processed.
    keep : bool
        Whether to store a new result in the library.

    Returns
    -------
    ReferenceTrack

    Raises
    ------
    UsageError
        If the path is not a file.
    AudioError
        If the file cannot be recognized or is silent.
    LibraryError
        If the library cannot be used.
    """
    try:
        snapshot = FileSnapshot(path)
        wanted = RecordFilter(model, full=full) if model is not None or full else None
        recognition = library.tracks.find(snapshot, wanted)
        embedding = None if recognition is None else library.tracks.embedding(path)
        if recognition is None:
            recognizer = load()
            recognize = CachedRecognizer(recognizer, library) if keep else recognizer
            recognition = recognize(path, full=full or None)
            embedding = recognition.embedding
            if embedding is None:
                embedding = library.tracks.embedding(path)
        sound = snapshot.hash_sound()
    except (OSError, ValueError) as error:
        what = getattr(error, "strerror", None) or str(error)
        message = f"{path} cannot be compared: {what}. Name one audio file."
        raise UsageError(message, code="track-unreadable") from error
    if recognition.error is not None:
        raise AudioError(recognition.error, code="track-not-recognized")
    if embedding is None or not np.linalg.norm(embedding) > 0:
        message = f"{path} is silent, so there is nothing to compare. Name another file."
        raise AudioError(message, code="track-silent")
    return ReferenceTrack(path, sound, recognition, embedding)


@dataclass(frozen=True, slots=True)
class SimilarQuery:
    """Which similar tracks to find.

    Parameters
    ----------
    count : int > 0
        Number of tracks to return.
    same_genre : bool
        Only tracks with the predicted genre of one of the references.
    folders : sequence of str or path-like
        Only tracks at or below one of these; none means all tracks.
    where : TrackFilter or None
        Only tracks that fulfil it.
    to_any : bool
        With several references: whether the similarity is the highest with any of them. Otherwise it is that
        with their mean direction.
    """

    count: int = 10
    same_genre: bool = False
    folders: Sequence[str | os.PathLike[str]] = ()
    where: TrackFilter | None = None
    to_any: bool = False


def find_similar(
    library: Library,
    reference: ReferenceTrack,
    *,
    count: int = 10,
    same_genre: bool = False,
    folders: Sequence[str | os.PathLike[str]] = (),
    where: TrackFilter | None = None,
) -> Similar:
    """Find the tracks with the highest cosine similarity of embeddings with one track.

    See `find_similar_to`, which takes several, and `SimilarQuery` for the parameters.
    """
    return find_similar_to(library, [reference], SimilarQuery(count, same_genre, folders, where))


def find_similar_to(library: Library, references: Sequence[ReferenceTrack], query: SimilarQuery) -> Similar:
    """Find the tracks with the highest cosine similarity of embeddings with some tracks.

    With the mean direction of several references, every reference counts alike, and a track between them
    comes before one that sounds like one of them alone. With `to_any`, the result is that of one search for
    each reference, merged.

    Parameters
    ----------
    library : Library
    references : sequence of ReferenceTrack
        The tracks to compare with, at least one. Copies of their recordings are omitted.
    query : SimilarQuery

    Returns
    -------
    Similar

    Raises
    ------
    UsageError
        If `same_genre` is set and a genre is `unsure`, or the references cannot be compared with each other.
    LibraryError
        If the library cannot be used.
    """
    if query.same_genre:
        for each in references:
            if each.recognition.genre == UNSURE:
                raise UsageError(
                    f"the genre of {each.path} is unsure. Omit --same-genre.", code="genre-unsure"
                )
    directions, model = _directions(references, to_any=query.to_any), references[0].recognition.model
    genres = [each.recognition.genre or "" for each in references] if query.same_genre else []
    narrowed = with_folders(query.where, [real_path(folder) for folder in query.folders], genres=genres)
    nearest = Nearest(library, model, directions, narrowed)
    found: list[SimilarTrack] = []
    seen, vanished = {each.sound for each in references}, 0
    for track, similarity in nearest.ranked():
        if track.sound in seen:
            continue
        path = track.name()
        if not path.is_file():
            vanished += 1
            continue
        seen.add(track.sound)
        also = _places(library, model, track.sound, query.where, omit={track.path})
        found.append(SimilarTrack(path, similarity, track.genre, track.confidence, track.duration, also))
        if len(found) == query.count:
            break
    here = {real_path(each.path) for each in references}
    same = [
        place
        for sound in dict.fromkeys(each.sound for each in references)
        for place in _places(library, model, sound, query.where, omit=here)
    ]
    others, without = _count_left_out(library, model, query.where, nearest.vectors)
    return Similar(tuple(found), tuple(same), vanished, others, without)


def _directions(references: Sequence[ReferenceTrack], *, to_any: bool) -> Directions:
    """Return what tracks are compared with [shape=(q, d)], of length 1."""
    first = references[0]
    for each in references:
        alike = share_embedding(each.recognition.model, first.recognition.model)
        if not alike or len(each.embedding) != len(first.embedding):
            raise UsageError(
                f"{first.path} and {each.path} were recognized by different models and cannot be compared. "
                "Recognize both with one model, or name one with --model FILE.",
                code="similar-models-differ",
            )
    vectors = np.stack([each.embedding for each in references])
    directions: Directions = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    if to_any or len(references) == 1:
        return directions
    mean = directions.mean(axis=0, dtype=np.float64, keepdims=True)
    norm = float(np.linalg.norm(mean))
    if norm < _OPPOSITE:
        message = (
            "the tracks sound so different that nothing is similar to all of them. Name fewer, or --any."
        )
        raise UsageError(message, code="similar-tracks-opposite")
    scaled: Directions = (mean / norm).astype(np.float32)
    return scaled


def _places(
    library: Library, model: str, sound: bytes, where: TrackFilter | None, *, omit: set[bytes]
) -> tuple[Path, ...]:
    """Return the other files of a recording that are there and fulfil the filter, in the order of paths."""
    clause, values = ("1", ()) if where is None else (where.clause, where.values)
    rows = library.database.rows(
        f"WITH {among('sound', '?')} SELECT path FROM tracks WHERE substr(model, ?) = ? "
        f"AND embedding IS NOT NULL AND ({clause}) ORDER BY path",
        (sound, -KEY_LENGTH, embedding_key(model), *values),
    )
    places = (Path(os.fsdecode(path)) for (path,) in rows if is_path(path) and path not in omit)
    return tuple(place for place in places if place.is_file())


def _count_left_out(
    library: Library, model: str, where: TrackFilter | None, vectors: Vectors | None
) -> tuple[int, int]:
    """Count the tracks that another model recognized, and those without an embedding."""
    others = None if vectors is None else vectors.others
    if vectors is not None and others is not None and len(others) * _FEW < len(vectors):
        return count_left_out(library, model, where, others)
    models = count_models(library, where)
    elsewhere = sum(other.tracks for other in models if not share_embedding(other.model, model))
    return elsewhere, sum(other.without for other in models if share_embedding(other.model, model))


hear = find_reference
"""The former name of `find_reference`."""
