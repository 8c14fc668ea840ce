"""How much of everything a server admits."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Limits:
    """How much of everything a server admits.

    Attributes
    ----------
    connections : int
        Open at once. A further one takes the place of the one that waits longest without a request.
    header_seconds : float
        Until the headers of a request are complete.
    body_seconds, body_bytes : float, int
        In each span of so many seconds, a body must bring so many bytes, unless the server itself pauses it.
    request_seconds : float
        Until the body of a request is complete.
    linger_seconds : float
        How long the rest of a refused body is read and dropped, so that the client sees the refusal.
    write_seconds : float
        How long a client may take nothing of a response.
    keep_alive_seconds : int
        How long an idle connection stays open.
    header_bytes : int
        Of the line and the headers of a request.
    body : int
        Bytes of a body other than an upload.
    requests : int
        In progress at once.
    burst, rate : float
        Requests that a client may make at once, and per second.
    wrong_token : float
        How many requests a wrong token counts for.
    clients : int
        Whose requests are counted; the one seen longest ago is forgotten first.
    sessions : int
        At once; the oldest ends first.
    session_seconds : float
    """

    connections: int = 512
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    body_bytes: int = 10_000
    request_seconds: float = 3600.0
    linger_seconds: float = 5.0
    write_seconds: float = 120.0
    keep_alive_seconds: int = 30
    header_bytes: int = 32 * 1024
    body: int = MEBIBYTE
    requests: int = 300
    burst: float = 5000.0
    rate: float = 500.0
    wrong_token: float = 500.0
    clients: int = 4096
    sessions: int = 1000
    session_seconds: float = 7 * 86400.0
