"""Find tracks of the library that sound like a given one."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from genrelab.errors import AudioError, UsageError
from genrelab.library.explore.embeddings import (
    Embedded,
    count_models,
    is_below,
    read_embeddings,
    share_embedding,
)
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.library import Library
from genrelab.library.store.recognition_cache import CachedRecognizer
from genrelab.library.store.track_filter import TrackFilter
from genrelab.library.store.track_row import RecordFilter
from genrelab.recognize.recognition import UNSURE, Recognition
from genrelab.recognize.recognizer import Recognizer

_DIGITS = 6  # of a similarity


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
    if embedding is None:
        message = f"{path} is silent, so there is nothing to compare. Name another file."
        raise AudioError(message, code="track-silent")
    return ReferenceTrack(path, sound, recognition, embedding)


def find_similar(
    library: Library,
    reference: ReferenceTrack,
    *,
    count: int = 10,
    same_genre: bool = False,
    folders: Sequence[str | os.PathLike[str]] = (),
    where: TrackFilter | None = None,
) -> Similar:
    """Find the tracks with the highest cosine similarity of embeddings.

    The embeddings are read in blocks. Memory is needed only for paths and hashes, about 1.5 kilobytes per
    track.

    Parameters
    ----------
    library : Library
    reference : ReferenceTrack
        The track to compare with. Copies of its recording are omitted.
    count : int > 0
        Number of tracks to return.
    same_genre : bool
        Only tracks with the same predicted genre.
    folders : sequence of str or path-like
        Only tracks at or below one of these; none means all tracks.
    where : TrackFilter or None
        Only tracks that fulfil it.

    Returns
    -------
    Similar

    Raises
    ------
    UsageError
        If `same_genre` is set and the genre is `unsure`.
    LibraryError
        If the library cannot be used.
    """
    if same_genre and reference.recognition.genre == UNSURE:
        raise UsageError(f"the genre of {reference.path} is unsure. Omit --same-genre.", code="genre-unsure")
    tracks, similarities = _compare(library, reference, where)
    places: dict[bytes, list[Path]] = defaultdict(list)  # hash of the audio -> paths
    for track in tracks:
        places[track.sound].append(track.name())
    wanted = [real_path(folder) for folder in folders]
    found: list[SimilarTrack] = []
    seen, vanished = {reference.sound}, 0
    for index in np.argsort(-similarities, kind="stable"):
        track, path = tracks[index], tracks[index].name()
        if len(found) == count:
            break
        if track.sound in seen or (same_genre and track.genre != reference.recognition.genre):
            continue
        if wanted and not any(is_below(track.path, folder) for folder in wanted):
            continue
        if not path.is_file():
            vanished += 1
            continue
        seen.add(track.sound)
        also = tuple(place for place in places[track.sound] if place != path and place.is_file())
        similarity = float(np.clip(similarities[index], -1.0, 1.0))
        found.append(SimilarTrack(path, similarity, track.genre, track.confidence, track.duration, also))
    here = Path(os.fsdecode(real_path(reference.path)))
    same = tuple(place for place in places[reference.sound] if place != here and place.is_file())
    models, model = count_models(library, where), reference.recognition.model
    others = sum(other.tracks for other in models if not share_embedding(other.model, model))
    without = sum(other.without for other in models if share_embedding(other.model, model))
    return Similar(tuple(found), same, vanished, others, without)


def _compare(
    library: Library, reference: ReferenceTrack, where: TrackFilter | None
) -> tuple[list[Embedded], npt.NDArray[np.float32]]:
    """Return all tracks of the same model that fulfil a filter, ordered by path, and their similarities."""
    wanted = (reference.embedding / np.linalg.norm(reference.embedding)).astype(np.float32)
    tracks: list[Embedded] = []
    cosines: list[npt.NDArray[np.float32]] = []
    for block, directions in read_embeddings(library, reference.recognition.model, where):
        if directions.shape[1] == len(wanted):
            tracks += block
            cosines.append(directions @ wanted)
    # Further digits are rounding errors and must not decide the order.
    return tracks, np.concatenate(cosines).round(_DIGITS) if cosines else np.empty(0, dtype=np.float32)


hear = find_reference
"""The former name of `find_reference`."""
