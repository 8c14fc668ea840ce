"""All layers around the routes, in their order."""

from __future__ import annotations

from starlette.types import ASGIApp

from genrelab.serve.guard.gate import Gate
from genrelab.serve.guard.hosts import Hosts
from genrelab.serve.guard.incidents import Incidents
from genrelab.serve.guard.record import Record
from genrelab.serve.server import Server


def guard(app: ASGIApp, server: Server) -> ASGIApp:
    """Return an application with everything that keeps it safe."""
    settings = server.settings
    hosts = Hosts(settings.host, settings.names)
    gate = Gate(app, hosts, server.access, server.limits, settings.most_upload)
    return Record(Incidents(gate), server.metrics)
