"""Figures of the server for Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

import genrelab
from genrelab.recognize.recognition import UNSURE
from genrelab.serve.describe.metrics import MEDIA_TYPE, Metric
from genrelab.serve.endpoint import Endpoint
from genrelab.serve.server import Server


async def metrics(server: Server, _: Request) -> Response:
    """Return all figures as text."""
    text = await to_thread.run_sync(_text, server, limiter=server.threads)
    return Response(text, media_type=MEDIA_TYPE)


def _text(server: Server) -> str:
    return server.metrics.text(_of_library(server))


def _of_library(server: Server) -> Iterable[Metric]:
    numbers: Counter[str] = Counter()
    for _, genre, number in server.library.tracks.counts():
        kind = "error" if genre == "error" else "unsure" if genre == UNSURE else "genre"
        numbers[kind] += number
    samples = tuple(({"result": kind}, float(numbers[kind])) for kind in ("genre", "unsure", "error"))
    yield Metric("library_tracks", "Tracks in the library, by the kind of their result.", samples)
    yield Metric("info", "The version of genrelab.", (({"version": genrelab.__version__}, 1.0),))


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
