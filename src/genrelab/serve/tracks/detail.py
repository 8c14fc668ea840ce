"""Everything that the library knows about a track, and what its file says now."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from genrelab.audio.playback.media_types import media_type
from genrelab.errors import TagError
from genrelab.library.explore.playlist import TrackNames
from genrelab.library.store.listing.listed_track import path_text
from genrelab.library.store.track_row import DamagedRowError, TrackRow
from genrelab.library.tags import FIELDS, read_tag
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.segmentation import cut_parts
from genrelab.serve import track_id
from genrelab.serve.guard.roots import Roots
from genrelab.serve.problem import RequestError
from genrelab.serve.sound.opened import OpenedTrack
from genrelab.serve.tracks.catalogue import Catalogue
from genrelab.serve.tracks.detail_answer import (
    Certainty,
    DetailPart,
    FileState,
    NoticeText,
    Ranked,
    TagProbability,
    TrackDetail,
)
from genrelab.serve.tracks.item import rounded, unicode
from genrelab.serve.tracks.segments import thin_timeline

_NEAR = 0.15  # difference of probabilities below which the second genre is near
_MOST_SEGMENTS = 20_000  # to cut into parts: nearly a day
_NAMES_SECONDS = 10.0  # the tags of this one file are waited for


def detail(row: TrackRow, catalogue: Catalogue, roots: Roots) -> TrackDetail:
    """Return everything about a track.

    Parameters
    ----------
    row : TrackRow
        From `Catalogue.row`.
    catalogue : Catalogue
    roots : Roots
    """
    path = Path(os.fsdecode(row.path))
    try:
        record = row.recognition(path)
    except DamagedRowError as damage:
        message = f"the stored result is damaged ({damage}). Recognize the file again."
        record = Recognition(path, str(row.model), error=message)
    model = catalogue.model(record.model) if record.genres else None
    threshold = None if model is None else model.threshold_of(record.genres[0].genre)
    names = catalogue.names.find([row.path], seconds=_NAMES_SECONDS).get(row.path, TrackNames())
    return TrackDetail(
        id=track_id.encode(row.path),
        path=path_text(row.path),
        name=path_text(os.path.basename(row.path)),
        title=unicode(names.title) or None,
        artist=unicode(names.artist) or None,
        album=unicode(names.album) or None,
        threshold=threshold,
        certainty=_certainty(record, threshold),
        **_recognized(record),
        **_about_file(row, roots),
    )


def _recognized(record: Recognition) -> dict[str, Any]:
    """Return what is stored: the keys of `Recognition.to_dict` and some more."""
    best, second = (*record.genres[:2], None, None)[:2]
    timeline, step = thin_timeline(record)
    return {
        "duration": rounded(record.duration, 3),
        "genre": record.genre,
        "confidence": rounded(record.confidence),
        "reason": record.reason,
        "genres": tuple(Ranked(genre=name, probability=round(p, 6)) for name, p in record.genres),
        "best": None if best is None else best.genre,
        "second": None if second is None else second.genre,
        "second_confidence": None if second is None else rounded(second.probability),
        "tags": tuple(
            TagProbability(
                kind=tag.kind, name=tag.name, probability=round(tag.probability, 6), present=tag.present
            )
            for tag in record.tags
        ),
        "timeline": timeline,
        "timeline_step": step,
        "parts": _parts(record),
        "full": record.full if record.error is None else None,
        "model": record.model,
        "warning": None if record.warning is None else unicode(record.warning),
        "notices": tuple(NoticeText(kind=kind, text=unicode(text)) for kind, text in record.notices),
        "error": None if record.error is None else unicode(record.error),
    }


def _certainty(record: Recognition, threshold: float | None) -> Certainty:
    """Return the facts that tell why a genre is, or is not, unsure."""
    confidence = record.confidence
    below = None if threshold is None or confidence is None else max(0.0, threshold - confidence)
    margin = None
    if len(record.genres) > 1:
        margin = record.genres[0].probability - record.genres[1].probability
    return Certainty(
        sure=record.answered,
        reason=record.reason,
        silent=record.reason == "silent",
        no_music=record.reason == "no music",
        below_threshold=rounded(below),
        margin=rounded(margin),
        second_near=margin is not None and margin < _NEAR,
    )


def _parts(record: Recognition) -> tuple[DetailPart, ...] | None:
    if record.error is not None or record.probabilities is None or not record.timeline:
        return None
    if len(record.timeline) > _MOST_SEGMENTS:
        return None
    return tuple(
        DetailPart(
            start=round(part.start, 3),
            end=round(part.end, 3),
            genre=part.genre,
            probability=rounded(part.probability),
        )
        for part in cut_parts(record)
    )


def _about_file(row: TrackRow, roots: Roots) -> dict[str, Any]:
    """Return what the file says now: whether it is there, its tags, names and format."""
    known = row.size if isinstance(row.size, int) else None
    try:
        with OpenedTrack(roots, row.path) as track:
            status = track.status
            state = FileState(
                present=True,
                size=status.st_size,
                modified=_time(status.st_mtime),
                changed=(status.st_size, status.st_mtime_ns) != (row.size, row.mtime_ns),
            )
            kind = media_type(track.file)
            return {"file": state, "media_type": kind.name, "plays": kind.plays, **_tags(track)}
    except RequestError as error:
        gone = error.code == "track-file-missing"
        return {"file": FileState(present=False if gone else None, size=known, problem=error.code)}
    except OSError:
        return {"file": FileState(present=None, size=known, problem="track-file-unreadable")}


def _tags(track: OpenedTrack) -> dict[str, Any]:
    """Return the tags of a file that genrelab reads and writes."""
    path = Path(os.fsdecode(track.path))
    try:
        tag = read_tag(track.file, path)
        values = {field: tuple(unicode(value) for value in tag.values(field)) for field in FIELDS}
    except TagError as error:
        return {"file_tags_problem": unicode(str(error))}
    return {"file_tags": values}


def _time(seconds: float) -> str | None:
    """Return a time as ISO 8601; None if it is outside the years 1 to 9999."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, OSError, ValueError):
        return None
