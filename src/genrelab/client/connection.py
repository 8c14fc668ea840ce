"""HTTP with the standard library: requests, problems, uploads in pieces, and events."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from genrelab.errors import GenrelabError

_PREFIX = "/api/v1"
_PIECE_BYTES = 1 << 18
_MOST_BYTES = 1 << 30  # of a response
_LONGEST_LINE = 1 << 25  # of an event


class ProblemError(GenrelabError):
    """The server refused a request, or is not there.

    Attributes
    ----------
    code : str
        Stable name of the kind of problem; `server-unreachable` if there is no answer.
    status : int
        The HTTP status; 0 if there is no answer.
    path : str or None
        The file or folder that it is about.
    remedy : str or None
        What helps.
    """

    code = "problem"

    def __init__(
        self, message: str, *, status: int = 0, path: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.path = path
        self.remedy = remedy


@dataclass(frozen=True)
class Body:
    """What a request brings.

    Attributes
    ----------
    kind : str
        Its media type.
    length : int
        In bytes.
    pieces : iterable of bytes
    """

    kind: str
    length: int
    pieces: Iterable[bytes]


class Connection:
    """A connection to a server, opened when it is needed and again after it was closed. For one thread.

    Parameters
    ----------
    url : str
        Such as `http://127.0.0.1:8765`; a path is put before that of each request.
    token : str or None
    timeout : float, in seconds
        Of each step of a request.

    Raises
    ------
    ValueError
        If it is not the address of a server.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is not the address of a server: http://HOST:PORT")
        self.url = url
        self._secure = parts.scheme == "https"
        self._address = (parts.hostname, parts.port)
        self._path = parts.path.rstrip("/") + _PREFIX
        self._token = token
        self.timeout = timeout
        self._open: http.client.HTTPConnection | None = None

    def json(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Body | None = None
    ) -> Any:
        """Send a request and return the JSON of its response; None if it has none.

        Raises
        ------
        ProblemError
            If the server refuses it or cannot be reached.
        """
        content = self.read(method, path, query=query, body=body)
        return json.loads(content) if content else None

    def read(
        self, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Body | None = None
    ) -> bytes:
        """Send a request and return the content of its response."""
        with self._reaching():
            response = self._send(method, path, query, body)
            content = response.read(_MOST_BYTES)
            if response.will_close or not response.isclosed():
                self.close()
        if response.status >= 400:
            raise problem(response.status, content)
        return content

    def lines(
        self, path: str, *, query: Mapping[str, Any] | None = None, headers: Mapping[str, str]
    ) -> Iterator[str]:
        """Yield the lines of a response without end, from a connection of its own."""
        own = Connection(self.url, self._token, self.timeout)
        try:
            with own._reaching():
                response = own._send("GET", path, query, None, {**headers, "Accept": "text/event-stream"})
                if response.status >= 400:
                    raise problem(response.status, response.read(_MOST_BYTES))
            while True:
                with own._reaching():
                    line = response.readline(_LONGEST_LINE)
                if not line:
                    return
                yield line.decode("utf-8", "replace").rstrip("\r\n")
        finally:
            own.close()

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Body | None,
        headers: Mapping[str, str] | None = None,
    ) -> http.client.HTTPResponse:
        fresh = self._open is None
        try:
            return self._try(method, path, query, body, headers)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.close()
            if fresh or body is not None:  # otherwise the server closed an idle connection
                raise
            return self._try(method, path, query, body, headers)

    def _try(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Body | None,
        headers: Mapping[str, str] | None,
    ) -> http.client.HTTPResponse:
        if body is not None:
            self.close()  # an idle connection may break at any time, and a body is not sent twice
        connection = self._connected()
        target = self._path + quote(path)
        given = _query(query or {})
        connection.putrequest(method, f"{target}?{given}" if given else target)
        for name, value in {"Accept": "application/json", **(headers or {})}.items():
            connection.putheader(name, value)
        if self._token:
            connection.putheader("Authorization", f"Bearer {self._token}")
        if body is not None:
            connection.putheader("Content-Type", body.kind)
            connection.putheader("Content-Length", str(body.length))
        elif method != "GET":
            connection.putheader("Content-Length", "0")
        connection.endheaders()
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # refused while it is sent: the response says why
            for piece in body.pieces if body is not None else ():
                connection.send(piece)
        return connection.getresponse()

    def _connected(self) -> http.client.HTTPConnection:
        if self._open is None:
            host, port = self._address
            if self._secure:
                context = ssl.create_default_context()
                self._open = http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)
            else:
                self._open = http.client.HTTPConnection(host, port, timeout=self.timeout)
        return self._open

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn errors of the connection into a `ProblemError`."""
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if isinstance(error, OSError) and error.filename is not None:  # a file to upload
                raise
            why = getattr(error, "strerror", None) or str(error) or type(error).__name__
            found = ProblemError(f"{self.url} does not answer: {why}", remedy="start it: genrelab serve")
            found.code = "server-unreachable"
            raise found from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()
            self._open = None


def problem(status: int, content: bytes) -> ProblemError:
    """Return the problem that a response describes."""
    data: Any = None
    with suppress(ValueError):
        data = json.loads(content)
    if not isinstance(data, dict):
        data = {}
    title = str(data.get("title") or f"the server answered with status {status}")
    remedy = data.get("remedy")
    message = title if remedy is None else f"{title}. {remedy}"
    found = ProblemError(message, status=status, path=data.get("path"), remedy=remedy)
    found.code = str(data.get("code") or "problem")
    return found


def json_body(data: Any) -> Body:
    """Return a body of JSON."""
    content = json.dumps(data).encode()
    return Body("application/json", len(content), (content,))


def form_body(files: Iterable[Path], values: Mapping[str, str]) -> Body:
    """Return a form with files, which are read while they are sent.

    Raises
    ------
    OSError
        If a file is missing; while it is sent, if one changes.
    """
    boundary = secrets.token_hex(16)
    parts: list[tuple[bytes, Path | None, int]] = []
    for name, value in values.items():
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        parts.append((head.encode(), None, 0))
    for path in files:
        disposition = f'Content-Disposition: form-data; name="file"; filename="{_quoted(path.name)}"'
        head = f"--{boundary}\r\n{disposition}\r\nContent-Type: application/octet-stream\r\n\r\n"
        parts.append((head.encode("utf-8", "replace"), path, os.stat(path).st_size))
    end = f"--{boundary}--\r\n".encode()
    length = sum(len(head) + size + 2 for head, _, size in parts) + len(end)
    return Body(f"multipart/form-data; boundary={boundary}", length, _pieces(parts, end))


def _pieces(parts: list[tuple[bytes, Path | None, int]], end: bytes) -> Iterator[bytes]:
    for head, path, size in parts:
        yield head
        if path is not None:
            yield from _content(path, size)
        yield b"\r\n"
    yield end


def _content(path: Path, size: int) -> Iterator[bytes]:
    with ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        while size:
            piece = file.read(min(size, _PIECE_BYTES))
            if not piece:
                raise OSError(None, "it became shorter while it was sent", str(path))
            size -= len(piece)
            yield piece


def _quoted(name: str) -> str:
    """Return a file name as browsers write it into a form."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _query(values: Mapping[str, Any]) -> str:
    lists = {name: value if isinstance(value, list | tuple) else (value,) for name, value in values.items()}
    given = [(name, each) for name, several in lists.items() for each in several if each is not None]
    return urlencode(
        [(name, str(each).lower() if isinstance(each, bool) else str(each)) for name, each in given]
    )
