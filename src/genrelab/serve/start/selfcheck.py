"""Start a server on a free port and check what it promises."""

from __future__ import annotations

import http.client
import json
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from genrelab.errors import GenrelabError
from genrelab.serve.app import endpoints
from genrelab.serve.endpoint import PREFIX
from genrelab.serve.guard.headers import SECURITY_HEADERS
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.address import bind
from genrelab.serve.start.run import Runner

_SECONDS = 20.0
_ESCAPES = (
    "/static/../server.py",
    "/static/..%2fserver.py",
    "/static/%2e%2e/server.py",
    "/static/..%5cserver.py",
    "/static//etc/passwd",
    "/../../etc/passwd",
)
_PATHS_OUTSIDE = ("/etc/passwd", "../../../../etc/passwd", "..\\..\\secret", "C:\\secret", "\0", "~/.ssh")


@dataclass(frozen=True)
class Checked:
    """One promise.

    Attributes
    ----------
    promise : str
    kept : bool or None
        None if it does not apply to these settings.
    detail : str
    """

    promise: str
    kept: bool | None
    detail: str


@dataclass(frozen=True)
class _Response:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of a problem."""
        try:
            return str(json.loads(self.body)["code"])
        except (ValueError, KeyError, TypeError):
            return ""


class _Client:
    """Requests to the server that is checked."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self._token = port, token

    def __call__(
        self, method: str, path: str, *, token: bool = True, body: bytes | None = None, **headers: str
    ) -> _Response:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_SECONDS)
        try:
            connection.putrequest(method, path, skip_host="host" in headers)
            if token:
                headers.setdefault("authorization", f"Bearer {self._token}")
            if body is not None:
                headers |= {"content-type": "application/json", "content-length": str(len(body))}
            for name, value in headers.items():
                connection.putheader(name.replace("_", "-"), value)
            connection.endheaders(body)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return _Response(response.status, found, response.read())
        finally:
            connection.close()


def selfcheck(settings: ServeSettings) -> Iterator[Checked]:
    """Start a server with these settings on a free port of the loopback, and yield what was found.

    Parameters
    ----------
    settings : ServeSettings
        Without a token, a random one is used, so that its check is checked too.

    Raises
    ------
    GenrelabError
        If the server cannot be started.
    """
    token = settings.token or secrets.token_urlsafe(32)
    settings = replace(settings, host="127.0.0.1", port=0, token=token, watch=False)
    with _running(settings) as runner:
        client = _Client(runner.genrelab.settings.port, token)
        for promise, check in _checks(runner, client):
            try:
                kept, detail = check()
            except (OSError, GenrelabError, http.client.HTTPException) as error:
                kept, detail = False, str(error) or type(error).__name__
            yield Checked(promise, kept, detail)


@contextmanager
def _running(settings: ServeSettings) -> Iterator[Runner]:
    ready = threading.Event()
    runner = Runner(settings, bind("127.0.0.1", 0, has_token=True), on_ready=ready.set)
    thread = threading.Thread(target=runner.run_until_told, daemon=True)
    thread.start()
    try:
        ready.wait(_SECONDS)
        yield runner
    finally:
        runner.end()
        thread.join(_SECONDS)


_Result = tuple[bool | None, str]


def _checks(runner: Runner, client: _Client) -> list[tuple[str, Callable[[], _Result]]]:
    return [
        ("is healthy", lambda: _has(client("GET", f"{PREFIX}/health", token=False), 200)),
        ("serves the page", lambda: _page(client)),
        ("sends headers of safety", lambda: _headers(client)),
        ("refuses requests without the token", lambda: _missing_token(client)),
        ("refuses a wrong token", lambda: _wrong_token(runner, client)),
        ("refuses other host names", lambda: _has(client("GET", "/", host="evil.example"), 421)),
        ("refuses pages of other sites", lambda: _foreign(client)),
        ("refuses paths out of the page's folder", lambda: _escapes(client)),
        ("refuses paths outside the roots", lambda: _outside(client)),
        ("refuses to write", lambda: _read_only(runner, client)),
        ("refuses bodies that are too long", lambda: _too_long(client)),
        ("describes itself", lambda: _has(client("GET", f"{PREFIX}/openapi.json"), 200)),
        ("loads its model", lambda: (True, runner.genrelab.recognizer.bundle.identity)),
        ("reads its library", lambda: (True, _library(runner))),
    ]


def _has(response: _Response, status: int) -> _Result:
    return response.status == status, f"status {response.status} {response.code}".strip()


def _page(client: _Client) -> _Result:
    page = client("GET", "/", token=False)
    return page.status == 200 and b"<html" in page.body, f"status {page.status}, {len(page.body)} bytes"


def _headers(client: _Client) -> _Result:
    for path in ("/", f"{PREFIX}/health", f"{PREFIX}/nothing"):
        found = client("GET", path).headers
        for name, value in SECURITY_HEADERS.items():
            if found.get(name.decode()) != value.decode():
                return False, f"{path} lacks {name.decode()}"
    return True, ", ".join(name.decode() for name in SECURITY_HEADERS)


def _missing_token(client: _Client) -> _Result:
    for each in endpoints():
        path = PREFIX + each.path.replace("{", "").replace("}", "")
        response = client(each.method, path, token=False, body=b"{}" if each.method != "GET" else None)
        is_open = each.path in ("/health", "/session")
        if not is_open and response.status != 401:
            return False, f"{each.method} {path}: status {response.status}"
    return True, "status 401"


def _wrong_token(runner: Runner, client: _Client) -> _Result:
    wrong = client("GET", f"{PREFIX}/models", authorization="Bearer wrong")
    cookie = f"{runner.genrelab.access.cookie}=wrong"
    as_cookie = client("GET", f"{PREFIX}/models", token=False, cookie=cookie)
    return wrong.status == as_cookie.status == 401, f"status {wrong.status} {wrong.code}"


def _foreign(client: _Client) -> _Result:
    response = client("POST", f"{PREFIX}/session", body=b"{}", origin="http://evil.example")
    other = client("GET", f"{PREFIX}/models", sec_fetch_site="cross-site")
    return response.status == other.status == 403, f"status {response.status} {response.code}"


def _escapes(client: _Client) -> _Result:
    for path in _ESCAPES:
        response = client("GET", path)
        if response.status != 404:
            return False, f"{path}: status {response.status}"
    return True, f"{len(_ESCAPES)} spellings"


def _outside(client: _Client) -> _Result:
    for text in _PATHS_OUTSIDE:
        body = json.dumps({"paths": [text]}).encode()
        response = client("POST", f"{PREFIX}/recognize", body=body)
        if (response.status, response.code) != (403, "outside-roots"):
            return False, f"{text!r}: status {response.status} {response.code}"
    return True, f"{len(_PATHS_OUTSIDE)} spellings"


def _read_only(runner: Runner, client: _Client) -> _Result:
    if runner.genrelab.settings.allow_write:
        return None, "started with --allow-write"
    writing = [each for each in endpoints() if each.writes]
    for each in writing:
        response = client(each.method, PREFIX + each.path.replace("{", "").replace("}", ""), body=b"{}")
        if response.status != 403:
            return False, f"{each.method} {each.path}: status {response.status}"
    return True, f"{len(writing)} routes"


def _too_long(client: _Client) -> _Result:
    body = b'{"token": "' + b"x" * (1 << 21) + b'"}'
    try:
        return _has(client("POST", f"{PREFIX}/session", body=body), 413)
    except (BrokenPipeError, ConnectionResetError):
        return True, "the connection was closed"


def _library(runner: Runner) -> str:
    tracks = sum(number for *_, number in runner.genrelab.library.tracks.counts())
    return f"{tracks} tracks in {runner.genrelab.library.path}"
