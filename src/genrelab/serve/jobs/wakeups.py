"""Wake coroutines when a job changes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from genrelab.serve.problem import RequestError

MOST_LISTENERS = 200


@dataclass(eq=False)
class Listener:
    """A coroutine that waits for changes of one job, or of all.

    Attributes
    ----------
    job : str or None
        The id of the job; None means all.
    """

    job: str | None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _event: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float) -> None:
        """Wait for the next change since the last call; at most for some time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._event.wait(), seconds)
        self._event.clear()

    def wake(self) -> None:
        """Wake the coroutine; from any thread."""
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._event.set)


class Wakeups:
    """Who waits for changes of jobs."""

    def __init__(self) -> None:
        self.closed = False
        self._lock = threading.Lock()
        self._listeners: set[Listener] = set()

    def check_room(self) -> None:
        """Raise RequestError if there are too many listeners."""
        with self._lock:
            if len(self._listeners) < MOST_LISTENERS:
                return
        raise RequestError(
            f"{MOST_LISTENERS} requests wait for jobs; no more are accepted",
            code="too-many-listeners",
            status=503,
            remedy="ask for the job from time to time instead",
        )

    @contextmanager
    def listener(self, job: str | None) -> Iterator[Listener]:
        """Register a listener, in a running event loop.

        Raises
        ------
        RequestError
            If there are too many.
        """
        listener = Listener(job)
        self.check_room()
        with self._lock:
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def changed(self, job: str) -> None:
        """Wake those that wait for a job; from any thread."""
        with self._lock:
            waiting = [each for each in self._listeners if each.job in (None, job)]
        for each in waiting:
            each.wake()

    def close(self) -> None:
        """Wake all, for the last time."""
        self.closed = True
        with self._lock:
            waiting = list(self._listeners)
        for each in waiting:
            each.wake()
