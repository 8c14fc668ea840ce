"""The description of the HTTP interface for programs."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from genrelab.printing import json_text
from genrelab.serve.endpoint import Endpoint
from genrelab.serve.server import Server


async def document(server: Server, _: Request) -> Response:
    """Return the OpenAPI document."""
    text = await to_thread.run_sync(_text, server, limiter=server.threads)
    return Response(text, media_type="application/json")


def _text(server: Server) -> str:
    from genrelab.serve.app import endpoints  # which lists this route too
    from genrelab.serve.describe.openapi import openapi

    access = server.access
    return json_text(openapi(endpoints(), needs_token=not access.is_open, cookie=access.cookie))


ENDPOINTS = [
    Endpoint(
        "GET", "/openapi.json", document, "Return the OpenAPI document of this interface.", "server", raw=True
    )
]
