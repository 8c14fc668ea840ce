"""Records with only what a table for programs shows: a long list of them is read several times as fast."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from genrelab.library.store.database import Database
from genrelab.library.store.listing.selection import PATH, blocks, select_tracks
from genrelab.library.store.schema.shown import EVERYTHING, Shown
from genrelab.library.store.track_filter import TrackFilter
from genrelab.library.store.track_row import READ_COLUMNS, DamagedRowError, TrackRow, listed
from genrelab.recognize.recognition import UNSURE, RankedGenre, TagScore

_ODD = (b"//", b"/./", b"/../")


class Brief(NamedTuple):
    """A result as CSV shows it; the fields are those of `Recognition`, the path is a text."""

    path: str
    model: str
    duration: float | None
    genre: str | None
    confidence: float | None
    genres: tuple[RankedGenre, ...]
    reason: str | None
    full: bool
    tags: tuple[TagScore, ...]
    warning: str | None = None
    error: str | None = None
    guess: bool = False
    track: None = None

    def with_guess(self) -> Brief:
        """Return a copy with a guess; see `Recognition.with_guess`."""
        if self.genre == UNSURE and self.reason == "low confidence" and self.genres:
            return self._replace(genre=self.genres[0].genre, guess=True)
        return self


def read_briefly(
    database: Database,
    paths: Iterable[str | os.PathLike[str]] = (),
    where: TrackFilter | None = None,
    shown: Shown = EVERYTHING,
) -> Iterator[Brief]:
    """Yield what `Tracks.all` yields, in short.

    Parameters
    ----------
    database : Database
    paths, where, shown
        As `Tracks.all` takes them; the timeline is never shown.
    """
    for block in blocks(select_tracks(database, paths, where)):
        marks = ", ".join("?" * len(block))
        rows = database.rows(f"SELECT {PATH}, {READ_COLUMNS} FROM tracks WHERE id IN ({marks})", block)
        found = {values[1]: _brief(TrackRow._make(values[1:]), values[0], shown) for values in rows}
        yield from (found[number] for number in block if number in found)


def _brief(row: TrackRow, path: bytes, shown: Shown) -> Brief:
    text = os.fsdecode(path)
    usual = row.error is None and row.notices == "[]" and not any(odd in path for odd in _ODD)
    if usual and path[-1:] not in (b"/", b"."):
        with suppress(DamagedRowError):
            if (short := row.short(shown)) is not None:
                return Brief(
                    text,
                    row.model,
                    row.duration,
                    row.genre,
                    row.confidence,
                    genres=short[0],
                    reason=row.reason,
                    full=bool(row.full),
                    tags=short[1],
                )
    record = listed(row, Path(text), shown)
    return Brief(
        os.fspath(record.path),
        record.model,
        record.duration,
        record.genre,
        record.confidence,
        genres=record.genres,
        reason=record.reason,
        full=record.full,
        tags=record.tags,
        warning=record.warning,
        error=record.error,
    )
