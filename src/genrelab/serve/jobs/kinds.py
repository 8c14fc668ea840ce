"""The kinds of jobs, and how a job says what it did."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from genrelab.serve.jobs.store import JobStore, Row

if TYPE_CHECKING:
    from genrelab.serve.server import Server

_EVERY_SECONDS = 0.2  # how often progress is stored

Kind = Callable[["Server", dict[str, Any], "Progress"], None]

kinds: dict[str, Kind] = {}
"""What runs the jobs of each kind: a function of the server, the arguments of the job and its progress.

It runs in a thread of its own. It may be called again for the same job, after a server was killed. What it
raises as a `GenrelabError` becomes the problem of the job.
"""

writing: set[str] = set()
"""The kinds that change files of the user: they run only on a server with `--allow-write`, also after a
restart without it."""


class StoppedError(Exception):
    """The job was cancelled, or the server ends."""


class Progress:
    """What a running job says. Several threads may share it.

    Parameters
    ----------
    store : JobStore
    job : Row
    changed : callable
        Called after each change.

    Attributes
    ----------
    stop : threading.Event
        Set when the job should stop.
    """

    def __init__(self, store: JobStore, job: Row, changed: Callable[[], object]) -> None:
        self.stop = threading.Event()
        self._store = store
        self._job = job
        self._changed = changed
        self._lock = threading.Lock()
        self._stored = 0.0
        self._items = job.done
        self._done: int | None = None  # to be stored

    @property
    def id(self) -> str:
        """The id of the job."""
        return self._job.id

    def check(self) -> None:
        """Raise `StoppedError` if the job should stop."""
        if self.stop.is_set():
            raise StoppedError

    def update(self, done: int | None = None, total: int | None = None) -> None:
        """Say how much is done and how much there is, for jobs that count without `add`.

        Calls that follow each other quickly are stored together.
        """
        self.check()
        with self._lock:
            self._done = self._done if done is None else done
            now = time.monotonic()
            if total is None and now < self._stored + _EVERY_SECONDS:
                return
            self._stored = now
        self.flush(total)

    def flush(self, total: int | None = None) -> None:
        """Store what `update` has not stored yet."""
        with self._lock:
            done, self._done = self._done, None
        if done is not None or total is not None:
            self._store.progress(self._job.number, done, total)
            self._changed()

    def known(self) -> set[bytes]:
        """Return the keys of the results of earlier attempts to run the job."""
        return self._store.keys(self._job.number)

    def add(self, result: dict[str, Any], *, key: bytes | None = None, item: int | None = None) -> None:
        """Add a result, and count it as done.

        Parameters
        ----------
        result : dict
            JSON.
        key : bytes or None
            What it is about: a second result with the same key is ignored. None means no result before.
        item : int or None
            Its place in the list of results; None means the end.
        """
        with self._lock:
            self._items += 1
            item = self._items if item is None else item
        self._store.add_result(self._job.number, item, key or b"%d" % item, result)
        self._changed()
