"""Whether the server works."""

from __future__ import annotations

import genrelab
from genrelab.serve.endpoint import Answer, Call, Endpoint


class Health(Answer):
    """State of the server.

    Attributes
    ----------
    status : str
        `ok`.
    version : str
        Of genrelab.
    writes : bool
        Whether requests may change files.
    needs_token : bool
        Whether other requests need the token, or a session.
    """

    status: str
    version: str
    writes: bool
    needs_token: bool


def health(call: Call) -> Health:
    """Return the state of the server."""
    server = call.server
    return Health(
        status="ok",
        version=genrelab.__version__,
        writes=server.settings.allow_write,
        needs_token=not server.access.is_open,
    )


ENDPOINTS = [Endpoint("GET", "/health", health, "Say whether the server works.", "server", answer=Health)]
