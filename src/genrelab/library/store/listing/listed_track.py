"""One track of a list: what a row says in short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from genrelab.library.store.track_row import (
    DamagedRowError,
    check_values,
    ranked_genres,
    tag_scores,
)
from genrelab.recognize.recognition import UNSURE, RankedGenre

LISTED_COLUMNS = (
    "coalesce(CAST(path AS BLOB), x''), sound, size, mtime_ns, duration, genre, confidence, reason, genres, "
    "tags, model, error"
)
"""What `listed_track` takes."""


@dataclass(frozen=True, slots=True)
class ListedTrack:
    """One track of a list.

    Parameters
    ----------
    path : bytes
        Absolute, without links.
    size, mtime_ns : int
        Of the file when it was recognized; -1 if the row is damaged.
    duration : float or None
        In seconds.
    genre : str or None
        The predicted genre, `unsure` included; None after an error.
    confidence : float or None
    ranked : tuple of RankedGenre
        All genres, most likely first.
    tags : tuple of str
        The present ones, such as `mood:calm`.
    model : str
    error : str or None
        Why it could not be recognized, or that the row is damaged.
    """

    path: bytes
    size: int
    mtime_ns: int
    duration: float | None
    genre: str | None
    confidence: float | None
    ranked: tuple[RankedGenre, ...]
    tags: tuple[str, ...]
    model: str
    error: str | None

    @property
    def answered(self) -> bool:
        """Whether there is a genre: no error and not `unsure`."""
        return self.error is None and self.genre != UNSURE


def listed_track(row: Sequence[Any]) -> ListedTrack:
    """Return the track of a row with `LISTED_COLUMNS`; for a damaged one, `error` is set."""
    path, sound, size, mtime_ns, duration, genre, confidence, _, genres, tags, model, error = row
    try:
        check_values(path, sound, duration, confidence)
        ranked = ranked_genres(genres)
        present = tuple(tag.label for tag in tag_scores(tags, only_present=True))
        if not all(isinstance(value, int) for value in (size, mtime_ns)):
            raise DamagedRowError("size")
        if not isinstance(model, str):
            raise DamagedRowError("model")
        if not isinstance(genre if error is None else error, str):
            raise DamagedRowError("genre")
    except DamagedRowError as damage:
        message = f"the stored result for {path_text(path)} is damaged ({damage}). Recognize the file again."
        return ListedTrack(path, -1, -1, None, None, None, (), (), str(model), message)
    if error is not None and error.startswith(" "):  # stored without its path, which may change
        error = f"{path_text(path)}{error}"
    return ListedTrack(path, size, mtime_ns, duration, genre, confidence, ranked, present, model, error)


def path_text(path: bytes) -> str:
    r"""Return a path as text that every encoding can write; bytes that are not UTF-8 become `\xff`."""
    return path.decode("utf-8", "backslashreplace")
