"""The sound of a track, and the peaks of its waveform."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from genrelab.audio.playback.transcode import Encoding
from genrelab.serve.endpoint import Answer, Endpoint, Query, read_query
from genrelab.serve.server import Server
from genrelab.serve.sound.opened import OpenedTrack
from genrelab.serve.sound.peaks import PeakCache
from genrelab.serve.sound.sending import Sound
from genrelab.serve.tracks.catalogue import Catalogue


class SoundQuery(Query):
    """In which format.

    Attributes
    ----------
    encoding : str or None
        `ogg` (Opus), `mp3` or `flac`, for files that browsers do not play; None means the file as it is.
        Encoded sound has no ranges.
    """

    encoding: Encoding | None = Field(default=None, alias="as")


class PeaksQuery(Query):
    """How many peaks.

    Attributes
    ----------
    points : int
    """

    points: Annotated[int, Field(ge=1, le=4000)] = 1000


class Waveform(Answer):
    """The peaks of a waveform, mixed to mono.

    Attributes
    ----------
    peaks : list of [float, float]
        The lowest and the highest sample of consecutive pieces of equal length, in -1..1; the last piece may
        be shorter.
    """

    peaks: list[list[float]]


async def sound(server: Server, request: Request) -> Response:
    """Send the sound of a track."""
    asked = read_query(SoundQuery, request)
    track = await to_thread.run_sync(_open, server, request.path_params["id"], limiter=server.threads)
    sender = server.part(Sound)
    try:
        if asked is not None and asked.encoding is not None:
            return await sender.encoded(track, asked.encoding, request)
        return await sender.file(track, request)
    except BaseException:
        track.close()
        raise


async def peaks(server: Server, request: Request) -> Response:
    """Return the peaks of a track."""
    asked = read_query(PeaksQuery, request) or PeaksQuery()
    track = await to_thread.run_sync(_open, server, request.path_params["id"], limiter=server.threads)
    with track:
        found = await server.part(PeakCache).find(track, asked.points)
    return Response(Waveform(peaks=found).model_dump_json(), media_type="application/json")


def _open(server: Server, text: str) -> OpenedTrack:
    return OpenedTrack(server.roots, server.part(Catalogue).row(text).path)


ENDPOINTS = [
    Endpoint(
        "GET",
        "/tracks/{id}/audio",
        sound,
        "Send the sound of a track: the file, a range of it, or the sound encoded for browsers.",
        "library",
        query=SoundQuery,
        raw=True,
        media_type="audio/*",
        further=(206,),
    ),
    Endpoint(
        "GET",
        "/tracks/{id}/peaks",
        peaks,
        "Return the peaks of the waveform of a track.",
        "library",
        answer=Waveform,
        query=PeaksQuery,
        raw=True,
    ),
]
