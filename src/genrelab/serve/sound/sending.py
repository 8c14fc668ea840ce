"""Send the sound of a track: the file or a range of it, or the sound encoded for browsers."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Callable, Generator
from email.utils import formatdate
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from genrelab.audio.playback.media_types import media_type
from genrelab.audio.playback.transcode import Encoding, encoded_type, transcode
from genrelab.errors import AudioError
from genrelab.library.store.listing.listed_track import path_text
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.sound.opened import OpenedTrack
from genrelab.serve.sound.ranges import has_tag, is_current, wanted_range

_PART = 1 << 18  # bytes that are read at once
_READERS = 8
_ENCODERS = 2  # that compute at once
_MOST_ENCODED = 8  # responses with encoded sound at once, most of which wait for their players
_LONGEST_SECONDS = 4 * 3600.0  # of such a response
_BUSY_SECONDS = 5  # after which a refused client may ask again
_CACHING = "private, no-cache"  # browsers keep the file, and ask whether it is still the same


class Sound:
    """Sends sound. One part of the server, which bounds how much is read and encoded at once.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._readers = CapacityLimiter(_READERS)
        self._encoders = CapacityLimiter(_ENCODERS)
        self._encoded = 0

    async def file(self, track: OpenedTrack, request: Request) -> Response:
        """Return the response with the file, or the range of it that the request names.

        Parameters
        ----------
        track : OpenedTrack
            Closed when the response is sent, unless an error is raised.
        request : Request

        Raises
        ------
        RequestError
            If the range is not in the file (416).
        """
        size, tag = track.status.st_size, track.tag
        headers = {
            **_headers(track),
            "Accept-Ranges": "bytes",
            "ETag": tag,
            "Last-Modified": formatdate(track.status.st_mtime, usegmt=True),
        }
        asked = request.headers
        if has_tag(asked.get("if-none-match"), tag):
            track.close()
            return Response(status_code=304, headers=headers)
        wanted = None
        if is_current(asked.get("if-range"), tag, track.status.st_mtime):
            wanted = wanted_range(asked.get("range"), size)
        kind = await to_thread.run_sync(media_type, track.file, limiter=self._readers)
        status, sent = (200, range(size)) if wanted is None else (206, wanted)
        if wanted is not None:
            headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
        headers["Content-Length"] = str(len(sent))
        if request.method == "HEAD":
            track.close()
            return Response(status_code=status, headers=headers, media_type=kind.name)
        parts = self._parts(track, sent)
        return _Closing(parts, track.close, status_code=status, headers=headers, media_type=kind.name)

    async def encoded(self, track: OpenedTrack, encoding: Encoding, request: Request) -> Response:
        """Return the response with the sound in another format; it has no ranges and no known length.

        Parameters
        ----------
        track : OpenedTrack
            Closed when the response is sent, unless an error is raised.
        encoding : Encoding
        request : Request

        Raises
        ------
        RequestError
            If too much sound is being encoded (503).
        AudioError
            If nothing of the file can be decoded.
        """
        headers = {**_headers(track), "Accept-Ranges": "none"}
        kind = encoded_type(encoding)
        if request.method == "HEAD":
            track.close()
            return Response(headers=headers, media_type=kind)
        if self._encoded >= _MOST_ENCODED:
            raise RequestError(
                "the server encodes as much sound as it may",
                code="encoding-busy",
                status=503,
                remedy="try again soon",
                headers={"Retry-After": str(_BUSY_SECONDS)},
            )
        parts = transcode(track.decodable, encoding)
        self._encoded += 1
        try:
            first = await self._next(parts, track)  # errors are raised before the response begins
        except BaseException:
            self._encoded -= 1
            raise

        def end() -> None:
            self._encoded -= 1
            parts.close()
            track.close()

        return _Closing(self._rest(first, parts, track), end, headers=headers, media_type=kind)

    async def _parts(self, track: OpenedTrack, sent: range) -> AsyncGenerator[bytes, None]:
        place = sent.start
        while place < sent.stop:
            count = min(_PART, sent.stop - place)
            part = await to_thread.run_sync(track.read_at, count, place, limiter=self._readers)
            if not part:  # the file has become shorter: the response ends too early, which clients notice
                return
            place += len(part)
            yield part

    async def _rest(
        self, first: bytes | None, parts: Generator[bytes, None, None], track: OpenedTrack
    ) -> AsyncGenerator[bytes, None]:
        end = time.monotonic() + _LONGEST_SECONDS
        part = first
        while part is not None and time.monotonic() < end:
            if part:
                yield part
            part = await self._next(parts, track)

    async def _next(self, parts: Generator[bytes, None, None], track: OpenedTrack) -> bytes | None:
        try:
            return await to_thread.run_sync(next, parts, None, limiter=self._encoders)
        except AudioError as error:
            raise named(error, track) from error


def named(error: AudioError, track: OpenedTrack) -> AudioError:
    """Return an error of a decoder, which read a path of the system, with the path of the track."""
    found = type(error)(str(error).replace(str(track.decodable), path_text(track.path)))
    found.code = error.code
    return found


def _headers(track: OpenedTrack) -> dict[str, str]:
    name = quote(path_text(os.path.basename(track.path)))
    return {
        "Cache-Control": _CACHING,
        "Content-Disposition": f"inline; filename*=UTF-8''{name}",
        "X-Content-Type-Options": "nosniff",
    }


class _Closing(StreamingResponse):
    """A response that closes what it sends, however it ends."""

    def __init__(
        self, content: AsyncGenerator[bytes, None], close: Callable[[], None], **options: object
    ) -> None:
        super().__init__(content, **options)  # type: ignore[arg-type]
        self._close = close
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            try:
                await self._content.aclose()
            finally:
                self._close()
