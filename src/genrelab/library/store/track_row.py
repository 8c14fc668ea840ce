"""A row of the table of tracks, checked when it is read: a library may be damaged or untrusted.

Work and memory are bounded: the size of texts and compressed timelines is checked before they are parsed. A
row with an invalid value is damaged, and its track is unknown.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

import genrelab
from genrelab.recognize.recognition import (
    Notice,
    NoticeKind,
    RankedGenre,
    Reason,
    Recognition,
    Segment,
    TagScore,
)

COLUMNS = (
    "path, size, mtime_ns, sound, model, settings, version, duration, genre, confidence, reason, genres, "
    "timeline, embedding, error, full, probabilities, notices, tags"
)
"""Columns of the table, without `id`."""

MOST_TEXT = 2**20
"""Most characters in the JSON of genres, tags or notices."""

MOST_TIMELINE = 2**25
"""Most bytes in the JSON of a timeline: weeks of audio."""

MOST_SEGMENTS = 10**6
"""Most segments in a timeline."""

MOST_NUMBERS = 2**16
"""Most numbers in an embedding."""

_SHORTEST_STEP = 1e-4  # seconds from one segment to the next
_LARGEST = 1e12  # seconds
_LARGEST_NUMBER = 1e15  # of an embedding's numbers: sums of squares fit in float32
_ROUNDING = 1e-3  # of a probability
_KIND = re.compile("[a-z][a-z-]*")
_KINDS, _REASONS = get_args(NoticeKind), (None, *get_args(Reason))


class DamagedRowError(ValueError):
    """A value in the library is invalid."""


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which stored results to use.

    Parameters
    ----------
    model : str or None
        `Bundle.identity`; None means any model with any settings.
    settings : str
        Any text that identifies how the model was used.
    full : bool
        Only results of the whole file.
    probabilities : bool
        Only results with the probabilities of each segment.
    """

    model: str | None
    settings: str = ""
    full: bool = False
    probabilities: bool = False


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A row as it is in the table, not checked yet."""

    id: int
    path: bytes
    size: int
    mtime_ns: int
    sound: bytes
    model: str
    settings: str
    version: str
    duration: float | None
    genre: str | None
    confidence: float | None
    reason: Any
    genres: str
    timeline: bytes
    embedding: bytes | None
    error: str | None
    full: int
    probabilities: bytes | None
    notices: str
    tags: str

    def fits(self, wanted: RecordFilter | None) -> bool:
        """Whether the filter accepts this result."""
        if wanted is None:
            return True
        # A file that another version could not read may be readable now.
        readable = self.error is None or self.version == genrelab.__version__
        enough = bool(self.full) or not (wanted.full or wanted.probabilities)
        detailed = self.probabilities is not None or self.error is not None or not wanted.probabilities
        same = wanted.model is None or (self.model, self.settings) == (wanted.model, wanted.settings)
        return same and readable and enough and detailed

    def recognition(self, path: Path) -> Recognition:
        """Return the recognition for a file whose current path is `path`.

        Raises
        ------
        DamagedRowError
            If a value is invalid.
        """
        self._check()
        error = self.error
        if error is not None and error.startswith(" "):
            error = f"{path}{error}"
        genres, timeline = ranked_genres(self.genres), _timeline(self.timeline)
        return Recognition(
            path,
            self.model,
            duration=self.duration,
            genre=self.genre,
            confidence=self.confidence,
            genres=genres,
            timeline=timeline,
            reason=self.reason,
            error=error,
            notices=_notices(self.notices),
            tags=tag_scores(self.tags),
            full=bool(self.full),
            probabilities=_probabilities(self.probabilities, timeline, genres),
        )

    def _check(self) -> None:
        check_values(self.path, self.sound, self.duration, self.confidence)
        _need(all(isinstance(value, int) for value in (self.size, self.mtime_ns, self.full)), "size")
        _need(all(isinstance(value, str) for value in (self.model, self.settings, self.version)), "model")
        _need(self.reason in _REASONS, "reason")
        if self.error is None:
            _need(isinstance(self.genre, str), "genre")
        else:
            _need(isinstance(self.error, str) and self.genre is None, "error")
        if self.embedding is not None:
            vector(self.embedding)


def check_values(path: object, sound: object, duration: object, confidence: object) -> None:
    """Check the values of a row.

    Raises
    ------
    DamagedRowError
        If one is invalid.
    """
    _need(is_path(path), "path")
    _need(is_digest(sound), "sound")
    _need(duration is None or _is_length(duration), "duration")
    _need(confidence is None or _is_probability(confidence), "confidence")


def is_digest(value: object) -> bool:
    """Whether a value is a SHA-256."""
    return isinstance(value, bytes) and len(value) == 32


def is_path(value: object) -> bool:
    """Whether a value is a stored path: bytes, and absolute."""
    return isinstance(value, bytes) and b"\0" not in value and os.path.isabs(value)


def vector(data: object) -> npt.NDArray[np.float32]:
    """Return an embedding [shape=(d,)].

    Raises
    ------
    DamagedRowError
        If the value is not an embedding.
    """
    if not isinstance(data, bytes) or not 0 < len(data) <= 4 * MOST_NUMBERS or len(data) % 4:
        raise DamagedRowError("embedding")
    numbers = np.frombuffer(data, "<f4").astype(np.float32)
    _need(bool((np.abs(numbers) <= _LARGEST_NUMBER).all()), "embedding")
    return numbers


def genre_names(text: object) -> list[str]:
    """Return the genre names in a row's list of genres; empty if it is damaged."""
    try:
        return [genre for genre, _ in ranked_genres(text)]
    except DamagedRowError:
        return []


def parse(text: object, what: str, *, most: int = MOST_TEXT) -> Any:
    """Return a JSON value.

    Raises
    ------
    DamagedRowError
        If the text is not JSON or is too long.
    """
    if not isinstance(text, str | bytes) or len(text) > most:
        raise DamagedRowError(what)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DamagedRowError(what) from error


def ranked_genres(text: object) -> tuple[RankedGenre, ...]:
    """Return the genres in a row's list, most likely first.

    Raises
    ------
    DamagedRowError
        If it is damaged.
    """
    pairs = _rows(parse(text, "genres"), 2, "genres")
    _need(all(_is_text(name) and _is_probability(p) for name, p in pairs), "genres")
    return tuple(RankedGenre(name, float(p)) for name, p in pairs)


def tag_scores(text: object, *, only_present: bool = False) -> tuple[TagScore, ...]:
    """Return the tags in a row's list.

    Raises
    ------
    DamagedRowError
        If it is damaged.
    """
    found = parse(text, "tags")
    _need(isinstance(found, list) and all(isinstance(row, list) and len(row) == 4 for row in found), "tags")
    tags = []
    for kind, name, probability, present in found:
        _need(isinstance(kind, str) and isinstance(name, str) and _is_tag(kind, name), "tags")
        _need(_is_probability(probability) and isinstance(present, bool), "tags")
        if present or not only_present:
            tags.append(TagScore(kind, name, float(probability), present))
    return tuple(tags)


@lru_cache(maxsize=4096)  # the tracks of one model have the same tags
def _is_tag(kind: str, name: str) -> bool:
    return _KIND.fullmatch(kind) is not None and _is_text(name)


def tag_names(text: object) -> list[tuple[str, str]]:
    """Return kind and name of the tags in a row's list; empty if it is damaged."""
    try:
        return [(tag.kind, tag.name) for tag in tag_scores(text)]
    except DamagedRowError:
        return []


def present_labels(text: object) -> list[str]:
    """Return the present tags in a row's list, such as `mood:calm`; empty if it is damaged."""
    try:
        return [tag.label for tag in tag_scores(text, only_present=True)]
    except DamagedRowError:
        return []


def _notices(text: object) -> tuple[Notice, ...]:
    pairs = _rows(parse(text, "notices"), 2, "notices")
    _need(all(kind in _KINDS and _is_text(message, files=True) for kind, message in pairs), "notices")
    return tuple(Notice(kind, message) for kind, message in pairs)


def _timeline(data: object) -> tuple[Segment, ...]:
    if not isinstance(data, bytes):
        raise DamagedRowError("timeline")
    opened = zlib.decompressobj()
    try:
        text = opened.decompress(data, MOST_TIMELINE)
    except zlib.error as error:
        raise DamagedRowError("timeline") from error
    _need(opened.eof and text.count(b"[") <= MOST_SEGMENTS, "timeline")
    rows = _rows(parse(text, "timeline", most=MOST_TIMELINE), 4, "timeline")
    last = -math.inf
    for start, end, genre, probability in rows:
        _need(_is_length(start) and _is_length(end), "timeline")
        _need(start >= last + _SHORTEST_STEP and end >= start + _SHORTEST_STEP, "timeline")
        _need(genre is None or _is_text(genre), "timeline")
        _need(probability is None or _is_probability(probability), "timeline")
        last = start
    return tuple(Segment(*row) for row in rows)


def _probabilities(
    data: object, timeline: tuple[Segment, ...], genres: tuple[RankedGenre, ...]
) -> npt.NDArray[np.float16] | None:
    if data is None:
        return None
    if not isinstance(data, bytes) or not timeline or len(data) != 2 * len(timeline) * len(genres):
        raise DamagedRowError("probabilities")
    values = np.frombuffer(data, "<f2").astype(np.float16)
    _need(bool((np.isnan(values) | ((values >= 0) & (values <= 1))).all()), "probabilities")
    return values.reshape(len(timeline), len(genres))


def _rows(value: Any, length: int, what: str) -> list[Any]:
    is_table = isinstance(value, list) and all(
        isinstance(row, list)
        and len(row) == length
        and not any(isinstance(cell, list | dict) for cell in row)
        for row in value
    )
    _need(is_table, what)
    return value  # type: ignore[no-any-return]


def _is_length(value: object) -> bool:
    return _is_number(value) and value >= 0  # type: ignore[operator]


def _is_probability(value: object) -> bool:
    return _is_number(value) and -_ROUNDING <= value <= 1 + _ROUNDING  # type: ignore[operator]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST


def _is_text(value: object, *, files: bool = False) -> bool:
    """Whether a value is valid text; with `files`, file names in it need not be UTF-8."""
    if not isinstance(value, str):
        return False
    try:
        value.encode(errors="surrogateescape" if files else "strict")
    except UnicodeError:
        return False
    return True


def _need(holds: object, what: str) -> None:
    if not holds:
        raise DamagedRowError(what)
