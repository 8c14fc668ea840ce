"""Which tracks of the library a playlist may contain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genrelab.errors import UsageError
from genrelab.library.explore.embeddings import Embedded, embedded_of
from genrelab.library.explore.where import parse_where, tag_named
from genrelab.library.store.library import Library
from genrelab.library.store.track_filter import TrackFilter, at_or_below
from genrelab.library.store.track_row import MOST_TEXT
from genrelab.recognize.recognition import UNSURE

Tracks = list[Embedded]
Numbers = npt.NDArray[np.float64]
_BLOCK = 4096  # rows read at once

_WEAKEST_TAG = (
    "SELECT min(json_extract(item.value, '$[2]')) FROM json_each(CASE WHEN typeof(tags) = 'text' "
    f"AND length(tags) <= {MOST_TEXT} AND json_valid(tags) THEN tags ELSE '[]' END) AS item "
    "WHERE CASE WHEN item.type = 'array' THEN json_extract(item.value, '$[0]') || ':' || "
    "json_extract(item.value, '$[1]') IN ({places}) ELSE 0 END"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which tracks of the library a playlist may contain. All conditions must hold.

    Parameters
    ----------
    genres : sequence of str
        One of these genres, as `genre=NAME` in `--where`; none means any.
    tags : sequence of str
        All of these tags, such as `mood=calm`.
    where : sequence of str
        Further conditions, as `genrelab.library.explore.where.parse_where` takes them.
    min_confidence : float in 0..1 or None
    no_unsure : bool
        Omit tracks whose genre is `unsure`.
    folders : sequence of bytes
        At or below one of these real paths; none means anywhere.
    """

    genres: Sequence[str] = ()
    tags: Sequence[str] = ()
    where: Sequence[str] = ()
    min_confidence: float | None = None
    no_unsure: bool = False
    folders: Sequence[bytes] = ()

    def filter(self, library: Library) -> TrackFilter:
        """Return the conditions as SQL.

        Raises
        ------
        UsageError
            If a condition cannot be read, or names something that the library does not have.
        """
        known = library.tracks.known_tags()
        texts = [f"{kind}={name}" for kind, name in (tag_named(tag, known) for tag in self.tags)]
        if self.genres:
            names = (tag_named(f"genre={genre}", known)[1] for genre in self.genres)
            texts.insert(0, f"genre={'|'.join(names)}")
        if self.min_confidence is not None:
            texts.append(f"confidence>={self.min_confidence:.9f}")
        found = parse_where([*texts, *self.where], known)
        clauses = ["error IS NULL" if found is None else found.clause]
        values: list[Any] = [] if found is None else [*found.values]
        if self.no_unsure:
            clauses.append("genre IS NOT ?")
            values.append(UNSURE)
        if self.folders:
            clause, bounds = at_or_below(self.folders)
            clauses.append(clause)
            values += bounds
        text = ", ".join((*texts, *self.where))
        return TrackFilter(" AND ".join(f"({clause})" for clause in clauses), tuple(values), text)


def read_tracks(library: Library, scope: Scope) -> tuple[Tracks, Numbers]:
    """Read the tracks of a scope, ordered by path, and how well each fits.

    Parameters
    ----------
    library : Library
    scope : Scope

    Returns
    -------
    list of Embedded, np.ndarray [shape=(n,)]
        Damaged rows are omitted. A track fits as well as the least probable of the named tags; without tags,
        as well as its confidence.

    Raises
    ------
    UsageError
        If a condition cannot be read, or names something that the library does not have.
    LibraryError
        If the library cannot be used.
    """
    where = scope.filter(library)
    known = library.tracks.known_tags()
    labels = [":".join(tag_named(tag, known)) for tag in scope.tags]
    fit = "coalesce(confidence, 0.0)"
    if labels:
        fit = f"coalesce(({_WEAKEST_TAG.format(places=', '.join('?' * len(labels)))}), 0.0)"
    tracks: Tracks = []
    fits: list[float] = []
    last = b""
    while rows := library.database.rows(
        f"SELECT path, sound, duration, coalesce(genre, ''), coalesce(confidence, 0.0), {fit} FROM tracks "
        f"WHERE path > ? AND typeof(path) = 'blob' AND ({where.clause}) ORDER BY path LIMIT ?",
        (*labels, last, *where.values, _BLOCK),
    ):
        last = rows[-1][0]
        for *values, how_well in rows:
            track = embedded_of(values)
            if track is not None and isinstance(how_well, int | float):
                tracks.append(track)
                fits.append(float(how_well))
    return tracks, np.array(fits, dtype=np.float64)


def check_found(tracks: Tracks, scope: Scope, library: Library) -> None:
    """Raise unless there are tracks.

    Raises
    ------
    UsageError
        If no track is in the scope.
    """
    if not tracks:
        raise UsageError(
            f"no track of the library {library.path} fits. Ask for less; `genrelab library show` and "
            "`genrelab library tags` count what it has.",
            code="playlist-nothing-fits",
        )
