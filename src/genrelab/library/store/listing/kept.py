"""Results of scans of a library, kept until it changes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import numpy as np

_Value = TypeVar("_Value")

_MOST = 48  # results
_MOST_NUMBERS = 4_000_000  # in all arrays together: 32 MB
_FAST = 0.05  # seconds; what takes less is never old
_PATIENCE = 10  # times as long as it took, a result is used although the library has changed


@dataclass(frozen=True, slots=True)
class _Result:
    value: Any
    version: object
    seconds: float  # that it took
    made: float


class Kept:
    """Keeps results. Threads that want the same one wait for the first of them; others do not wait.

    A result is computed again when the library has changed. One that took more than 50 ms is used for ten
    times as long nevertheless: while music is recognized, a large library changes all the time.

    Parameters
    ----------
    version : callable
        Returns a value that changes with the library.
    """

    def __init__(self, version: Callable[[], object]) -> None:
        self._version = version
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, _Result] = OrderedDict()
        self._making: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, compute: Callable[[], _Value]) -> _Value:
        """Return the result for a key, computed if need be."""
        found, making = self._look(key, self._version())
        if making is None:
            return cast(_Value, found)
        with making:
            version = self._version()
            found, making = self._look(key, version)  # another thread may have computed it meanwhile
            if making is None:
                return cast(_Value, found)
            start = time.monotonic()
            try:
                value = compute()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            now = time.monotonic()
            with self._lock:
                self._results[key] = _Result(value, version, now - start, now)
                self._results.move_to_end(key)
                self._drop()
            return value

    def _look(self, key: Hashable, version: object) -> tuple[Any, threading.Lock | None]:
        """Return a result that may be used and None, or nothing and the lock under which to compute it."""
        with self._lock:
            result = self._results.get(key)
            if result is not None and _is_usable(result, version):
                self._results.move_to_end(key)
                return result.value, None
            return None, self._making.setdefault(key, threading.Lock())

    def _drop(self) -> None:
        """Drop the results that were not used for the longest time."""
        results = self._results
        while len(results) > 1 and (len(results) > _MOST or self._numbers() > _MOST_NUMBERS):
            results.popitem(last=False)

    def _numbers(self) -> int:
        return sum(each.value.size for each in self._results.values() if isinstance(each.value, np.ndarray))


def _is_usable(result: _Result, version: object) -> bool:
    if result.version == version:
        return True
    age = time.monotonic() - result.made
    return result.seconds > _FAST and age < _PATIENCE * result.seconds
