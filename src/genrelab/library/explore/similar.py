"""Which tracks of the library sound like a given one."""

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
from genrelab.library.explore.embeddings import Embedded, count_models, is_below, read_embeddings
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.library import Library
from genrelab.library.store.recognition_cache import CachedRecognizer
from genrelab.library.store.track_row import RecordFilter
from genrelab.recognize.recognition import UNSURE, Recognition
from genrelab.recognize.recognizer import Recognizer

_DIGITS = 6  # of a similarity


@dataclass(frozen=True, slots=True)
class ReferenceTrack:
    """A track to which others are compared.

    Parameters
    ----------
    path : Path
        As it was named.
    sound : bytes
        Hash of its sound.
    recognition : Recognition
        What was recognized.
    embedding : np.ndarray [shape=(d,)], float32
    """

    path: Path
    sound: bytes
    recognition: Recognition
    embedding: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SimilarTrack:
    """A track that was found.

    Parameters
    ----------
    path : Path
        Absolute.
    similarity : float in -1..1
        The cosine of the angle between the embeddings, to six decimals.
    genre : str
        As it was recognized.
    confidence : float
    duration : float or None
        In seconds.
    also : tuple of Path
        Where the library knows the same recording too.
    """

    path: Path
    similarity: float
    genre: str
    confidence: float
    duration: float | None
    also: tuple[Path, ...] = ()

    COLUMNS: ClassVar = ("path", "similarity", "genre", "confidence", "duration", "also")

    def to_dict(self) -> dict[str, Any]:
        """Return the record, as JSON has it."""
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
    """What was found, and what was left out.

    Parameters
    ----------
    tracks : tuple of SimilarTrack
        The most similar first; tracks of equal similarity in the order of paths.
    same : tuple of Path
        Other places of the very recording that was asked about.
    vanished : int
        Tracks that would have been listed, but their file is gone.
    others : int
        Tracks that another model recognized.
    without : int
        Tracks of this model without an embedding: silent or broken.
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
    """Take from the library what is known about a file, else recognize it.

    Parameters
    ----------
    library : Library
    path : Path
        A sound file.
    load : callable
        Gives the recognizer; called only where the file is not known.
    model : str or None
        `Bundle.identity` of the model whose answer counts; None means that any does.
    full : bool
        Whether only an answer counts for which all of the file was heard; so is then a file that is
        not known.
    keep : bool
        Whether a new answer is put into the library.

    Returns
    -------
    ReferenceTrack

    Raises
    ------
    UsageError
        If the path leads to no file.
    AudioError
        If it cannot be recognized, or is silent.
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
        raise UsageError(
            f"{path} cannot be compared: {what}. Name one audio file.", code="track-unreadable"
        ) from error
    if recognition.error is not None:
        raise AudioError(recognition.error, code="track-not-recognized")
    if embedding is None:
        raise AudioError(
            f"{path} is silent, so there is nothing to compare. Name another file.", code="track-silent"
        )
    return ReferenceTrack(path, sound, recognition, embedding)


def find_similar(
    library: Library,
    reference: ReferenceTrack,
    *,
    count: int = 10,
    same_genre: bool = False,
    folders: Sequence[str | os.PathLike[str]] = (),
) -> Similar:
    """Find the tracks whose embeddings point most nearly the same way as that of a given one.

    The embeddings are read once, a block at a time: memory is that of the paths and hashes of tracks, about
    1.5 kilobytes each, not of their embeddings.

    Parameters
    ----------
    library : Library
    reference : ReferenceTrack
        What to compare with; tracks with the same sound are not listed.
    count : int > 0
        How many to list, at most.
    same_genre : bool
        List only tracks that were recognized as the same genre.
    folders : sequence of str or path-like
        List only tracks at or below one of these; none means everywhere.

    Returns
    -------
    Similar

    Raises
    ------
    UsageError
        If the genre shall be the same, and is `unsure`.
    LibraryError
        If the library cannot be used.
    """
    if same_genre and reference.recognition.genre == UNSURE:
        raise UsageError(f"the genre of {reference.path} is unsure. Omit --same-genre.", code="genre-unsure")
    tracks, similarities = _compare(library, reference)
    places: dict[bytes, list[Path]] = defaultdict(list)  # of each sound
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
    models = count_models(library)
    others = sum(other.tracks for other in models if other.model != reference.recognition.model)
    without = sum(other.without for other in models if other.model == reference.recognition.model)
    return Similar(tuple(found), same, vanished, others, without)


def _compare(library: Library, reference: ReferenceTrack) -> tuple[list[Embedded], npt.NDArray[np.float32]]:
    """Return all tracks of the same model, in the order of paths, and their similarities."""
    wanted = (reference.embedding / np.linalg.norm(reference.embedding)).astype(np.float32)
    tracks: list[Embedded] = []
    cosines: list[npt.NDArray[np.float32]] = []
    for block, directions in read_embeddings(library, reference.recognition.model):
        if directions.shape[1] == len(wanted):
            tracks += block
            cosines.append(directions @ wanted)
    # What lies behind would be rounding errors, which must not decide the order.
    return tracks, np.concatenate(cosines).round(_DIGITS) if cosines else np.empty(0, dtype=np.float32)


hear = find_reference
"""The former name of `find_reference`."""
