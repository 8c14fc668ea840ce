"""The map of the library."""

from __future__ import annotations

import gzip
import os
import time
import zlib
from typing import Annotated, Literal

import anyio
from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from genrelab.library.store.listing.listed_track import path_text
from genrelab.serve import track_id
from genrelab.serve.endpoint import Answer, Body, Call, Endpoint, Query, read_query
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.sound.ranges import has_tag
from genrelab.serve.tracks.chart import MOST_IN_JSON, Chart, Charts

BINARY = "application/octet-stream"
MOST_POINTS = 5000
"""Points in a question about them."""

_STEP_SECONDS = 0.1


class MapQuery(Query):
    """How long to wait, and the format.

    Attributes
    ----------
    format : str
        `json`, which is refused for more than 100,000 tracks, or `binary`, the format of the page. A map that
        is not ready is always JSON.
    wait : float
        Seconds that the request waits for a map that is being laid out.
    """

    format: Literal["json", "binary"] = "json"
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


class PointsBody(Body):
    """Which points of a map.

    Attributes
    ----------
    map : str
        The `ETag` of the map.
    points : list of int
        Numbers of tracks in the order of paths: the section `row` of the binary format, or the index in the
        columns.
    ids : list of str
        Of tracks whose points are wanted.
    """

    map: Annotated[str, Field(max_length=64)]
    points: Annotated[list[Annotated[int, Field(ge=0)]], Field(max_length=MOST_POINTS)] = []
    ids: Annotated[list[Annotated[str, Field(max_length=16_384)]], Field(max_length=MOST_POINTS)] = []


class Point(Answer):
    """A track and its point: the number in the order of paths."""

    point: int
    id: str
    name: str


class Points(Answer):
    """The points that were asked for; tracks that are not on the map are absent."""

    items: list[Point]


def map_points(call: Call) -> Points:
    """Return the names and ids of points, or the points of tracks."""
    asked: PointsBody = call.body
    chart = call.server.part(Charts).ready()
    if chart is None or asked.map not in (_tag(chart.data), chart.body and _tag(chart.body)):
        raise RequestError(
            "the library has changed since this map was made",
            code="map-changed",
            status=409,
            remedy="load the map again",
        )
    numbers = [point for point in asked.points if point < len(chart.paths)]
    for each in asked.ids:
        try:
            number = chart.number_of(track_id.decode(each))
        except RequestError:
            continue
        if number is not None:
            numbers.append(number)
    return Points(items=[_point(number, chart.paths[number]) for number in numbers])


def _point(number: int, path: bytes) -> Point:
    return Point(point=number, id=track_id.encode(path), name=path_text(os.path.basename(path)))


async def library_map(server: Server, request: Request) -> Response:
    """Return the map, or how far it is."""
    asked = read_query(MapQuery, request) or MapQuery()
    charts = await to_thread.run_sync(server.part, Charts, limiter=server.threads)
    end = time.monotonic() + asked.wait
    while True:
        chart: Chart = await to_thread.run_sync(charts.get, limiter=server.threads)
        if chart.state != "computing" or time.monotonic() > end:
            return await _response(chart, request, is_binary=asked.format == "binary")
        await anyio.sleep(_STEP_SECONDS)


async def _response(chart: Chart, request: Request, *, is_binary: bool) -> Response:
    status = 202 if chart.state == "computing" else 200
    is_binary = is_binary and chart.state == "ready"
    packed = chart.data if is_binary else chart.body
    if packed is None:
        raise RequestError(
            f"the map has {len(chart.paths):,} tracks; JSON has up to {MOST_IN_JSON:,}",
            code="map-too-large-for-json",
            status=422,
            remedy="ask for format=binary",
        )
    headers = {"Vary": "Accept-Encoding", "ETag": _tag(packed), "Cache-Control": "private, no-cache"}
    if chart.stale:
        headers["X-Stale"] = "1"  # the library has changed; another map is being laid out
    if status == 200 and has_tag(request.headers.get("if-none-match"), headers["ETag"]):
        return Response(status_code=304, headers=headers)
    body = packed
    if _takes_gzip(request.headers.get("accept-encoding", "")):
        headers["Content-Encoding"] = "gzip"
    else:
        body = await to_thread.run_sync(gzip.decompress, body)
    kind = BINARY if is_binary else "application/json"
    return Response(body, status_code=status, headers=headers, media_type=kind)


def _tag(packed: bytes) -> str:
    return f'"{zlib.crc32(packed):08x}-{len(packed):x}"'


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
    ),
    Endpoint(
        "POST",
        "/map/points",
        map_points,
        "Return names and ids of points of the map, or the points of tracks.",
        "library",
        answer=Points,
        body=PointsBody,
    ),
]
