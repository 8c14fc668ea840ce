"""How many requests each client may make: a token bucket per client."""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable


class Rates:
    """The buckets of all clients. Used by one thread, that of the event loop.

    Parameters
    ----------
    burst : float
        Requests that a client may make at once.
    rate : float
        Requests that a bucket regains per second.
    most : int
        Clients to remember; the one seen longest ago is forgotten first.
    now : callable
        Returns the time in seconds.
    """

    def __init__(
        self, burst: float, rate: float, most: int, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._burst, self._rate, self._most, self._now = burst, rate, most, now
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def wait(self, client: str, cost: float = 1.0) -> float:
        """Take from a client's bucket.

        Parameters
        ----------
        client : str
            Its address.
        cost : float
            It is taken even if less is there, but the bucket never owes more than a burst.

        Returns
        -------
        float
            0 if the bucket held something; else the seconds until it does again.
        """
        key, now = _key(client), self._now()
        held, since = self._buckets.pop(key, (self._burst, now))
        held = min(self._burst, held + (now - since) * self._rate)
        allowed = held >= 1.0
        if allowed:
            held = max(held - cost, -self._burst)
        self._buckets[key] = (held, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1.0 - held) / self._rate


def _key(client: str) -> str:
    """Return what counts as one client: an IPv4 address, or the network (/64) of an IPv6 address."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client[:64]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))
    return str(address)
