"""Figures of a running server in the text format of Prometheus.

Labels take few values: routes by their template, statuses, and what parts of the server declare.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
OTHER = "other"
"""The route of requests that no route of the HTTP interface answered."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"})
MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True)
class Metric:
    """One figure, or one per value of its labels.

    Attributes
    ----------
    name : str
        Without the prefix `genrelab_`.
    help : str
    samples : sequence of (mapping of str to str, float)
        Labels and values.
    kind : str
        `gauge` or `counter`.
    """

    name: str
    help: str
    samples: tuple[tuple[Mapping[str, str], float], ...]
    kind: str = "gauge"


@dataclass
class _Latency:
    counts: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    total: float = 0.0


class Metrics:
    """Counters of requests, and sources of further figures.

    Attributes
    ----------
    sources : list of callables
        Each returns an iterable of `Metric` when the figures are read. One that raises is left out.
    """

    def __init__(self) -> None:
        self.sources: list[Callable[[], Iterable[Metric]]] = []
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._latencies: dict[str, _Latency] = {}
        self._lock = threading.Lock()

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count a request.

        Parameters
        ----------
        method : str
        route : str or None
            Its template, such as `/tracks/{id}`.
        status : int
        seconds : float
            Until the response began.
        """
        method = method if method in _METHODS else OTHER
        route = route or OTHER
        with self._lock:
            self._requests[method, route, status] += 1
            latency = self._latencies.setdefault(route, _Latency())
            latency.counts[bisect_left(_BUCKETS, seconds)] += 1
            latency.total += seconds

    def text(self, extra: Iterable[Metric] = ()) -> str:
        """Return all figures, and some more."""
        lines: list[str] = []
        for metric in (self._request_counts(), *extra, *self._further()):
            name = f"genrelab_{metric.name}"
            lines += [f"# HELP {name} {_help(metric.help)}", f"# TYPE {name} {metric.kind}"]
            lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in metric.samples]
        return "\n".join([*lines, *self._histogram()]) + "\n"

    def _request_counts(self) -> Metric:
        with self._lock:
            counted = sorted(self._requests.items())
        samples = tuple(
            ({"method": method, "route": route, "status": str(status)}, float(number))
            for (method, route, status), number in counted
        )
        return Metric("requests_total", "Requests answered.", samples, "counter")

    def _further(self) -> Iterable[Metric]:
        for source in self.sources:
            try:
                yield from tuple(source())
            except Exception:  # such as a library that is locked: the other figures are still true
                continue

    def _histogram(self) -> list[str]:
        name = "genrelab_request_seconds"
        lines = [f"# HELP {name} Seconds until a response began.", f"# TYPE {name} histogram"]
        with self._lock:
            latencies = {route: (list(each.counts), each.total) for route, each in self._latencies.items()}
        for route, (counts, total) in sorted(latencies.items()):
            below = 0
            for bound, number in zip((*map(str, _BUCKETS), "+Inf"), counts, strict=True):
                below += number
                lines.append(f"{name}_bucket{_labels({'route': route, 'le': bound})} {below}")
            lines.append(f"{name}_sum{_labels({'route': route})} {_number(total)}")
            lines.append(f"{name}_count{_labels({'route': route})} {below}")
        return lines


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_value(value)}"' for name, value in labels.items()) + "}"


def _value(text: str) -> str:
    text = text.encode("utf-8", "backslashreplace").decode()
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
