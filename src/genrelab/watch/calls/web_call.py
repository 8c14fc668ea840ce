"""Call a URL after files arrived."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit

from genrelab.errors import UsageError
from genrelab.printing import json_text
from genrelab.watch.calls.follow_up import Arrival
from genrelab.watch.event import Event

_MOST_REDIRECTS = 3
_MOST_NAMED = 1000  # files in the body of one request
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
Method = Literal["GET", "POST"]


class WebCall:
    """A URL that is called once for a batch of files.

    A POST has a JSON body: `{"files": [{"path", "genre"}, ...], "total": n}`, with 1,000 files at most.

    Parameters
    ----------
    url : str
        Of HTTP or HTTPS. A redirect is followed only to the same host and port, or from HTTP to HTTPS on the
        same host; the query and the headers may contain secrets.
    method : {"GET", "POST"}
    headers : mapping of str to str
    timeout : float > 0
        In seconds, for all of the call.

    Raises
    ------
    UsageError
        If the URL or a header cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        method: Method = "POST",
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,
    ) -> None:
        self._url = url
        self._method = method
        self._headers = dict(headers or {})
        self._timeout = timeout
        parts = _split(url)
        if parts is None:
            message = (
                f"--then-url {_shown(url)!r} is no URL to call. Give one such as http://localhost:8096/path"
            )
            raise UsageError(message, code="then-url")

    def __call__(self, arrivals: Sequence[Arrival], _: threading.Event, /) -> list[Event]:
        """Call the URL."""
        shown = f"{self._method} {_shown(self._url)}"
        files = [{"path": os.path.abspath(each.path), "genre": each.genre} for each in arrivals[:_MOST_NAMED]]
        body = (
            json_text({"files": files, "total": len(arrivals)}).encode() if self._method == "POST" else None
        )
        try:
            status = self._follow(body)
        except _Refused as error:
            return [Event("problem", None, f"{shown}: {error}", "then-redirect")]
        except (OSError, http.client.HTTPException, ValueError) as error:
            what = str(error) or type(error).__name__
            return [Event("problem", None, f"{shown} failed: {what}. Check whether it runs.", "then-failed")]
        if not 200 <= status < 300:
            return [Event("problem", None, f"{shown} answered with status {status}", "then-failed")]
        return [Event("called", None, f"{shown}: {status}")]

    def _follow(self, body: bytes | None) -> int:
        url, method = self._url, self._method
        for _ in range(_MOST_REDIRECTS + 1):
            status, to = self._request(url, method, body)
            if status not in _REDIRECTS or not to:
                return status
            target = urljoin(url, to)
            if not _may_follow(urlsplit(url), _split(target)):
                raise _Refused(
                    f"redirected to {_shown(target)}, which is another place. Give that URL if it is right."
                )
            if status not in (307, 308):
                method, body = "GET", None
            url = target
        raise _Refused(f"redirected more than {_MOST_REDIRECTS} times")

    def _request(self, url: str, method: Method, body: bytes | None) -> tuple[int, str | None]:
        parts = urlsplit(url)
        host = parts.hostname or ""
        connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection = http.client.HTTPSConnection(host, parts.port, timeout=self._timeout, context=context)
        else:
            connection = http.client.HTTPConnection(host, parts.port, timeout=self._timeout)
        watchdog = threading.Timer(self._timeout, _cut, (connection,))  # a drop a second would never time out
        watchdog.daemon = True
        watchdog.start()
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            own = {"User-Agent": "genrelab", "Connection": "close"}
            kind = {} if body is None else {"Content-Type": "application/json"}
            connection.request(method, path, body, {**own, **kind, **self._headers})
            response = connection.getresponse()
            return response.status, response.getheader("Location")
        finally:
            watchdog.cancel()
            connection.close()


class _Refused(Exception):  # noqa: N818
    """A redirect that is not followed."""


def parse_header(text: str) -> tuple[str, str]:
    """Return the name and the value of a header such as `X-Key: 123`.

    Raises
    ------
    UsageError
        If it is not of this form. The message does not contain the value, which may be secret.
    """
    name, colon, value = text.partition(":")
    name, value = name.strip(), value.strip()
    good = name.isascii() and name.replace("-", "").isalnum() and value.isascii() and value.isprintable()
    if not (colon and good):
        message = "--then-header must be of the form 'Name: value', or @FILE with such lines"
        raise UsageError(message, code="then-header")
    return name, value


def _split(url: str) -> SplitResult | None:
    """Return the parts of a URL that can be called; None otherwise."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # raises if it is no number
    except ValueError:
        return None
    good = parts.scheme in ("http", "https") and parts.hostname and url.isascii() and url.isprintable()
    return parts if good and " " not in url and parts.username is None else None


def _may_follow(old: SplitResult, new: SplitResult | None) -> bool:
    if new is None or old.hostname != new.hostname:
        return False
    same = (old.scheme, old.port) == (new.scheme, new.port)
    return same or (old.scheme, new.scheme) == ("http", "https")


def _shown(url: str) -> str:
    """Return a URL without its query and user, which may be secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(not a URL)"
    place = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{place}{parts.path}" if place else parts.path


def _cut(connection: http.client.HTTPConnection) -> None:
    found = connection.sock
    if found is not None:
        with suppress(OSError):
            found.shutdown(socket.SHUT_RDWR)
