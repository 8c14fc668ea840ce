"""The library as a server shows it: only tracks under its roots, if it has any."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from genrelab.bundle.bundle import read_facts
from genrelab.bundle.metadata import BundleMetadata
from genrelab.library.store.library import Library
from genrelab.library.store.listing.listing import Listing
from genrelab.library.store.listing.statistics import Statistics, count_present_tags, count_tracks
from genrelab.library.store.track_row import TrackRow
from genrelab.serve import track_id
from genrelab.serve.describe.models import list_models
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.tracks.names import NameCache

_LOOK_AGAIN_SECONDS = 60.0  # for the model of a result


class Catalogue:
    """The tracks of the library. One part of the server.

    Parameters
    ----------
    server : Server

    Attributes
    ----------
    listing : Listing
    names : NameCache
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        roots = tuple(os.fsencode(folder) for folder in server.roots.folders)
        scanning, watching = (Library(server.library.path, must_write=False) for _ in range(2))
        self.listing = Listing(server.library, scanning, watching, roots)
        self.names = NameCache(server.roots)
        self._models: dict[str, BundleMetadata] = {}
        self._looked: float | None = None
        self._current: tuple[object, tuple[str, ...]] | None = None
        self._looking = threading.Lock()

    def row(self, text: str) -> TrackRow:
        """Return the row of a track, not checked.

        Parameters
        ----------
        text : str
            Its id.

        Raises
        ------
        RequestError
            If the id is damaged, or the library has no such track under a root (404).
        """
        row = self.listing.row(track_id.decode(text))
        if row is None:
            raise RequestError(
                "the library has no such track",
                code="track-unknown",
                status=404,
                remedy="use an id that /api/v1/tracks returns",
            )
        return row

    def model(self, identity: str) -> BundleMetadata | None:
        """Return what is known about the model of a result; None if the server does not know its file."""
        with self._looking:
            known = self._models.get(identity)
            due = self._looked is None or time.monotonic() > self._looked + _LOOK_AGAIN_SECONDS
            if known is None and due:
                found = list_models(self._server.roots, self._server.settings.model)
                self._models = {
                    each.identity: each.metadata for each in found if each.identity and each.metadata
                }
                self._looked = time.monotonic()
            return self._models.get(identity)

    def genres_of(self, path: Path) -> tuple[str, ...]:
        """Return the genres of a model file, which is read again when it changes.

        Raises
        ------
        GenrelabError, OSError
            If it cannot be read.
        """
        status = path.stat()
        state = (path, status.st_mtime_ns, status.st_size)
        with self._looking:
            if self._current is None or self._current[0] != state:
                self._current = state, read_facts(path)[0].genres
            return self._current[1]

    def statistics(self) -> Statistics:
        """Return the counts of the library."""
        listing = self.listing
        return listing.kept("statistics", lambda: count_tracks(listing.scanning, listing.roots))

    def tag_counts(self) -> list[tuple[str, str, int]]:
        """Return kind, name and number of tracks of each tag that is present."""
        listing = self.listing
        return listing.kept("tags", lambda: count_present_tags(listing.scanning, listing.roots))

    def close(self) -> None:
        """Close what the server does not."""
        self.names.close()
        self.listing.close()
