"""The web application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module

from starlette.applications import Starlette

from genrelab.serve.endpoint import Endpoint
from genrelab.serve.page import page_routes
from genrelab.serve.server import Server
from genrelab.serve.settings import ServeSettings

_ROUTES = ("health",)  # modules of genrelab.serve.routes


def endpoints() -> Iterator[Endpoint]:
    """Yield all routes of the HTTP interface."""
    for name in _ROUTES:
        yield from import_module(f"genrelab.serve.routes.{name}").ENDPOINTS


def create_app(settings: ServeSettings) -> Starlette:
    """Return the application, with its server as `app.state.server`.

    Raises
    ------
    LibraryError
        If the library cannot be opened.
    """
    server = Server(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            server.close()

    routes = [*(each.route(server) for each in endpoints()), *page_routes()]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.server = server
    return app
