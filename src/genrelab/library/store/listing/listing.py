"""Pages of the tracks in a library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from genrelab.library.store.library import Library
from genrelab.library.store.listing.kept import Kept
from genrelab.library.store.listing.listed_track import LISTED_COLUMNS, ListedTrack, listed_track
from genrelab.library.store.listing.query import TrackQuery, fold, search_words
from genrelab.library.store.track_filter import KnownTags
from genrelab.library.store.track_row import COLUMNS, TrackRow

_MOST_AT_ONCE = 500  # parameters of a statement
_Value = TypeVar("_Value")


class Page(NamedTuple):
    """Some consecutive tracks of a list, and the length of the list."""

    tracks: list[ListedTrack]
    total: int


class Listing:
    """Lists tracks of a library. Several threads may share it.

    The order of a list is computed once and kept as `Kept` says, so that further pages cost the same wherever
    they are. Searched paths are kept too: about 150 bytes per track.

    Parameters
    ----------
    library : Library
        For what takes milliseconds.
    scanning, watching : Library
        The same library, opened twice for this object alone: to scan the table, so that other threads need
        not wait, and to notice changes, of which SQLite tells a connection only those of others.
    roots : sequence of bytes
        Only tracks below these absolute paths are listed; none means all.

    Attributes
    ----------
    library, scanning : Library
    roots : tuple of bytes
    """

    def __init__(
        self, library: Library, scanning: Library, watching: Library, roots: Sequence[bytes] = ()
    ) -> None:
        self.library = library
        self._watching = watching
        self.scanning = scanning
        self.roots = tuple(roots)
        self._kept = Kept(self.version)

    def page(self, query: TrackQuery, *, offset: int = 0, limit: int = 100) -> Page:
        """Return some consecutive tracks.

        Parameters
        ----------
        query : TrackQuery
        offset : int >= 0
            Number of tracks to skip.
        limit : int >= 0

        Returns
        -------
        Page

        Raises
        ------
        UsageError
            If the search is too long.
        LibraryError
            If the library cannot be used.
        """
        query = self._inside(query)
        if query.is_plain:
            clause, values = query.condition()
            rows = self._rows(
                f"SELECT id FROM tracks WHERE {clause} ORDER BY {query.order} LIMIT ? OFFSET ?",
                (*values, limit, offset),
            )
            count = self._rows(f"SELECT count(*) FROM tracks WHERE {clause}", values)
            return Page(self._tracks([number for (number,) in rows]), count[0][0])
        order = self._order(query)
        return Page(self._tracks(order[offset : offset + limit].tolist()), len(order))

    def numbers(self, query: TrackQuery) -> npt.NDArray[np.int64]:
        """Return the numbers of all tracks of a list, in its order; they name rows until the next change."""
        return self._order(self._inside(query))

    def tracks(self, paths: Sequence[bytes]) -> dict[bytes, ListedTrack]:
        """Return tracks by their paths; unknown ones, and those that are not below a root, are absent."""
        found: dict[bytes, ListedTrack] = {}
        for start in range(0, len(paths), _MOST_AT_ONCE):
            some = [path for path in paths[start : start + _MOST_AT_ONCE] if self.holds(path)]
            marks = ", ".join("?" * len(some))
            for row in self._rows(f"SELECT {LISTED_COLUMNS} FROM tracks WHERE path IN ({marks})", some):
                track = listed_track(row)
                found[track.path] = track
        return found

    def row(self, path: bytes) -> TrackRow | None:
        """Return the whole row of a track, not checked; None if it is unknown or not below a root."""
        if not self.holds(path):
            return None
        rows = self._rows(f"SELECT id, {COLUMNS} FROM tracks WHERE path = ?", (path,))
        return TrackRow(*rows[0]) if rows else None

    def holds(self, path: bytes) -> bool:
        """Whether a path lies below a root, as it is written; always if there are no roots."""
        return not self.roots or any(path.startswith(root.rstrip(b"/") + b"/") for root in self.roots)

    def known_tags(self) -> KnownTags:
        """Return what conditions may name."""
        return self.kept("known tags", self.scanning.tracks.known_tags)

    def version(self) -> object:
        """Return a value that changes whenever another connection changes the library."""
        return self._watching.database.rows("PRAGMA data_version")[0][0]

    def kept(self, name: str, compute: Callable[[], _Value]) -> _Value:
        """Return a value that is computed again only when the library has changed, as `Kept` says."""
        return self._kept.get(name, compute)

    def close(self) -> None:
        """Close the libraries that were opened for this object."""
        self.scanning.close()
        self._watching.close()

    def _inside(self, query: TrackQuery) -> TrackQuery:
        if query.folders:  # below roots, as the caller has checked
            return query
        return replace(query, folders=self.roots)

    def _order(self, query: TrackQuery) -> npt.NDArray[np.int64]:
        return self._kept.get(query, lambda: self._ordered(query))

    def _ordered(self, query: TrackQuery) -> npt.NDArray[np.int64]:
        if query.search:
            whole = self._order(replace(query, search=""))
            return whole[np.isin(whole, self._matching(query.search))]
        # The index of paths helps only if much is left out.
        clause, values = query.condition("+path" if query.folders == self.roots else "path")
        statement = f"SELECT id FROM tracks WHERE {clause} ORDER BY {query.order}"
        return np.array(self.scanning.database.numbers(statement, values), np.int64)

    def _tracks(self, numbers: list[int]) -> list[ListedTrack]:
        found: dict[int, ListedTrack] = {}
        for start in range(0, len(numbers), _MOST_AT_ONCE):
            some = numbers[start : start + _MOST_AT_ONCE]
            marks = ", ".join("?" * len(some))
            for number, *row in self._rows(
                f"SELECT id, {LISTED_COLUMNS} FROM tracks WHERE id IN ({marks})", some
            ):
                found[number] = listed_track(row)
        return [found[number] for number in numbers if number in found]

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        return self.library.database.rows(statement, values)

    def _scan(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        return self.scanning.database.rows(statement, values)

    def _matching(self, search: str) -> npt.NDArray[np.int64]:
        """Return the numbers of the tracks whose paths below the root contain all words of a search."""
        words = search_words(search)
        numbers, texts = self.kept("texts", self._texts)
        for word in words:
            found = [index for index, text in enumerate(texts) if word in text]
            numbers, texts = numbers[found], [texts[index] for index in found]
        return numbers

    def _texts(self) -> tuple[npt.NDArray[np.int64], list[str]]:
        """Return the numbers and the folded paths of all tracks, about 150 bytes each."""
        rows = self._scan("SELECT id, path FROM tracks WHERE typeof(path) = 'blob'")
        numbers = np.fromiter((number for number, _ in rows), np.int64, len(rows))
        return numbers, [self._folded(path) for _, path in rows]

    def _folded(self, path: bytes) -> str:
        root = next((root for root in self.roots if path.startswith(root)), b"")
        return fold(path[len(root) :].decode("utf-8", "replace"))
