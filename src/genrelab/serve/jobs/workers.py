"""The processes that recognize files, and whose turn it is to use one."""

from __future__ import annotations

import json
import logging
import queue
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from genrelab.printing import plain, shorten
from genrelab.serve.jobs.kinds import StoppedError
from genrelab.serve.problem import RequestError

_log = logging.getLogger("genrelab.serve")

_COMMAND = (sys.executable, "-P", "-m", "genrelab.serve.jobs.worker")  # -P: no module of the current folder
_IDLE_SECONDS = 600.0  # then it gives its memory back
_START_SECONDS = 120.0
_STOP_SECONDS = 5.0  # for the current batch
_POLL_SECONDS = 0.1
_LONGEST_LINE = 2**25  # bytes


@dataclass(frozen=True)
class WorkerSetup:
    """What a process is started with.

    Attributes
    ----------
    model : Path or None
        As `Recognizer.load` takes it.
    library : Path or None
    threads : int
        Of the network.
    """

    model: Path | None
    library: Path | None
    threads: int


class WorkerDied(Exception):  # noqa: N818
    """The process ended, or was ended because it took too long, while it recognized a file."""

    def __init__(self, *, late: bool) -> None:
        super().__init__(late)
        self.late = late


class _Worker:
    """One process, started at its first use and again after its end."""

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._said: deque[str] = deque(maxlen=20)
        self._numbers = count(1)
        self.used = time.monotonic()

    def recognize(self, task: dict[str, Any], stop: threading.Event, seconds: float) -> dict[str, Any]:
        self._start(stop)
        number = next(self._numbers)
        self._send({**task, "number": number})
        deadline, stopped = time.monotonic() + seconds, None
        while True:
            answer = self._receive()
            if answer is not None:
                if answer.get("number") != number:
                    continue
                return answer
            now = time.monotonic()
            if self._process is None:
                raise WorkerDied(late=False)
            if stop.is_set() and stopped is None:
                stopped = now
                self._send({"stop": number})
            if stopped is not None and now > stopped + _STOP_SECONDS:
                self.kill()
                raise StoppedError
            if now > deadline:
                self.kill()
                raise WorkerDied(late=True)

    def _start(self, stop: threading.Event) -> None:
        if self._process is not None and self._process.poll() is None:
            return
        self.kill()
        pipe = subprocess.PIPE
        self._answers = queue.Queue()
        try:
            process = subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe, stderr=pipe)
        except OSError as error:
            message = f"no process for recognition can be started: {error.strerror or error}"
            raise RequestError(message, code="worker-not-started", status=503) from error
        self._process = process
        for target in (self._read, self._listen):
            threading.Thread(target=target, args=(process, self._answers), daemon=True).start()
        setup = self._setup
        paths = {"model": setup.model, "library": setup.library}
        named = {name: None if path is None else str(path) for name, path in paths.items()}
        self._send({**named, "threads": setup.threads})
        deadline = time.monotonic() + _START_SECONDS
        while (answer := self._receive()) is None:
            if self._process is None or time.monotonic() > deadline:
                self.kill()
                message = "the process for recognition did not start; the log of the server says why"
                raise RequestError(message, code="worker-did-not-start", status=503)
            if stop.is_set():
                self.kill()
                raise StoppedError
        if "ready" not in answer:
            self.kill()
            raise fault(answer)

    def _send(self, message: dict[str, Any]) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        with suppress(OSError):  # it ended, which the next `_receive` notices
            process.stdin.write(json.dumps(message).encode() + b"\n")
            process.stdin.flush()

    def _receive(self) -> dict[str, Any] | None:
        """Return the next answer, or None after a short time or if the process has ended."""
        try:
            answer = self._answers.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            return None
        if answer is None:
            self._note_end()
        return answer

    def _note_end(self) -> None:
        process = self._process
        if process is not None:
            self.kill()
            _log.warning("the process for recognition ended with status %s", process.returncode)
            for line in self._said:
                _log.warning("it said: %s", line)

    @staticmethod
    def _read(process: subprocess.Popen[bytes], answers: queue.Queue[dict[str, Any] | None]) -> None:
        assert process.stdout is not None
        with process.stdout, suppress(ValueError, OSError):
            while (line := process.stdout.readline(_LONGEST_LINE)).endswith(b"\n"):
                answers.put(json.loads(line))
        answers.put(None)

    def _listen(self, process: subprocess.Popen[bytes], _: object) -> None:
        """Keep the last lines of what the process prints."""
        assert process.stderr is not None
        with process.stderr, suppress(ValueError, OSError):
            while line := process.stderr.readline(4096):
                self._said.append(shorten(plain(line.decode("utf-8", "replace").rstrip("\n"))))

    def kill(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        process.wait()
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()


class Workers:
    """A number of processes. Several threads may share them: who came first has the next turn.

    Parameters
    ----------
    setup : WorkerSetup
    most : int > 0
        Number of processes.
    """

    def __init__(self, setup: WorkerSetup, most: int) -> None:
        self._lock = threading.Lock()
        self._all = [_Worker(setup) for _ in range(most)]
        self._free = list(self._all)
        self._waiting: deque[_Ticket] = deque()

    def recognize(self, task: dict[str, Any], stop: threading.Event, *, seconds: float) -> dict[str, Any]:
        """Recognize a file in the next free process.

        Parameters
        ----------
        task : dict
            As `genrelab.serve.jobs.worker` takes it.
        stop : threading.Event
        seconds : float
            The longest time; then the process is ended.

        Returns
        -------
        dict
            The result.

        Raises
        ------
        StoppedError
            If `stop` was set.
        WorkerDied
            If the process ended, or took too long.
        RequestError
            If no process can be started, or the model or the library cannot be used.
        """
        with self._turn(stop) as worker:
            if stop.is_set():  # while this waited for its turn
                raise StoppedError
            answer = worker.recognize(task, stop, seconds)
        if "answer" in answer:
            result: dict[str, Any] = answer["answer"]
            return result
        if "stopped" in answer:
            raise StoppedError
        raise fault(answer)

    @contextmanager
    def _turn(self, stop: threading.Event) -> Iterator[_Worker]:
        ticket = _Ticket()
        with self._lock:
            if self._free:
                ticket.grant(self._free.pop())
            else:
                self._waiting.append(ticket)
        while not ticket.granted.wait(_POLL_SECONDS):
            if stop.is_set():
                with self._lock:
                    if ticket.worker is None:
                        self._waiting.remove(ticket)
                        raise StoppedError
        assert ticket.worker is not None
        try:
            yield ticket.worker
        finally:
            with self._lock:
                ticket.worker.used = time.monotonic()
                if self._waiting:
                    self._waiting.popleft().grant(ticket.worker)
                else:
                    self._free.append(ticket.worker)

    def end_idle(self, seconds: float = _IDLE_SECONDS) -> None:
        """End the processes that nobody used for some time; they are started again when they are needed."""
        with self._lock:
            for worker in self._free:
                if worker.used + seconds < time.monotonic():
                    worker.kill()

    def close(self) -> None:
        """End the processes; nobody may use them any more."""
        for worker in self._all:
            worker.kill()


class _Ticket:
    """A place in the queue for a process."""

    def __init__(self) -> None:
        self.granted = threading.Event()
        self.worker: _Worker | None = None

    def grant(self, worker: _Worker) -> None:
        self.worker = worker
        self.granted.set()


def fault(answer: dict[str, Any]) -> RequestError:
    """Return an error that a process met, such as a model that is missing, with its code."""
    error = RequestError(answer["fault"], status=503)
    error.code = answer["code"]
    return error
