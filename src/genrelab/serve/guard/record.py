"""The outermost layer: headers of safety on every response, the log of requests, and their figures."""

from __future__ import annotations

import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrelab.printing import plain, shorten
from genrelab.serve.describe.metrics import Metrics
from genrelab.serve.endpoint import ROUTE
from genrelab.serve.guard.headers import with_security
from genrelab.serve.guard.log import ACCESS

_GONE = 499  # the client closed the connection before the response began
_STARTS = ("http.response.start", "websocket.http.response.start")


class Record:
    """Add headers to responses, and log and count requests, as ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    metrics : Metrics
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        began, status, first, size = time.perf_counter(), _GONE, None, 0

        async def record(message: Message) -> None:
            nonlocal status, first, size
            if message["type"] in _STARTS:
                status, first = message["status"], time.perf_counter()
                message = {**message, "headers": with_security(message.get("headers", ()))}
            elif message["type"] == "websocket.accept":
                status, first = 101, time.perf_counter()
            elif message["type"] == "websocket.close" and first is None:
                status = 403
            size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, record)
        finally:
            ended = time.perf_counter()
            method = scope.get("method", "WEBSOCKET")
            self._metrics.count(method, scope.get(ROUTE), status, (first or ended) - began)
            ACCESS.info(_line(scope, method, status, size, ended - began))


def _line(scope: Scope, method: str, status: int, size: int, seconds: float) -> str:
    """Return the line of the log: without the query, which may tell what people look for."""
    client: Any = scope.get("client")
    who = plain(str(client[0])) if client else "-"
    path = plain(shorten(scope["path"])).replace(" ", "\\x20")
    return f"{who} {plain(shorten(method, 20))} {path} {status} {size} {1000 * seconds:.0f}ms"
