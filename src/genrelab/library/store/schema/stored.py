"""What a library stores of a recognition."""

from __future__ import annotations

import json
import zlib
from typing import Any

import genrelab
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize.recognition import UNSURE, Recognition


def stored_values(snapshot: FileSnapshot, recognition: Recognition, settings: str) -> tuple[Any, ...]:
    """Return the values of a row, in the order of `genrelab.library.store.track_row.COLUMNS`.

    Raises
    ------
    OSError
        If the audio must be hashed and cannot be read.
    """
    error = recognition.error
    if error is not None:  # the path is added when the message is read: it may have changed
        error = error.removeprefix(f"{snapshot.path}").encode("utf-8", "backslashreplace").decode()
    genre = UNSURE if recognition.guess else recognition.genre  # guesses are made on request
    timeline = json.dumps(recognition.timeline, separators=(",", ":"))
    return (
        *(snapshot.real, snapshot.size, snapshot.mtime_ns, snapshot.hash_sound()),
        *(recognition.model, settings, genrelab.__version__),
        *(recognition.duration, genre, recognition.confidence, recognition.reason),
        json.dumps(recognition.genres, ensure_ascii=False),
        zlib.compress(timeline.encode()),
        None if recognition.embedding is None else recognition.embedding.astype("<f4").tobytes(),
        error,
        int(recognition.full),
        recognition.probabilities.astype("<f2").tobytes()
        if recognition.full and recognition.probabilities is not None
        else None,
        json.dumps(recognition.notices),
        json.dumps(recognition.tags, ensure_ascii=False),
    )
