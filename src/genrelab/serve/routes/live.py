"""The genre of live audio, such as that of a microphone."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket

from genrelab.serve.endpoint import PREFIX
from genrelab.serve.live.socket import Live
from genrelab.serve.server import Server


def routes(server: Server) -> Iterator[BaseRoute]:
    """Yield the WebSocket of live audio."""
    live = server.part(Live)

    async def serve(socket: WebSocket) -> None:
        await live.serve(socket)

    yield WebSocketRoute(f"{PREFIX}/live", serve)
