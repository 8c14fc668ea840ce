"""Who may use a server: those who bring its token, or a session that they opened with it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie

from genrelab.serve.guard.limits import Limits

_SCHEME = "bearer "


class Access:
    """Check tokens and sessions. Used by several threads; each step is one operation on a dictionary.

    Parameters
    ----------
    token : str or None
        None admits everybody.
    port : int
        Part of the cookie's name: browsers do not tell the ports of a host apart.
    limits : Limits
    now : callable
        Returns the time in seconds.
    """

    def __init__(
        self, token: str | None, port: int, limits: Limits, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._token = None if token is None else _digest(token)
        self._limits, self._now = limits, now
        self._sessions: OrderedDict[bytes, float] = OrderedDict()  # digests of cookies, and when they end
        self.cookie = f"genrelab_{port}"

    @property
    def is_open(self) -> bool:
        """Whether the server needs no token."""
        return self._token is None

    def is_right(self, token: str) -> bool:
        """Whether a token is that of the server. The time that this takes does not depend on the token."""
        return self._token is not None and hmac.compare_digest(_digest(token), self._token)

    def open_session(self) -> str:
        """Return the value of a new session's cookie; it does not contain the token."""
        value = secrets.token_urlsafe(32)
        self._sessions[_digest(value)] = self._now() + self._limits.session_seconds
        while len(self._sessions) > self._limits.sessions:
            self._sessions.popitem(last=False)
        return value

    def close_session(self, cookies: str | None) -> None:
        """End the session of a request with this header `Cookie`, if it has one."""
        value = self._session(cookies)
        if value is not None:
            self._sessions.pop(_digest(value), None)

    def has_session(self, cookies: str | None) -> bool:
        """Whether the header `Cookie` names a session that has not ended."""
        value = self._session(cookies)
        if value is None:
            return False
        key = _digest(value)
        end = self._sessions.get(key)
        if end is None:
            return False
        if end <= self._now():
            self._sessions.pop(key, None)
            return False
        return True

    def _session(self, cookies: str | None) -> str | None:
        if not cookies:
            return None
        try:
            found = SimpleCookie(cookies).get(self.cookie)
        except CookieError:
            return None
        return None if found is None else found.value


def bearer(header: str | None) -> str | None:
    """Return the token in the header `Authorization`, if it holds one."""
    if header is None or header[: len(_SCHEME)].lower() != _SCHEME:
        return None
    return header[len(_SCHEME) :].strip()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()
