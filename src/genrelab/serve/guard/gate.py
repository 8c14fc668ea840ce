"""The gate: every request passes its checks before a route sees it. Pure ASGI, so nothing is buffered."""

from __future__ import annotations

import math

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genrelab.serve.endpoint import PREFIX
from genrelab.serve.guard.access import Access, bearer
from genrelab.serve.guard.hosts import Hosts
from genrelab.serve.guard.limits import MEBIBYTE, Limits
from genrelab.serve.guard.rates import Rates
from genrelab.serve.problem import RequestError, error_response

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
SESSION = f"{PREFIX}/session"
_OPEN = frozenset({("GET", f"{PREFIX}/health"), ("POST", SESSION), ("DELETE", SESSION)})
_LOG_IN = "send it as Authorization: Bearer TOKEN, or log in on the page"
_CHALLENGE = {"www-authenticate": 'Bearer realm="genrelab"'}
_UPLOAD = "multipart/form-data"
_POLICY_VIOLATION = 1008  # of a WebSocket


class Gate:
    """Check the host, the origin, the rate, the token and the size of requests, as ASGI middleware.

    Parameters
    ----------
    app : ASGI application
    hosts : Hosts
    access : Access
    limits : Limits
    most_upload : int
        Bytes of a body of the type multipart/form-data.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, access: Access, limits: Limits, most_upload: int) -> None:
        self._app, self._hosts, self._access, self._limits = app, hosts, access, limits
        self._most_upload = most_upload + MEBIBYTE  # the names and separators of its parts
        self._rates = Rates(limits.burst, limits.rate, limits.clients)
        self._busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        try:
            self._check(scope, headers)
            if self._busy >= self._limits.requests:
                raise RequestError(
                    "too many requests are in progress",
                    code="server-busy",
                    status=503,
                    remedy="try again later",
                    headers={"retry-after": "1"},
                )
        except RequestError as error:
            await _refuse(error, scope, receive, send)
            return
        self._busy += 1
        try:
            if scope["type"] == "http":
                receive = self._bounded(headers, receive)
                if scope["path"] == SESSION:
                    send = self._counting_wrong_tokens(scope, send)
            await self._app(scope, receive, send)
        finally:
            self._busy -= 1

    def _check(self, scope: Scope, headers: Headers) -> None:
        self._check_rate(scope)
        named = headers.getlist("host")
        host = named[0] if len(named) == 1 else ""
        if not self._hosts.knows(host):
            raise RequestError(
                "this server does not go by the name in the header Host",
                code="host-unknown",
                status=421,
                remedy="start the server with --name HOSTNAME, or use its address",
            )
        method = scope.get("method", "")
        if method not in _SAFE or scope["path"].startswith("/api/"):
            self._check_origin(headers, host)
        if not self._access.is_open and not _is_open(method, scope["path"]):
            self._check_token(scope, headers)

    def _check_origin(self, headers: Headers, host: str) -> None:
        site = headers.get("sec-fetch-site")
        if self._hosts.is_foreign(headers.get("origin"), site, host):
            raise RequestError(
                "a page of another site may not use this server",
                code="origin-foreign",
                status=403,
                remedy="open the server's own page; behind a reverse proxy start it with --name HOSTNAME",
            )

    def _check_rate(self, scope: Scope) -> None:
        seconds = self._rates.wait(_client(scope))
        if seconds:
            raise RequestError(
                "this client sends too many requests, or wrong tokens",
                code="rate-limit",
                status=429,
                remedy="try again later",
                headers={"retry-after": str(math.ceil(seconds))},
            )

    def _check_token(self, scope: Scope, headers: Headers) -> None:
        given = bearer(headers.get("authorization"))
        if given is not None:
            if self._access.is_right(given):
                return
            self._rates.wait(_client(scope), self._limits.wrong_token)
            raise RequestError(
                "the token is wrong", code="token-wrong", status=401, remedy=_LOG_IN, headers=_CHALLENGE
            )
        if not self._access.has_session(headers.get("cookie")):
            raise RequestError(
                "this server needs a token",
                code="token-missing",
                status=401,
                remedy=_LOG_IN,
                headers=_CHALLENGE,
            )

    def _counting_wrong_tokens(self, scope: Scope, send: Send) -> Send:
        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 401:
                self._rates.wait(_client(scope), self._limits.wrong_token)
            await send(message)

        return watched

    def _bounded(self, headers: Headers, receive: Receive) -> Receive:
        """Return a `receive` that refuses a body that is too long, also one of unknown length."""
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        upload = kind == _UPLOAD
        most = self._most_upload if upload else self._limits.body
        length = headers.get("content-length", "")
        total = int(length[:20]) if length.isdecimal() else 0
        received = 0

        async def bounded() -> Message:
            nonlocal received
            if total <= most:
                message = await receive()
                received += len(message.get("body", b""))
            if max(total, received) > most:
                raise _upload_too_large(most) if upload else _too_long(most)
            return message

        return bounded


def _is_open(method: str, path: str) -> bool:
    """Whether a request needs no token: the page, which asks for the token, and whether the server works."""
    if (method, path) in _OPEN or (method == "HEAD" and ("GET", path) in _OPEN):
        return True
    return method in _SAFE and (path in ("/", "/favicon.ico") or path.startswith("/static/"))


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _too_long(most: int) -> RequestError:
    return RequestError(
        f"the body of this request has more than {most} bytes",
        code="body-too-long",
        status=413,
        remedy="send less at once",
    )


def _upload_too_large(most: int) -> RequestError:
    return RequestError(
        f"an upload may have {most} bytes",
        code="upload-too-large",
        status=413,
        remedy="send fewer files at once, or start the server with a larger --max-upload",
    )


async def _refuse(error: RequestError, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    await error_response(error)(scope, receive, send)
