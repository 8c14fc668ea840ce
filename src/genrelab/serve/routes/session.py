"""Log in and out: the page trades the token for a cookie that scripts cannot read."""

from __future__ import annotations

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from genrelab.serve.endpoint import Body, Endpoint, read_body
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server


class Login(Body):
    """The token of the server.

    Attributes
    ----------
    token : str
    """

    token: str = Field(max_length=1000, repr=False)


async def log_in(server: Server, request: Request) -> Response:
    """Open a session; the cookie holds a random value, not the token."""
    login = await read_body(Login, request)
    response = Response(status_code=204)
    if server.access.is_open:
        return response
    if not server.access.is_right(login.token):
        raise RequestError(
            "the token is wrong",
            code="token-wrong",
            status=401,
            remedy="it is in the file that --token-file names",
        )
    response.set_cookie(
        server.access.cookie,
        server.access.open_session(),
        max_age=int(server.limits.session_seconds),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


async def log_out(server: Server, request: Request) -> Response:
    """End the session: its cookie is worth nothing then."""
    server.access.close_session(request.headers.get("cookie"))
    response = Response(status_code=204)
    response.delete_cookie(server.access.cookie, httponly=True, samesite="strict")
    return response


ENDPOINTS = [
    Endpoint(
        "POST",
        "/session",
        log_in,
        "Log in with the token; the response sets a cookie.",
        "server",
        body=Login,
        raw=True,
        consumes=("application/json",),
        status=204,
        example={"token": "the content of the token file"},
    ),
    Endpoint("DELETE", "/session", log_out, "Log out.", "server", raw=True, status=204),
]
