"""A thread in each process that notices soon if another one has ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch.distributed import Store

from genrelab.console import PlainConsole

FAILED = "failed"
_EVERY = 1.0  # seconds
_SILENT = 90.0  # seconds without a sign of life
_GRACE = 10.0  # seconds for the main thread to raise an error, before the process is ended
_KEPT = "The finished epochs are kept: repeat the command to continue"


class Failure(NamedTuple):
    """Why the processes end: the class of an error, its code and message."""

    kind: str
    code: str
    message: str

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(self)

    @classmethod
    def read(cls, text: bytes) -> Failure:
        """Read the text of another process."""
        return cls(*(str(each) for each in json.loads(text)))


def ended(rank: int, size: int, how: str) -> Failure:
    """Return the failure of a process that has ended without a word."""
    return Failure("RunError", "process-ended", f"process {rank} of {size} {how}. {_KEPT}")


def how_ended(status: int) -> str:
    """Describe an exit status as of `subprocess`."""
    if status >= 0:
        return f"ended with the exit status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"was ended by {name}" + (", perhaps because memory was full" if name == "SIGKILL" else "")


class Watch(threading.Thread):
    """Look at the other processes every second.

    Parameters
    ----------
    connect : callable
        Returns a connection of this thread's own to the common store.
    rank, size : int
        Of this process, and number of processes.
    children : sequence of (int, subprocess.Popen)
        The processes that this one started, and their ranks.
    last_words : bool
        Whether to print a failure that the main thread cannot raise, for all processes of a machine.

    Attributes
    ----------
    failure : Failure or None
        What was noticed.
    orphaned : bool
        Whether process 0 has ended, and cannot say why.
    """

    def __init__(
        self,
        connect: Callable[[], Store],
        *,
        rank: int,
        size: int,
        children: Sequence[tuple[int, subprocess.Popen[bytes]]],
        last_words: bool,
    ) -> None:
        super().__init__(name="watch of processes", daemon=True)
        self.connect = connect
        self.rank = rank
        self.size = size
        self.children = children
        self.last_words = last_words
        self.failure: Failure | None = None
        self.orphaned = False
        self.noticed = threading.Event()
        self.stopped = threading.Event()
        self._seen: dict[int, tuple[bytes, float]] = {}
        self._parent = os.getppid()

    def run(self) -> None:
        """Look until something is noticed or the watch is stopped."""
        try:
            store = self.connect()
            beat = 0
            while not self.stopped.wait(_EVERY):
                beat += 1
                store.set(f"beat/{self.rank}", str(beat))
                failure = self._look(store)
                if failure is not None:
                    self._end(failure)
                    return
        except RuntimeError:  # the connection to process 0 is lost
            if not self.stopped.is_set():
                self._end(self._orphan())

    def _look(self, store: Store) -> Failure | None:
        if store.check([FAILED]):
            return Failure.read(store.get(FAILED))
        for rank, child in self.children:
            status = child.poll()
            if status:
                time.sleep(_EVERY)  # what it said may still be on its way
                if store.check([FAILED]):
                    return Failure.read(store.get(FAILED))
                failure = ended(rank, self.size, how_ended(status))
                store.set(FAILED, failure.text())
                return failure
        if os.getppid() != self._parent and self.rank > 0:
            return self._orphan()
        return self._silent(store) if self.rank == 0 else None

    def _orphan(self) -> Failure:
        self.orphaned = True
        return ended(0, self.size, "has ended")

    def print_failure(self) -> None:
        """Print what was noticed, if this process is the one to do so."""
        if self.last_words and self.failure is not None:
            PlainConsole(file=sys.stderr).print(f"genrelab: {self.failure.message}", soft_wrap=True)

    def _silent(self, store: Store) -> Failure | None:
        """Return the failure of a process that gives no sign of life, such as one of a lost machine."""
        now = time.monotonic()
        for rank in range(1, self.size):
            key = f"beat/{rank}"
            beat = store.get(key) if store.check([key]) else b""
            if beat != self._seen.get(rank, (b"", now))[0]:
                self._seen[rank] = (beat, now)
            elif beat and now - self._seen[rank][1] > _SILENT:
                failure = ended(rank, self.size, f"has given no sign of life for {_SILENT:.0f} s")
                store.set(FAILED, failure.text())
                return failure
        return None

    def _end(self, failure: Failure) -> None:
        """Let the main thread raise the failure; end the process if it hangs."""
        self.failure = failure
        self.noticed.set()
        if self.stopped.wait(_GRACE):
            return
        for _, child in self.children:
            child.kill()
        if self.rank == 0 or self.orphaned:
            self.print_failure()
        os._exit(1)
