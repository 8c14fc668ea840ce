"""The map of the library."""

from __future__ import annotations

import gzip
import time
import zlib
from typing import Annotated, Literal

import anyio
from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from genrelab.serve.endpoint import Answer, Endpoint, Query, read_query
from genrelab.serve.server import Server
from genrelab.serve.sound.ranges import has_tag
from genrelab.serve.tracks.chart import Chart, Charts

_STEP_SECONDS = 0.1


class MapQuery(Query):
    """How long to wait.

    Attributes
    ----------
    wait : float
        Seconds that the request waits for a map that is being laid out.
    """

    wait: Annotated[float, Field(ge=0, le=60)] = 20.0


class LibraryMap(Answer):
    """The tracks of the library as points: tracks that sound alike lie close together. One item per track.

    Attributes
    ----------
    state : str
        `ready`; `computing` (with status 202 and empty columns: ask again) or `failed`.
    progress : float
        Share of the layout that is done.
    problem : str or None
        Why it failed.
    model : str or None
        The model of the embeddings: the one with most tracks. Those of others are not on the map.
    sampled : bool
        Whether the library was laid out around a sample, since it is large.
    ids, names : list of str
    x, y : list of float
        From 0 to 1; y grows upwards.
    genre : list of int
        Index in `genres`.
    genres : list of str
        `unsure`, if present, is the last.
    confidence : list of float
    """

    state: Literal["ready", "computing", "failed"]
    progress: float
    problem: str | None = None
    model: str | None = None
    sampled: bool = False
    ids: list[str]
    x: list[float]
    y: list[float]
    genre: list[int]
    genres: list[str]
    confidence: list[float]
    names: list[str]


async def library_map(server: Server, request: Request) -> Response:
    """Return the map, or how far it is."""
    asked = read_query(MapQuery, request) or MapQuery()
    charts = await to_thread.run_sync(server.part, Charts, limiter=server.threads)
    end = time.monotonic() + asked.wait
    while True:
        chart: Chart = await to_thread.run_sync(charts.get, limiter=server.threads)
        if chart.state != "computing" or time.monotonic() > end:
            return await _response(chart, request)
        await anyio.sleep(_STEP_SECONDS)


async def _response(chart: Chart, request: Request) -> Response:
    status = 202 if chart.state == "computing" else 200
    tag = f'"{zlib.crc32(chart.body):08x}-{len(chart.body):x}"'
    headers = {"Vary": "Accept-Encoding", "ETag": tag, "Cache-Control": "private, no-cache"}
    if chart.stale:
        headers["X-Stale"] = "1"  # the library has changed; another map is being laid out
    if status == 200 and has_tag(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    body = chart.body
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
    else:
        body = await to_thread.run_sync(gzip.decompress, body)
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def _takes_gzip(header: str) -> bool:
    for part in header.lower().split(","):
        name, _, quality = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


ENDPOINTS = [
    Endpoint(
        "GET",
        "/map",
        library_map,
        "Return the map of the library, in columns.",
        "library",
        answer=LibraryMap,
        query=MapQuery,
        raw=True,
    )
]
