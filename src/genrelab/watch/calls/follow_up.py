"""Call a command or a URL after files arrived, such as the scan of a media server."""

from __future__ import annotations

import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from genrelab.errors import UsageError
from genrelab.system import is_batch_file, join_words, split_words
from genrelab.watch.calls.process import run_bounded
from genrelab.watch.event import Event

_PLACEHOLDER = re.compile(r"\{(path|genre)\}")
_LAST_SECONDS = 1.0  # for what was left undone to be reported
_MOST_SHOWN = 300  # characters of what a command printed


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file that changed, and its genre if it was recognized."""

    path: Path
    genre: str | None = None


class Call(Protocol):
    """A command or URL to call after files arrived."""

    def __call__(self, arrivals: Sequence[Arrival], stop: threading.Event, /) -> list[Event]:
        """Call it for a batch, and return what is to be reported."""
        ...


class Command:
    """A command that is run without a shell.

    Parameters
    ----------
    text : str
        Program and arguments, divided as a shell does. With `{path}` or `{genre}` it is run once for each
        recognized file, otherwise once for a batch.
    timeout : float > 0
        In seconds; then it is killed, with the processes that it started.

    Raises
    ------
    UsageError
        If the text cannot be divided, or the program does not exist.
    """

    def __init__(self, text: str, *, timeout: float = 60.0) -> None:
        try:
            self._words = split_words(text)
        except ValueError as error:
            message = f"--then {text!r} cannot be divided into words: {error}. Check its quotes."
            raise UsageError(message, code="then-quotes") from error
        if not self._words:
            raise UsageError("--then names no command. Give one, or omit it.", code="then-empty")
        program = shutil.which(self._words[0])
        if program is None:
            message = (
                f"--then {self._words[0]!r}: there is no such program. Give its full path, or install it."
            )
            raise UsageError(message, code="then-no-program")
        self._program = program
        self._timeout = timeout
        self._per_file = any(_PLACEHOLDER.search(word) for word in self._words[1:])
        if self._per_file and is_batch_file(program):
            message = f"--then {program!r} is a batch file, whose shell would run what file names contain. "
            raise UsageError(message + "Name a program, such as pwsh or python.", code="then-batch-file")

    def __call__(self, arrivals: Sequence[Arrival], stop: threading.Event, /) -> list[Event]:
        """Run the command, once or once per file; stop between two files if `stop` is set."""
        if not self._per_file:
            return [self._run(self._words)]
        events = []
        named = [arrival for arrival in arrivals if arrival.genre is not None]
        for done, arrival in enumerate(named):
            if stop.is_set():
                message = f"{len(named) - done} of {len(named)} files were not passed to {self._words[0]}"
                events.append(Event("problem", None, message, "then-stopped"))
                break
            events.append(self._run(self._filled(arrival), arrival.path))
        return events

    def _filled(self, arrival: Arrival) -> list[str]:
        values = {"path": os.path.abspath(arrival.path), "genre": arrival.genre or ""}
        return [_PLACEHOLDER.sub(lambda found: values[found[1]], word) for word in self._words]

    def _run(self, words: Sequence[str], path: Path | None = None) -> Event:
        shown = join_words(words)
        try:
            code, output = run_bounded([self._program, *words[1:]], self._timeout)
        except OSError as error:
            return Event("problem", path, f"{shown} cannot be run: {error.strerror}", "then-failed")
        said = output.decode("utf-8", "replace").strip()[-_MOST_SHOWN:]
        more = f": {said}" if said else ""
        if code is None:
            message = f"{shown} ran longer than {self._timeout:g} s and was stopped{more}"
            return Event("problem", path, message, "then-timeout")
        if code:
            return Event("problem", path, f"{shown} failed with exit code {code}{more}", "then-failed")
        return Event("called", path, shown)


class FollowUp:
    """Makes the calls in a thread, each batch at most every some seconds.

    Parameters
    ----------
    calls : sequence of Call
    every : float >= 0
        Seconds from the end of one batch to the start of the next.
    report : callable
        Takes each event, in the thread of the calls.
    """

    def __init__(self, calls: Sequence[Call], every: float, report: Callable[[Event], None]) -> None:
        self._calls = calls
        self._every = every
        self._report = report
        self._arrivals: dict[Path, Arrival] = {}
        self._changed = threading.Condition()
        self._ending = threading.Event()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="follow-up", daemon=True)
        if calls:
            self._thread.start()

    def add(self, arrival: Arrival) -> None:
        """Note that a file changed."""
        if self._calls:
            with self._changed:
                self._arrivals[arrival.path] = arrival
                self._changed.notify()

    def close(self, seconds: float | None) -> None:
        """Make the calls that are due for what has arrived, and end.

        Parameters
        ----------
        seconds : float or None
            How long to wait at most: then no further program is run. None means without end.
        """
        if self._calls:
            with self._changed:
                self._ending.set()
                self._changed.notify()
            self._thread.join(seconds)
            self._given_up.set()
            self._thread.join(_LAST_SECONDS)

    def _run(self) -> None:
        last = -float("inf")
        while True:
            with self._changed:
                while not self._ending.is_set():
                    early = last + self._every - time.monotonic()
                    if self._arrivals and early <= 0:
                        break
                    self._changed.wait(early if self._arrivals else None)
                arrivals, self._arrivals = [*self._arrivals.values()], {}
                ending = self._ending.is_set()
            if arrivals:
                for call in self._calls:
                    for event in call(arrivals, self._given_up):
                        self._report(event)
                last = time.monotonic()
            if ending:
                return
