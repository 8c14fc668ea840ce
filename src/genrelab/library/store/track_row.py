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
from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

import genrelab
from genrelab.library.store.schema.checks import (
    DamagedRowError as DamagedRowError,
)
from genrelab.library.store.schema.checks import (
    is_length,
    is_probability,
    is_text,
    need,
    rows_of,
)
from genrelab.library.store.schema.shown import EVERYTHING, Shown
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
"""Columns of the table, without `id` and those that are derived from others."""

READ_COLUMNS = f"id, {COLUMNS}, checksum"
"""What `TrackRow` takes."""

MOST_TEXT = 2**20
"""Most characters in the JSON of genres, tags or notices."""

MOST_TIMELINE = 2**25
"""Most bytes in the JSON of a timeline: weeks of audio."""

MOST_SEGMENTS = 10**6
"""Most segments in a timeline."""

MOST_NUMBERS = 2**16
"""Most numbers in an embedding."""

_SHORTEST_STEP = 1e-4  # seconds from one segment to the next
_LARGEST_NUMBER = 1e15  # of an embedding's numbers: sums of squares fit in float32
_POSIX = os.sep == "/"
_MOST_PAIRS = 20  # more genres are parsed as JSON
_KIND = re.compile("[a-z][a-z-]*")
_KINDS, _REASONS = get_args(NoticeKind), (None, *get_args(Reason))


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


class TrackRow(NamedTuple):
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
    checksum: int | None = None

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

    def recognition(self, path: Path, shown: Shown = EVERYTHING) -> Recognition:
        """Return the recognition for a file whose current path is `path`.

        If the checksum agrees, only what is shown is parsed.

        Raises
        ------
        DamagedRowError
            If a value is invalid, shown or not.
        """
        self._check_short()
        if self.is_unchanged():
            timeline = _timeline(self.timeline) if shown.timeline else ()
            genres = _first_genres(self.genres, None if shown.timeline else shown.top)
            tags = tag_scores(self.tags) if shown.tags else ()
            probabilities = self.probabilities if shown.timeline else None
        else:
            if self.embedding is not None:
                vector(self.embedding)
            genres, timeline = ranked_genres(self.genres), _timeline(self.timeline)
            _notices(self.notices)
            tags, probabilities = tag_scores(self.tags), self.probabilities
        error = self.error
        if error is not None and error.startswith(" "):
            error = f"{path}{error}"
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
            notices=() if self.notices == "[]" else _notices(self.notices),
            tags=tags,
            full=bool(self.full),
            probabilities=None if probabilities is None else _probabilities(probabilities, timeline, genres),
        )

    def short(self, shown: Shown) -> tuple[tuple[RankedGenre, ...], tuple[TagScore, ...]] | None:
        """Return genres and tags to show; None if the checksum does not agree.

        Raises
        ------
        DamagedRowError
            If a value is invalid.
        """
        self._check_short()
        if not self.is_unchanged():
            return None
        return _first_genres(self.genres, shown.top), tag_scores(self.tags) if shown.tags else ()

    def is_unchanged(self) -> bool:
        """Whether the columns that are long to check are as they were when they were checked."""
        stored: object = self.checksum  # of any type in a damaged library
        return isinstance(stored, int) and stored >= 0 and stored == checksum_of(self)

    def _check_short(self) -> None:
        check_values(self.path, self.sound, self.duration, self.confidence)
        if not (isinstance(self.size, int) and isinstance(self.mtime_ns, int) and isinstance(self.full, int)):
            raise DamagedRowError("size")
        texts = isinstance(self.model, str) and isinstance(self.settings, str)
        if not (texts and isinstance(self.version, str)):
            raise DamagedRowError("model")
        need(self.reason in _REASONS, "reason")
        if self.error is None:
            need(isinstance(self.genre, str), "genre")
        else:
            need(isinstance(self.error, str) and self.genre is None, "error")


def listed(row: TrackRow, path: Path, shown: Shown = EVERYTHING) -> Recognition:
    """Return the recognition of a row in a list; for a damaged row, `error` is set."""
    try:
        return row.recognition(path, shown)
    except DamagedRowError as error:
        message = f"the stored result for {path} is damaged ({error}). Recognize it again."
        return Recognition(path, str(row.model), error=message)


def checksum_of(row: TrackRow) -> int | None:
    """Return the CRC-32 of the columns of a row that are long to check; None if one has another type."""
    try:
        texts = "\0".join((row.genres, row.notices, row.tags)).encode("utf-8", "surrogatepass")
        return zlib.crc32(b"\0".join((texts, row.timeline, row.embedding or b"", row.probabilities or b"")))
    except TypeError:
        return None


def check_values(path: object, sound: object, duration: object, confidence: object) -> None:
    """Check the values of a row.

    Raises
    ------
    DamagedRowError
        If one is invalid.
    """
    if not is_path(path):
        raise DamagedRowError("path")
    if not is_digest(sound):
        raise DamagedRowError("sound")
    if not (duration is None or is_length(duration)):
        raise DamagedRowError("duration")
    if not (confidence is None or is_probability(confidence)):
        raise DamagedRowError("confidence")


def is_digest(value: object) -> bool:
    """Whether a value is a SHA-256."""
    return isinstance(value, bytes) and len(value) == 32


def is_path(value: object) -> bool:
    """Whether a value is a stored path: bytes, and absolute."""
    if not isinstance(value, bytes) or b"\0" in value:
        return False
    return value[:1] == b"/" if _POSIX else os.path.isabs(value)


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
    need(bool((np.abs(numbers) <= _LARGEST_NUMBER).all()), "embedding")
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
    pairs = rows_of(parse(text, "genres"), 2, "genres")
    need(all(is_text(name) and is_probability(p) for name, p in pairs), "genres")
    return tuple(RankedGenre(name, float(p)) for name, p in pairs)


def _first_genres(text: str, most: int | None) -> tuple[RankedGenre, ...]:
    """Return the first genres in a list, without a look at the others; raise if they are damaged."""
    found = None if most is None or most > _MOST_PAIRS else _leading_pairs(most).match(text)
    if found is None:  # all, or fewer, or a name with an escape
        return ranked_genres(text)[:most]
    values = found.groups()
    try:
        probabilities = [float(value) for value in values[1::2]]
    except ValueError as error:
        raise DamagedRowError("genres") from error  # another program can write a checksum that agrees
    need(all(map(is_probability, probabilities)), "genres")
    return tuple(map(RankedGenre, values[::2], probabilities))


@lru_cache(maxsize=16)
def _leading_pairs(count: int) -> re.Pattern[str]:
    """Return a pattern of the first pairs in a list as `json.dumps` writes it."""
    return re.compile(r"\[" + ", ".join([r'\["([^"\\]*)", ([-+.\deE]+)\]'] * count))


def tag_scores(text: object, *, only_present: bool = False) -> tuple[TagScore, ...]:
    """Return the tags in a row's list.

    Raises
    ------
    DamagedRowError
        If it is damaged.
    """
    found = parse(text, "tags")
    need(isinstance(found, list) and all(isinstance(row, list) and len(row) == 4 for row in found), "tags")
    tags = []
    for kind, name, probability, present in found:
        need(isinstance(kind, str) and isinstance(name, str) and _is_tag(kind, name), "tags")
        need(is_probability(probability) and isinstance(present, bool), "tags")
        if present or not only_present:
            tags.append(TagScore(kind, name, float(probability), present))
    return tuple(tags)


@lru_cache(maxsize=4096)  # the tracks of one model have the same tags
def _is_tag(kind: str, name: str) -> bool:
    return _KIND.fullmatch(kind) is not None and is_text(name)


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
    pairs = rows_of(parse(text, "notices"), 2, "notices")
    need(all(kind in _KINDS and is_text(message, files=True) for kind, message in pairs), "notices")
    return tuple(Notice(kind, message) for kind, message in pairs)


def _timeline(data: object) -> tuple[Segment, ...]:
    if not isinstance(data, bytes):
        raise DamagedRowError("timeline")
    opened = zlib.decompressobj()
    try:
        text = opened.decompress(data, MOST_TIMELINE)
    except zlib.error as error:
        raise DamagedRowError("timeline") from error
    need(opened.eof and text.count(b"[") <= MOST_SEGMENTS, "timeline")
    rows = rows_of(parse(text, "timeline", most=MOST_TIMELINE), 4, "timeline")
    last = -math.inf
    for start, end, genre, probability in rows:
        need(is_length(start) and is_length(end), "timeline")
        need(start >= last + _SHORTEST_STEP and end >= start + _SHORTEST_STEP, "timeline")
        need(genre is None or is_text(genre), "timeline")
        need(probability is None or is_probability(probability), "timeline")
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
    need(bool((np.isnan(values) | ((values >= 0) & (values <= 1))).all()), "probabilities")
    return values.reshape(len(timeline), len(genres))
