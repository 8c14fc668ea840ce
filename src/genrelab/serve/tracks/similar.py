"""Similar tracks, searched for one request at a time, the last answers kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from anyio import CapacityLimiter, to_thread

from genrelab.library.explore.similar import ReferenceTrack, Similar, find_similar
from genrelab.library.store.file_snapshot import real_path
from genrelab.library.store.listing.listed_track import ListedTrack, path_text
from genrelab.library.store.track_row import DamagedRowError, TrackRow, vector
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue

MOST = 100
"""Most similar tracks of an answer."""

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
        found = listing.kept(f"similar {row.id} {row.path!r}", lambda: self._search(row))
        paths = {track.path: real_path(track.path) for track in found.tracks[:count]}
        tracks = listing.tracks(list(paths.values()))
        neighbours = [
            Neighbour(tracks[paths[each.path]], each.similarity, tuple(map(os.fsencode, each.also)))
            for each in found.tracks[:count]
            if paths[each.path] in tracks
        ]
        return Neighbours(neighbours, tuple(map(os.fsencode, found.same)), found.others)

    def _search(self, row: TrackRow) -> Similar:
        listing = self._catalogue.listing
        path = Path(os.fsdecode(row.path))
        try:
            recognition = row.recognition(path)
            embedding = None if row.embedding is None else vector(row.embedding)
        except DamagedRowError as damage:
            raise RequestError(
                f"the stored result of the track is damaged ({damage})",
                code="track-damaged",
                status=422,
                path=path_text(row.path),
                remedy="recognize the file again",
            ) from damage
        if embedding is None or not embedding.any():
            raise RequestError(
                "the track cannot be compared: it is silent, or could not be recognized",
                code="track-without-embedding",
                status=422,
                path=path_text(row.path),
                remedy="choose another track",
            )
        reference = ReferenceTrack(path, row.sound, recognition, embedding)
        folders = [os.fsdecode(root) for root in listing.roots]
        return find_similar(listing.scanning, reference, count=MOST, folders=folders)
