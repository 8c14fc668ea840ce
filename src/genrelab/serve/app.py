"""The web application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib import import_module
from types import ModuleType

from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp

from genrelab.serve.endpoint import Endpoint
from genrelab.serve.guard.guard import guard
from genrelab.serve.guard.incidents import Incidents
from genrelab.serve.guard.limits import Limits
from genrelab.serve.page import page_routes
from genrelab.serve.problem import Problem, problem_response
from genrelab.serve.server import Server
from genrelab.serve.settings import ServeSettings

_ROUTES = (
    "health",
    "jobs",
    "live",
    "map",
    "metrics",
    "models",
    "openapi",
    "overview",
    "playlists",
    "recognize",
    "review",
    "session",
    "sonic",
    "sound",
    "tags",
    "teach",
    "tracks",
    "watch",
)
"""Modules of genrelab.serve.routes. Each lists `ENDPOINTS`; one with routes of other kinds has a function
`routes(server)` that returns them."""
_PARTS: tuple[str, ...] = ("jobs", "curate", "watching")
"""Modules below genrelab.serve with a function `attach(server)`, called before the server starts, which may
append to `server.starters` and `server.closers`."""

_PROBLEMS = {404: ("there is nothing at this address", "not-found")}
_PROBLEMS[405] = ("this address does not take this method", "method-not-allowed")


def _modules() -> Iterator[ModuleType]:
    for name in _ROUTES:
        yield import_module(f"genrelab.serve.routes.{name}")


def endpoints() -> Iterator[Endpoint]:
    """Yield all routes of the HTTP interface."""
    for module in _modules():
        yield from getattr(module, "ENDPOINTS", ())


def _routes(server: Server) -> Iterator[BaseRoute]:
    for module in _modules():
        yield from (each.route(server) for each in getattr(module, "ENDPOINTS", ()))
        further = getattr(module, "routes", None)
        if further is not None:
            yield from further(server)


def create_app(settings: ServeSettings, limits: Limits | None = None) -> Starlette:
    """Return the routes alone, with their server as `app.state.server`. `guarded_app` returns what is served.

    Raises
    ------
    LibraryError
        If the library cannot be opened.
    """
    server = Server(settings, limits)
    for name in _PARTS:
        import_module(f"genrelab.serve.{name}").attach(server)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            await to_thread.run_sync(server.start)
            yield
        finally:
            await to_thread.run_sync(server.close)

    app = Starlette(
        routes=[*_routes(server), *page_routes()],
        lifespan=lifespan,
        middleware=[Middleware(Incidents)],
        exception_handlers={HTTPException: _problem},
    )
    app.router.redirect_slashes = False
    app.state.server = server
    return app


def guarded_app(settings: ServeSettings, limits: Limits | None = None) -> tuple[ASGIApp, Server]:
    """Return the application as it is served, with all checks of requests, and its server.

    Raises
    ------
    LibraryError
        If the library cannot be opened.
    """
    app = create_app(settings, limits)
    server: Server = app.state.server
    return guard(app, server), server


async def _problem(request: Request, error: Exception) -> Response:
    """Describe a request for which there is no route."""
    assert isinstance(error, HTTPException)
    title, code = _PROBLEMS.get(error.status_code, (error.detail, f"http-{error.status_code}"))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request)))
    return problem_response(Problem(title=title, status=error.status_code, code=code), headers)


def _methods(request: Request) -> set[str]:
    """Return what methods all routes at this address take together."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return found
