"""Figures of the server for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from genrelab.serve.endpoint import Endpoint
from genrelab.serve.metrics import MEDIA_TYPE, Metric
from genrelab.serve.server import Server


async def metrics(server: Server, _: Request) -> Response:
    """Return all figures as text."""
    text = await to_thread.run_sync(_text, server, limiter=server.threads)
    return Response(text, media_type=MEDIA_TYPE)


def _text(server: Server) -> str:
    extra = tuple(_of_library(server))
    return server.metrics.text(extra)


def _of_library(server: Server) -> Iterable[Metric]:
    yield Metric("library_tracks", "Tracks in the library.", (({}, float(server.library.tracks.count())),))


ENDPOINTS = [
    Endpoint(
        "GET",
        "/metrics",
        metrics,
        "Return figures of the server in the text format of Prometheus.",
        "server",
        raw=True,
        media_type="text/plain",
    )
]
