"""The address of a server: check it, and take its port."""

from __future__ import annotations

import errno
import os
import socket

from genrelab.errors import UsageError
from genrelab.serve.guard.hosts import is_loopback

BACKLOG = 128
"""Connections that wait to be accepted; more would be accepted at once, before the oldest are closed."""


def bind(host: str, port: int, *, has_token: bool) -> socket.socket:
    """Return a socket that listens.

    Parameters
    ----------
    host : str
        An address or name.
    port : int
        0 takes a free one.
    has_token : bool
        Whether the server asks for a token.

    Raises
    ------
    UsageError
        If the address is unknown or of another machine, the port is taken or needs rights, or an address
        that other machines reach has no token.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        message = f"--host {host} is no address of this machine: {error}. Omit it for 127.0.0.1."
        raise UsageError(message, code="address-unknown") from error
    if not has_token and not all(is_loopback(str(address[0])) for *_, address in found):
        message = (
            f"--host {host} can be reached from other machines. Give --token-file FILE too, or omit --host "
            "and use a reverse proxy."
        )
        raise UsageError(message, code="address-without-token")
    family, kind, protocol, _, address = found[0]
    listener = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere this lets two programs share a port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and address[0] == "::" and hasattr(socket, "IPV6_V6ONLY"):
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _refused(error, host, port) from error
    listener.setblocking(False)
    return listener


def _refused(error: OSError, host: str, port: int) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        message = (
            f"port {port} of {host} is taken, perhaps by another genrelab serve. Use --port for another."
        )
        return UsageError(message, code="port-taken")
    if error.errno == errno.EADDRNOTAVAIL:
        return UsageError(
            f"--host {host} is no address of this machine: {error.strerror}. Omit it for 127.0.0.1.",
            code="address-unknown",
        )
    message = f"port {port} of {host} cannot be used: {error.strerror}. Use --port for one above 1023."
    return UsageError(message, code="port-refused")


def url_of(listener: socket.socket, host: str) -> str:
    """Return the address to open in a browser on this machine."""
    port = listener.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "": "127.0.0.1"}.get(host, host)
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    return f"http://{name}:{port}/"
