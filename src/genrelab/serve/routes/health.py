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
    """

    status: str
    version: str
    writes: bool


def health(call: Call) -> Health:
    """Return the state of the server."""
    return Health(status="ok", version=genrelab.__version__, writes=call.server.settings.allow_write)


ENDPOINTS = [Endpoint("GET", "/health", health, "Say whether the server works.", "server", answer=Health)]
