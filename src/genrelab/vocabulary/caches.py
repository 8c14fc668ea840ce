"""Caches of what is derived from the tables; another file of the user's own names clears them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

_clear: list[Callable[[], None]] = []


def cached(most: int | None = None) -> Callable[[Function], Function]:
    """Return a decorator that keeps up to `most` results of a function until `clear_caches`."""

    def decorate(function: Function) -> Function:
        kept = lru_cache(maxsize=most)(function)
        _clear.append(kept.cache_clear)
        return kept  # type: ignore[return-value]

    return decorate


def clear_caches() -> None:
    """Forget all results."""
    for clear in _clear:
        clear()
