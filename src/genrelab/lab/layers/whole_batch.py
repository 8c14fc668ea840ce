"""Statistics of a batch that several processes divide among themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from torch import Tensor

Pool = Callable[[Tensor, Tensor, int], tuple[Tensor, Tensor, int]]

_POOL: ContextVar[Pool | None] = ContextVar("pool", default=None)


def pooled_moments(mean: Tensor, variance: Tensor, count: int) -> tuple[Tensor, Tensor, int]:
    """Return the moments of a whole batch, from those of the items that this process has.

    A layer that normalizes by the statistics of a batch, without torch's batch norm, calls this function.
    Outside a training in several processes it returns its arguments.

    Parameters
    ----------
    mean, variance : Tensor [shape=(channels,)]
        Over items and places; the variance divides by the count.
    count : int > 0
        Values per channel.
    """
    pool = _POOL.get()
    return (mean, variance, count) if pool is None else pool(mean, variance, count)


@contextmanager
def pooling(pool: Pool) -> Iterator[None]:
    """Let `pooled_moments` call a function, within this context."""
    token = _POOL.set(pool)
    try:
        yield
    finally:
        _POOL.reset(token)
