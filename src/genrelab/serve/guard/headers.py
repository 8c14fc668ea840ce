"""Headers that every response has."""

from __future__ import annotations

from collections.abc import Iterable

from genrelab.serve.page import POLICY

SECURITY_HEADERS = {
    b"content-security-policy": POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",  # for browsers that do not know frame-ancestors
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"microphone=(self), camera=(), display-capture=(), geolocation=(), usb=()",
}

_WITHOUT_CONTROLS = bytes(ord("_") if code < 32 or code == 127 else code for code in range(256))
_NO_STORE = (b"cache-control", b"no-store")


def with_security(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response with those of safety; without caching, unless they say otherwise.

    Control characters in a value, such as line breaks of a file's name, are replaced by `_`.

    Parameters
    ----------
    headers : iterable of (bytes, bytes)
        Names and values, as ASGI has them.
    """
    kept = [
        (name, value.translate(_WITHOUT_CONTROLS))
        for name, value in headers
        if name.lower() not in SECURITY_HEADERS
    ]
    if not any(name.lower() == b"cache-control" for name, _ in kept):
        kept.append(_NO_STORE)
    return [*kept, *SECURITY_HEADERS.items()]
