"""The description of the HTTP interface for programs."""

from __future__ import annotations

from functools import lru_cache

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from genrelab.printing import json_text
from genrelab.serve.endpoint import Endpoint
from genrelab.serve.server import Server


async def document(server: Server, _: Request) -> Response:
    """Return the OpenAPI document."""
    access = server.access
    text = await to_thread.run_sync(_text, not access.is_open, access.cookie, limiter=server.threads)
    return Response(text, media_type="application/json")


@lru_cache(maxsize=4)
def _text(needs_token: bool, cookie: str) -> str:
    from genrelab.serve.app import endpoints  # which lists this route too
    from genrelab.serve.describe.openapi import openapi

    return json_text(openapi(endpoints(), needs_token=needs_token, cookie=cookie))


ENDPOINTS = [
    Endpoint(
        "GET", "/openapi.json", document, "Return the OpenAPI document of this interface.", "server", raw=True
    )
]
