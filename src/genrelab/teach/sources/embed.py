"""The embedding of each file: from the library, or by recognizing the file and storing the result there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from genrelab.bundle.bundle import embedding_key
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.library import Library
from genrelab.library.store.recognition_cache import CachedRecognizer
from genrelab.recognize.recognizer import Recognizer


@dataclass
class Embeddings:
    """What is known of files.

    Attributes
    ----------
    vectors : list of np.ndarray [shape=(d,)], float32, or None
        Per file; None if it is silent or cannot be recognized.
    sounds : list of bytes
        Digest of the sound of each file; empty if it has no vector.
    size : int
        Numbers of a vector.
    problems : list of str
        Messages about files that cannot be recognized.
    silent : int
        Number of silent files.
    recalled : int
        Number of files whose embedding the library had.
    """

    vectors: list[npt.NDArray[np.float32] | None]
    sounds: list[bytes]
    size: int
    problems: list[str] = field(default_factory=list)
    silent: int = 0
    recalled: int = 0


def find_embeddings(
    files: Sequence[Path],
    library: Library,
    recognizer: Recognizer,
    *,
    jobs: int = 1,
    step: Callable[[str, int, int], None] | None = None,
) -> Embeddings:
    """Look up the embeddings of files; recognize files that the library does not know.

    Each result is stored as soon as it is there: after a kill, the same call goes on. An embedding of another
    size than the model's, such as that of a model file with a false base, is not used.

    Parameters
    ----------
    files : sequence of Path
    library : Library
    recognizer : Recognizer
        Results of all models with its embedding are used.
    jobs : int > 0
        Files recognized at once.
    step : callable or None
        Called with what is done, the number of done items and that of all.

    Returns
    -------
    Embeddings
    """
    key, size = embedding_key(recognizer.bundle.identity), recognizer.bundle.measure_embedding()
    found = Embeddings([None] * len(files), [b""] * len(files), size)
    missing: list[int] = []
    for number, path in enumerate(files):
        if _look_up(found, number, path, library, key):
            found.recalled += 1
        else:
            missing.append(number)
        if step is not None and number % 100 == 99:
            step("looking up", number + 1, len(files))
    if step is not None and files:
        step("looking up", len(files), len(files))
    cached = CachedRecognizer(recognizer, library)
    records = cached.recognize_many([files[number] for number in missing], jobs=jobs)
    for done, (number, record) in enumerate(zip(missing, records, strict=True), start=1):
        if record.error is not None:
            found.problems.append(record.error)
        elif not _look_up(found, number, files[number], library, key):
            _take(found, number, files[number], record.embedding)
        if step is not None:
            step("recognizing", done, len(missing))
    return found


def _look_up(found: Embeddings, number: int, path: Path, library: Library, key: str) -> bool:
    """Take what the library knows of a file; return whether it does."""
    with suppress(OSError, ValueError):
        known = library.tracks.known_embedding(FileSnapshot(path), key)
        if known is not None and (known[1] is None or len(known[1]) == found.size):
            found.sounds[number], found.vectors[number] = known
            found.silent += known[1] is None
            return True
    return False


def _take(found: Embeddings, number: int, path: Path, vector: npt.NDArray[np.float32] | None) -> None:
    """Take a result that the library did not store, such as one that is write-protected."""
    found.silent += vector is None
    if vector is not None and len(vector) != found.size:
        found.problems.append(f"{path} has a damaged result in the library. Recognize it with --again.")
    elif vector is not None:
        try:
            found.sounds[number] = FileSnapshot(path).hash_sound()
            found.vectors[number] = vector
        except (OSError, ValueError) as error:
            found.problems.append(f"{path} cannot be read: {error}")
