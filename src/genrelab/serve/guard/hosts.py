"""Which host names a request may be for, and which pages of a browser may send it.

A page on another site can make a browser send requests to this server. Two checks stop it. The header `Host`
must be a name of this server: a name of the other site that was made to lead here (DNS rebinding) is refused.
The headers `Origin` and `Sec-Fetch-Site`, which a page cannot forge, must not be those of another site.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

_HOST = re.compile(r"(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?")
_DEFAULT_PORTS = {"80", "443", ""}


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine alone."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class Hosts:
    """The names of a server.

    Parameters
    ----------
    host : str
        The address to which it is bound.
    names : iterable of str
        Further names, such as that of a reverse proxy.

    Notes
    -----
    A server on the loopback is known by names of the loopback alone. Any other server is also known by the
    name of its machine and by every IP address: rebinding needs a name.
    """

    def __init__(self, host: str, names: Iterable[str] = ()) -> None:
        self._local = is_loopback(host)
        self._names = {name.lower() for name in names}
        self._known = {"localhost", *self._names}
        if not self._local:
            machine = socket.gethostname().lower()
            self._known |= {machine, machine.partition(".")[0], f"{machine.partition('.')[0]}.local"}
            self._known.add(host.lower())

    def knows(self, header: str) -> bool:
        """Whether the value of the header `Host` is a name of this server; its port does not matter."""
        found = _HOST.fullmatch(header)
        if found is None:
            return False
        name = found[1].lower()
        if name in self._known:
            return True
        try:
            address = ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return address.is_loopback or not self._local

    def is_foreign(self, origin: str | None, site: str | None, host: str) -> bool:
        """Whether a browser sends a request for a page of another site.

        Parameters
        ----------
        origin, site : str or None
            The headers `Origin` and `Sec-Fetch-Site`; programs other than browsers send none.
        host : str
            The header `Host`.
        """
        if origin is not None:
            return not self._is_own(origin, host)
        return site is not None and site not in ("same-origin", "none")

    def _is_own(self, origin: str, host: str) -> bool:
        try:
            parts = urlsplit(origin)
            port = parts.port
        except ValueError:
            return False
        found = _HOST.fullmatch(host)
        if parts.scheme not in ("http", "https") or not parts.hostname or found is None:
            return False
        if parts.hostname in self._names:
            return True
        same_port = (found[2] or "") == str(port or "") or {found[2] or "", str(port or "")} <= _DEFAULT_PORTS
        return parts.hostname == found[1].lower().strip("[]") and same_port
