"""Playlists: look at one, download it, write it under a root."""

from __future__ import annotations

import io
import os
from pathlib import Path
from urllib.parse import quote

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from genrelab.library.playlists.files import MEDIA_TYPES, write_playlist
from genrelab.library.playlists.rules import Playlist
from genrelab.serve.curate.playlist_request import PlaylistBody, PlaylistQuery, Wanted
from genrelab.serve.curate.playlists import Playlists, file_name, items_of
from genrelab.serve.endpoint import Answer, Call, Endpoint, read_body, read_query
from genrelab.serve.server import Server


class PlaylistItem(Answer):
    """A track of a playlist.

    Attributes
    ----------
    id, path, name : str
    title, artist, album : str or None
        From the tags of the file, as far as they could be read soon.
    genre : str or None
        None if it is unsure.
    confidence : float
    duration : float or None
        In seconds.
    similarity : float or None
        With the seeds or, on a path, with the track before.
    """

    id: str
    path: str
    name: str
    title: str | None = None
    artist: str | None = None
    album: str | None = None
    genre: str | None
    confidence: float
    duration: float | None
    similarity: float | None


class OmittedTracks(Answer):
    """Number of tracks that were left out.

    Attributes
    ----------
    vanished : int
        Files that no longer exist.
    copies : int
    crowded : int
        Tracks whose artist has enough others.
    unexamined : int
        Tracks after too many others.
    """

    vanished: int
    copies: int
    crowded: int
    unexamined: int


class PlaylistPreview(Answer):
    """A playlist.

    Attributes
    ----------
    items : list of PlaylistItem
        In playing order.
    total : int
    offset : int
    omitted : OmittedTracks
    """

    items: list[PlaylistItem]
    total: int
    offset: int = 0
    omitted: OmittedTracks


class SkippedTrack(Answer):
    """A track that such a playlist cannot have.

    Attributes
    ----------
    path, reason : str
    """

    path: str
    reason: str


class SavedPlaylist(Answer):
    """A playlist that was written.

    Attributes
    ----------
    path : str
    written : int
        Number of tracks.
    skipped : list of SkippedTrack
    omitted : OmittedTracks
    """

    path: str
    written: int
    skipped: list[SkippedTrack]
    omitted: OmittedTracks


def preview(call: Call) -> PlaylistPreview:
    """Return the tracks of a playlist."""
    wanted: PlaylistBody = call.body
    found = call.server.part(Playlists).make(wanted, to_track=wanted.to_track or wanted.to)
    items = [PlaylistItem(**each) for each in items_of(call.server, found.items)]
    return PlaylistPreview(items=items, total=len(items), omitted=_omitted(found))


def save(call: Call) -> SavedPlaylist:
    """Write a playlist."""
    wanted: PlaylistBody = call.body
    playlists = call.server.part(Playlists)
    found = playlists.make(wanted, to_track=wanted.to_track)
    path, skipped = playlists.save(found, wanted, overwrite=wanted.overwrite)
    return SavedPlaylist(
        path=os.fsencode(path).decode("utf-8", "backslashreplace"),
        written=len(found.items) - len(skipped),
        skipped=[SkippedTrack(**each) for each in skipped],
        omitted=_omitted(found),
    )


async def download(server: Server, request: Request) -> Response:
    """Return a playlist as a file."""
    wanted = await read_body(PlaylistBody, request)
    return await to_thread.run_sync(_file, server, wanted, limiter=server.threads)


async def download_by_address(server: Server, request: Request) -> Response:
    """Return a playlist as a file, for players that know only an address."""
    wanted = read_query(PlaylistQuery, request)
    return await to_thread.run_sync(_file, server, wanted, limiter=server.threads)


def _file(server: Server, wanted: Wanted) -> Response:
    found = server.part(Playlists).make(wanted, to_track=wanted.to_track or wanted.to)
    out = io.BytesIO()
    write_playlist(
        found.items,
        out,
        wanted.format,
        folder=_base(server, found) if wanted.absolute is False else None,
        title=wanted.name,
    )
    name = quote(f"{file_name(wanted.name)}.{wanted.format}", safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
    }
    return Response(out.getvalue(), headers=headers, media_type=MEDIA_TYPES[wanted.format])


def _base(server: Server, found: Playlist) -> Path | None:
    """Return the root of the first track, to which its paths are relative."""
    first = next((item.path for item in found.items), None)
    folders = server.roots.folders
    return next((each for each in folders if first is not None and first.is_relative_to(each)), None)


def _omitted(found: Playlist) -> OmittedTracks:
    left = found.omitted
    return OmittedTracks(
        vanished=left.vanished, copies=left.copies, crowded=left.crowded, unexamined=left.unexamined
    )


_EXAMPLE = {"kind": "genre", "genres": ["jazz"], "length": 25, "max_per_artist": 2}
_MEDIA = "application/vnd.apple.mpegurl"

ENDPOINTS = [
    Endpoint(
        "POST",
        "/playlists/preview",
        preview,
        "Return the tracks of a playlist.",
        "playlists",
        answer=PlaylistPreview,
        body=PlaylistBody,
        example=_EXAMPLE,
    ),
    Endpoint(
        "POST",
        "/playlists",
        save,
        "Write a playlist to a file under a root.",
        "playlists",
        answer=SavedPlaylist,
        body=PlaylistBody,
        status=201,
        writes=True,
        description=(
            "`to` is a file or folder under a root; without it, the file `name` in the first root is "
            "written. The last track of a path is `to_track` here. An existing file is replaced only with "
            "`overwrite`, and only if it is a playlist by its name."
        ),
        example={**_EXAMPLE, "name": "Jazz", "to": "playlists"},
    ),
    Endpoint(
        "POST",
        "/playlists/download",
        download,
        "Return a playlist as a file.",
        "playlists",
        body=PlaylistBody,
        raw=True,
        media_type=_MEDIA,
        example=_EXAMPLE,
    ),
    Endpoint(
        "GET",
        "/playlists/download",
        download_by_address,
        "Return a playlist as a file, for players that know only an address.",
        "playlists",
        query=PlaylistQuery,
        raw=True,
        media_type=_MEDIA,
    ),
]
