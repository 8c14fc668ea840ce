"""Similar tracks and paths for players: the functions of the OpenSubsonic extension `sonicSimilarity`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from genrelab.library.explore.playlist import TrackNames
from genrelab.library.playlists.journey import find_path
from genrelab.library.playlists.make import Seed, find_seed, similar_to
from genrelab.library.playlists.rules import Item, Rules
from genrelab.library.store.file_snapshot import real_path
from genrelab.serve import track_id
from genrelab.serve.curate.chosen import clean, described, names_of, path_of
from genrelab.serve.curate.playlists import Playlists
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server


def similar_matches(server: Server, seed: Seed, count: int) -> list[dict[str, Any]]:
    """Return the tracks that sound most like one, with their similarity to it."""
    playlists = server.part(Playlists)
    with playlists.room():
        found = similar_to(server.library, [seed], playlists.scope(), Rules(count))
    return _matches(server, [(item, item.similarity or 0.0) for item in found.items])


def path_matches(server: Server, start: Seed, end: Seed, count: int) -> list[dict[str, Any]]:
    """Return a path between two tracks, both included, with the similarity to its start."""
    playlists = server.part(Playlists)
    with playlists.room():
        found = find_path(server.library, start, end, playlists.scope(), Rules(max(2, count)))
    return _matches(server, [(item, item.to_start or 0.0) for item in found.items])


def seed_of(server: Server, name: str | None, path: str | None, what: str) -> Seed:
    """Return a track that is named by its id or by its path.

    Parameters
    ----------
    server : Server
    name : str or None
        The id.
    path : str or None
        Absolute, or relative to a root, as media servers report it.
    what : str
        What it is called in the request.

    Raises
    ------
    RequestError
        If none or both are given, the track is unknown, or the path is not under a root.
    UsageError
        If the track is silent.
    """
    if (name is None) == (path is None):
        message = f"name {what} by its id or by its path: one of them"
        raise RequestError(message, code="sonic-track-unnamed", status=422)
    if name is None:
        name = track_id.encode(real_path(server.roots.resolve(path or "")))
    with server.part(Playlists).room():
        return find_seed(server.library, path_of(server, name))


def _matches(server: Server, items: list[tuple[Item, float]]) -> list[dict[str, Any]]:
    paths = [os.fsencode(item.path) for item, _ in items]
    names = names_of(server, paths)
    return [
        {"song": _song(path, item, names.get(path)), "similarity": round(min(1.0, max(0.0, similarity)), 6)}
        for path, (item, similarity) in zip(paths, items, strict=True)
    ]


def _song(path: bytes, item: Item, names: TrackNames | None) -> dict[str, Any]:
    """Return a track as Navidrome's `SongRef`: what it needs to find the track in its own library."""
    artist, title, album = names or TrackNames()
    about = described(path, None)
    duration = item.duration
    return {
        "name": clean(title) or clean(" ".join(Path(about["name"]).stem.split())),
        "artist": clean(artist),
        "album": clean(album),
        "duration": 0.0 if duration is None else round(duration, 3),
        "durationMs": 0 if duration is None else round(1000 * duration),
        "path": about["path"],
        "genrelabId": about["id"],
    }
