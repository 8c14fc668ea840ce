"""The web application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module

from anyio import to_thread
from starlette.applications import Starlette

from genrelab.serve.endpoint import Endpoint
from genrelab.serve.page import page_routes
from genrelab.serve.server import Server
from genrelab.serve.settings import ServeSettings

_ROUTES = ("health",)  # modules of genrelab.serve.routes
_PARTS: tuple[str, ...] = ()
"""Modules below genrelab.serve with a function `attach(server)`, called before the server starts, which may
append to `server.starters` and `server.closers`."""


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
    for name in _PARTS:
        import_module(f"genrelab.serve.{name}").attach(server)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await to_thread.run_sync(server.start)
            yield
        finally:
            await to_thread.run_sync(server.close)

    routes = [*(each.route(server) for each in endpoints()), *page_routes()]
    app = Starlette(routes=routes, lifespan=lifespan)
    app.state.server = server
    return app
