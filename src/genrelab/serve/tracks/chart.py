"""The map of the library: laid out in the background, kept compressed until the library changes."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from genrelab.errors import GenrelabError
from genrelab.library.explore.chart.columns import TrackColumns, Wanted
from genrelab.library.explore.chart.payload import pack
from genrelab.library.explore.embeddings import count_models
from genrelab.library.explore.layout import Layout, LayoutStopped, lay_out_library
from genrelab.library.store.library import Library
from genrelab.library.store.listing.listed_track import path_text
from genrelab.serve import track_id
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue
from genrelab.serve.tracks.item import unicode

State = Literal["ready", "computing", "failed"]

MOST_IN_JSON = 100_000
"""Tracks of the largest map that is sent as JSON."""

_DIGITS = 4  # of a place: a screen has fewer
_LEVEL = 5  # of compression
_SOON_SECONDS = 3.0  # a map that takes less is never shown when it is old
_PATIENCE = 5  # an older one is laid out again after so many times the seconds that it took
_RETRY_SECONDS = 30.0  # after a failure
_CLOSE_SECONDS = 30.0


@dataclass(frozen=True)
class Chart:
    """A map, or how far it is.

    Attributes
    ----------
    state : State
    body : bytes or None
        The answer: JSON, compressed with gzip. None if the map is too large for it.
    data : bytes
        The answer as `genrelab.library.explore.chart.payload.pack` makes it, compressed with gzip; empty
        unless the map is ready.
    paths : sequence of bytes
        Of the tracks, in order.
    stale : bool
        Whether the library has changed since.
    """

    state: State
    body: bytes | None
    data: bytes = b""
    paths: Sequence[bytes] = ()
    stale: bool = False

    def number_of(self, path: bytes) -> int | None:
        """Return the number of a track in the order of paths; None if it is not on the map."""
        place = bisect_left(self.paths, path)
        return place if place < len(self.paths) and self.paths[place] == path else None


@dataclass(frozen=True)
class _Made:
    chart: Chart
    version: object
    ended: float
    seconds: float


class Charts:
    """Lays out the map. One part of the server.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._path = server.library.path
        self._catalogue = server.part(Catalogue)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._made: _Made | None = None
        self._share = 0.0
        self._closed = False

    def get(self) -> Chart:
        """Return the map, which may be stale, or how far its layout is; begin one if need be."""
        version = self._catalogue.listing.version()
        with self._changed:
            made = self._made
            if made is not None and made.version == version and made.chart.state == "ready":
                return made.chart
            now = time.monotonic()
            if self._thread is None and not self._closed and _is_due(made, now):
                self._share = 0.0
                self._thread = threading.Thread(
                    target=self._work, args=(version,), name="map of the library", daemon=True
                )
                self._thread.start()
            if made is not None and (self._thread is None or made.seconds > _SOON_SECONDS):
                if made.chart.state == "ready":
                    return replace(made.chart, stale=made.version != version)
                if self._thread is None:
                    return made.chart
            return Chart("computing", _packed(_empty("computing", progress=round(self._share, 3))))

    def close(self) -> None:
        """Give up a layout in progress."""
        with self._changed:
            self._closed = True
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _work(self, version: object) -> None:
        start = time.monotonic()
        try:
            chart = self._lay_out()
        except LayoutStopped:
            chart = None
        except GenrelabError as error:
            chart = Chart("failed", _packed(_empty("failed", problem=unicode(str(error)))))
        except BaseException:
            chart = Chart("failed", _packed(_empty("failed", problem="the map could not be laid out")))
            raise
        finally:
            now = time.monotonic()
            with self._changed:
                self._thread = None
                if chart is not None:
                    self._made = _Made(chart, version, now, now - start)

    def ready(self) -> Chart | None:
        """Return the map that was made last, for questions about its points; None if there is none."""
        with self._changed:
            made = self._made
        return made.chart if made is not None and made.chart.state == "ready" else None

    def _lay_out(self) -> Chart:
        listing = self._catalogue.listing
        with Library(self._path, must_write=False) as library:  # its own: scans take seconds
            models = count_models(library)
            model = models[0].model if models else ""
            wanted = Wanted(model, folders=tuple(listing.roots))
            layout = lay_out_library(library, wanted, progress=self._note)
        tracks = layout.tracks
        body = _packed(_columns(layout, model)) if len(tracks) <= MOST_IN_JSON else None
        facts = {"state": "ready", "model": unicode(model), "sampled": layout.sampled, "kept": layout.kept}
        data = pack(_printable(tracks), layout.places, facts)
        return Chart("ready", body, gzip.compress(data, _LEVEL, mtime=0), tracks.paths)

    def _note(self, share: float) -> bool:
        self._share = share
        return not self._closed


def _is_due(made: _Made | None, now: float) -> bool:
    """Whether another layout may begin."""
    if made is None:
        return True
    if made.chart.state == "failed":
        return now > made.ended + _RETRY_SECONDS
    return made.seconds < _SOON_SECONDS or now > made.ended + _PATIENCE * made.seconds


def _printable(tracks: TrackColumns) -> TrackColumns:
    return replace(tracks, genres=tuple(unicode(genre) for genre in tracks.genres))


def _columns(layout: Layout, model: str) -> dict[str, Any]:
    tracks = layout.tracks
    places = np.round(layout.places.astype(np.float64), _DIGITS)
    return {
        **_empty("ready", model=unicode(model), sampled=layout.sampled),
        "ids": [track_id.encode(path) for path in tracks.paths],
        "x": places[:, 0].tolist(),
        "y": places[:, 1].tolist(),
        "genre": tracks.genre.tolist(),
        "genres": [unicode(genre) for genre in tracks.genres],
        "confidence": np.round(tracks.confidence.astype(np.float64), 3).tolist(),
        "names": [path_text(os.path.basename(path)) for path in tracks.paths],
    }


def _empty(state: State, **more: object) -> dict[str, Any]:
    columns: dict[str, Sequence[object]] = dict.fromkeys(
        ("ids", "x", "y", "genre", "genres", "confidence", "names"), ()
    )
    return {"state": state, "progress": 1.0 if state == "ready" else 0.0, **more, **columns}


def _packed(content: dict[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), _LEVEL, mtime=0)
