"""Ask a `genrelab serve` about a file. Only the standard library: Picard's Python has no other packages."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

from .answer import Answer

_WAIT_SECONDS = 10  # of the server, for one request; Picard may wait so long when it closes
_TIMEOUT_SECONDS = 90
_MOST_SECONDS = 600  # for one file
_PIECE_BYTES = 1 << 18
_MOST_BYTES = 1 << 26  # of an answer


class ServerError(Exception):
    """The server refused a request, or is not there."""


class StoppedError(Exception):
    """Picard closes, and nobody waits for the answer."""


class Server:
    """A `genrelab serve`.

    Parameters
    ----------
    url : str
        Such as `http://127.0.0.1:8765`.
    token : str
        What the server wants if it was started with `--token-file`; empty for none.
    full : bool
        Whether whole files are processed.
    stopped : function
        Whether Picard closes.

    Raises
    ------
    ServerError
        If the address or the token cannot be used.
    """

    def __init__(
        self, url: str, token: str = "", *, full: bool = False, stopped: Callable[[], bool] = lambda: False
    ) -> None:
        try:
            parts = urlsplit(url.strip())
            usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable or "@" in parts.netloc:  # a password must not get into the log
            raise ServerError("the address in the options is not one of a server: http://HOST:PORT")
        if not (token.isascii() and token.strip().isprintable()):
            raise ServerError("the token in the options is not the text in the server's token file")
        self._parts = parts
        self._stopped = stopped
        self._url = url.strip()
        self._headers = {"Authorization": f"Bearer {token.strip()}"} if token.strip() else {}
        self._full = full

    def recognize(self, path: str) -> Answer:
        """Send a file, wait, and return the answer.

        Raises
        ------
        ServerError
            If the server refuses, fails or takes too long.
        StoppedError
            If Picard closes.
        OSError
            If the file cannot be read.
        """
        end = time.monotonic() + _MOST_SECONDS
        self._check_stopped()
        job = self._upload(path)
        try:
            while job["state"] in ("queued", "running"):
                if time.monotonic() > end:
                    raise ServerError(f"{self._url} has not finished after {_MOST_SECONDS} s")
                self._check_stopped()
                time.sleep(1)
                job = self._request("GET", f"/jobs/{job['id']}")
            if job["state"] != "done" or not job["results"]:
                problem = job.get("problem") or {}
                raise ServerError(problem.get("title") or f"the job has {job['state']}")
            return Answer.of(job["results"][0])
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            raise self._other_server() from error

    def _upload(self, path: str) -> dict[str, Any]:
        boundary = secrets.token_hex(16)
        name = "".join(
            each if each.isprintable() and each not in '\\"' else "_" for each in os.path.basename(path)
        )
        form = f'--{boundary}\r\nContent-Disposition: form-data; name="full"\r\n\r\n'
        form += f"{str(self._full).lower()}\r\n--{boundary}\r\n"
        form += f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
        form += "Content-Type: application/octet-stream\r\n\r\n"
        head, tail = form.encode("utf-8", "replace"), f"\r\n--{boundary}--\r\n".encode()
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size

            def body() -> Iterator[bytes]:
                yield head
                left = size
                while left and (piece := file.read(min(left, _PIECE_BYTES))):
                    self._check_stopped()
                    left -= len(piece)
                    yield piece
                yield tail

            headers = {
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Content-Length": str(len(head) + size + len(tail)),
            }
            return self._request("POST", f"/recognize?wait={_WAIT_SECONDS}", body(), headers)

    def _request(
        self,
        method: str,
        path: str,
        body: Iterator[bytes] | None = None,
        headers: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        connection = self._connect()
        try:
            connection.request(
                method,
                f"{self._parts.path.rstrip('/')}/api/v1{path}",
                body,
                {**self._headers, **(headers or {})},
            )
            response = connection.getresponse()
            text = response.read(_MOST_BYTES)
            found = json.loads(text)
        except (OSError, http.client.HTTPException) as error:
            raise ServerError(f"no answer from {self._url}: {error}. Is `genrelab serve` running?") from error
        except (ValueError, RecursionError) as error:
            raise self._other_server() from error
        finally:
            connection.close()
        if not isinstance(found, dict) or response.status >= 400:
            why = found.get("title") if isinstance(found, dict) else None
            raise ServerError(f"{self._url} refuses: {why or response.status}")
        return found

    def _check_stopped(self) -> None:
        if self._stopped():
            raise StoppedError

    def _other_server(self) -> ServerError:
        return ServerError(f"{self._url} does not answer as genrelab serve does")

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT_SECONDS, context=context)
        return http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
