"""Similar tracks, searched for one request at a time."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from anyio import CapacityLimiter, to_thread

from genrelab.library.explore.embeddings import share_embedding
from genrelab.library.explore.nearest import Near, Nearest, with_folders
from genrelab.library.store.listing.listed_track import ListedTrack, path_text
from genrelab.library.store.track_row import DamagedRowError, TrackRow, is_path, vector
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue

MOST = 100
"""Most similar tracks of an answer."""

_MOST_COPIES = 100  # of a recording that are named
_MOST_EXAMINED = 4096  # tracks whose files are looked for
_MOST_WAITING = 16  # requests
_BUSY_SECONDS = 5


class Neighbour(NamedTuple):
    """A similar track: its similarity, from -1 to 1, and other paths of the same recording."""

    track: ListedTrack
    similarity: float
    also: tuple[bytes, ...]


class Neighbours(NamedTuple):
    """Similar tracks, other paths of the same recording, and tracks of models that cannot be compared."""

    tracks: list[Neighbour]
    same: tuple[bytes, ...]
    others: int


class SimilarTracks:
    """Finds similar tracks. One part of the server.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._catalogue = server.part(Catalogue)
        self._one = CapacityLimiter(1)

    async def find(self, row: TrackRow, count: int) -> Neighbours:
        """Find the tracks with the highest cosine similarity of embeddings.

        Parameters
        ----------
        row : TrackRow
            From `Catalogue.row`.
        count : int
            From 1 to 100.

        Raises
        ------
        RequestError
            If the track has no embedding (422), or too many requests wait (503).
        """
        if self._one.statistics().tasks_waiting >= _MOST_WAITING:
            raise RequestError(
                "too many requests look for similar tracks",
                code="similar-busy",
                status=503,
                remedy="try again soon",
                headers={"Retry-After": str(_BUSY_SECONDS)},
            )
        return await to_thread.run_sync(self._find, row, count, limiter=self._one)

    def _find(self, row: TrackRow, count: int) -> Neighbours:
        listing = self._catalogue.listing
        embedding = _embedding(row)
        found = self._nearest(row, embedding, count)
        tracks = listing.tracks([near.track.path for near in found])
        neighbours = [
            Neighbour(tracks[track.path], similarity, self._copies(track.sound, track.path))
            for track, similarity in found
            if track.path in tracks
        ]
        models = self._catalogue.statistics().models
        others = sum(count for model, count in models.items() if not share_embedding(model, row.model))
        return Neighbours(neighbours, self._copies(row.sound, row.path), others)

    def _nearest(self, row: TrackRow, embedding: npt.NDArray[np.float32], count: int) -> list[Near]:
        """Return the most similar tracks under the roots whose files are there, one per recording."""
        listing = self._catalogue.listing
        wanted = (embedding / np.linalg.norm(embedding)).astype(np.float32)[None]
        nearest = Nearest(listing.scanning, row.model, wanted, with_folders(None, listing.roots))
        found: list[Near] = []
        seen = {row.sound}
        for near in islice(nearest.ranked(), _MOST_EXAMINED):
            if near.track.sound in seen or not os.path.isfile(near.track.path):
                continue
            seen.add(near.track.sound)
            found.append(near)
            if len(found) == count:
                break
        return found

    def _copies(self, sound: bytes, path: bytes) -> tuple[bytes, ...]:
        """Return other paths of the same recording."""
        listing = self._catalogue.listing
        rows = listing.library.database.rows(
            "SELECT path FROM tracks WHERE sound = ? AND path != ? ORDER BY path LIMIT ?",
            (sound, path, _MOST_COPIES),
        )
        return tuple(copy for (copy,) in rows if is_path(copy) and listing.holds(copy))


def _embedding(row: TrackRow) -> npt.NDArray[np.float32]:
    """Return the embedding of a track.

    Raises
    ------
    RequestError
        If it has none.
    """
    embedding = None
    with suppress(DamagedRowError):
        embedding = None if row.embedding is None else vector(row.embedding)
    if embedding is None or not embedding.any() or not isinstance(row.model, str):
        raise RequestError(
            "the track cannot be compared: it is silent, damaged, or could not be recognized",
            code="track-without-embedding",
            status=422,
            path=path_text(row.path),
            remedy="choose another track, or recognize it again",
        )
    return embedding
