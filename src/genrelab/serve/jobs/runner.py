"""Run the jobs of the queue in threads, and keep the claims to them."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO, Any

from genrelab.errors import GenrelabError
from genrelab.library.store.place import obstacle_to_writing
from genrelab.printing import plain
from genrelab.serve.describe.metrics import Metric
from genrelab.serve.jobs.kinds import Progress, StoppedError, kinds, writing
from genrelab.serve.jobs.store import ENDED, LEASE_SECONDS, JobStore, Lane, LostError, Row, State
from genrelab.serve.jobs.wakeups import Wakeups
from genrelab.serve.jobs.workers import Workers, WorkerSetup
from genrelab.serve.problem import Problem, RequestError, problem_of
from genrelab.serve.server import Server
from genrelab.serve.uploads.temp import TempFolder

_log = logging.getLogger("genrelab.serve")

_RENEW_SECONDS = LEASE_SECONDS / 6
_POLL_SECONDS = 2.0  # how often a thread looks for jobs that other servers added or left
_TIDY_SECONDS = 600.0
_LONG_JOBS = 2  # such as folders and trainings, at once
_MOST_UPLOADS = 4  # of the largest size, that wait at once
_SPARE_JOBS = 2  # short ones, beyond the number of files recognized at once

_ENDED_BEFORE = Problem(
    title="the server ended before the job; uploads do not outlast it",
    status=503,
    code="server-ended",
    remedy="send the files again",
)

_End = tuple[State, dict[str, Any] | None]


class Jobs:
    """The jobs of a server: `server.part(Jobs)`.

    Parameters
    ----------
    server : Server

    Attributes
    ----------
    store : JobStore
        The queue.
    temp : TempFolder
        For uploads.
    workers : Workers
        The processes that recognize files.
    wakeups : Wakeups
        Who waits for changes.

    Raises
    ------
    RequestError
        If the queue cannot be opened, or there is no temporary folder.
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        settings = server.settings
        library = server.library.path
        self._held = ExitStack()
        self.temp = TempFolder(library, most_bytes=_MOST_UPLOADS * settings.most_upload)
        try:
            self.store = JobStore(self._place(library))
        except OSError as error:
            raise RequestError(
                f"no temporary folder can be made: {error.strerror or error}",
                code="temp-folder",
                status=507,
                remedy="free some space, or name another folder in the environment variable TMPDIR",
            ) from error
        except BaseException:
            self.temp.close()
            raise
        self.wakeups = Wakeups()
        threads = max(1, (os.cpu_count() or 1) // settings.jobs)
        self.workers = Workers(WorkerSetup(settings.model, library, threads), settings.jobs)
        self._running: dict[int, Progress] = {}
        self._unstored: dict[int, _End] = {}  # ends that the disk had no room for
        self._lock = threading.Lock()
        self._more = threading.Condition()
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []

    def _place(self, library: Path) -> Path:
        """Return the file of the queue; in the temporary folder if the library's folder is read-only."""
        path = queue_path(library)
        with suppress(GenrelabError):
            if self._server.library.writable and obstacle_to_writing(path) is None:
                return path
        return self.temp.path / path.name

    def start(self) -> None:
        """Take up the jobs that a killed server left, and start the threads."""
        if self._is_alone():
            self.store.free_all()
        self._tidy()
        lanes: dict[Lane, int] = {"long": _LONG_JOBS, "short": self._server.settings.jobs + _SPARE_JOBS}
        runs: list[Callable[[], None]] = [self._keep_claims]
        runs += [partial(self._run_lane, lane) for lane, most in lanes.items() for _ in range(most)]
        for run in runs:
            thread = threading.Thread(target=run, name="genrelab-jobs", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _is_alone(self) -> bool:
        """Whether no other server of this machine has this queue; a lock says so until this process ends."""
        if sys.platform == "win32":
            return False  # the jobs of a killed server are taken up when its claims have run out
        import fcntl

        try:
            file: IO[bytes] = self._held.enter_context(self.store.path.with_suffix(".lock").open("a+b"))
        except OSError:
            return False
        alone = True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            alone = False
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_SH)
        return alone

    def submit(
        self,
        kind: str,
        arguments: dict[str, Any],
        *,
        lane: Lane = "long",
        total: int | None = None,
        mine: bool = False,
    ) -> Row:
        """Append a job; see `JobStore.add`.

        Raises
        ------
        RequestError
            If too many jobs wait, or the disk is full.
        """
        row = self.store.add(kind, lane, arguments, total=total, mine=mine)
        with self._more:
            self._more.notify_all()
        self.wakeups.changed(row.id)
        return row

    def get(self, name: str) -> Row:
        """Return a job; raise RequestError if there is none with this id."""
        return self._current(self.store.get(name))

    def _current(self, row: Row) -> Row:
        """Return a job as it is, even if the disk has no room to store that."""
        with self._lock:
            end = self._unstored.get(row.number)
        return row if end is None else replace(row, state=end[0], problem=end[1])

    def cancel(self, name: str) -> Row:
        """Cancel a job; one that has ended stays as it is."""
        row = self.store.cancel(name)
        with self._lock:
            progress = self._running.get(row.number)
        if progress is not None:
            progress.stop.set()
        elif row.state in ENDED:
            self._remove_uploads(row)
        self.wakeups.changed(row.id)
        return self._current(row)

    def metrics(self) -> Iterator[Metric]:
        """Yield figures about the queue."""
        counts = self.store.counts().items()
        samples = tuple(({"state": state}, float(count)) for state, count in counts)
        yield Metric("jobs", "Jobs in the queue, by state.", samples)

    def some(self, state: State | None, *, limit: int, offset: int) -> tuple[list[Row], int]:
        """Return some jobs, newest first, and how many there are."""
        rows, total = self.store.some(state, limit=limit, offset=offset)
        return [self._current(row) for row in rows], total

    def _run_lane(self, lane: Lane) -> None:
        while not self._ending.is_set():
            try:
                row = self.store.claim(lane)
            except RequestError as error:
                _log.warning("%s", plain(str(error)))
                row = None
            if row is not None:
                self._run(row)
                continue
            with self._more:
                if not self._ending.is_set():
                    self._more.wait(_POLL_SECONDS)

    def _run(self, row: Row) -> None:
        progress = Progress(self.store, row, lambda: self.wakeups.changed(row.id))
        with self._lock:
            self._running[row.number] = progress
        if self._ending.is_set():
            progress.stop.set()
        self.wakeups.changed(row.id)
        state: State = "done"
        problem: Problem | None = None
        try:
            self._call(row, progress)
        except StoppedError:
            state = "cancelled"
            if self._ending.is_set() and not self.store.get(row.id).stop:
                if not uploads_of(row):
                    self._give_back(row)
                    return
                state = "failed"
                problem = _ENDED_BEFORE
        except LostError:
            self._forget(row)
            return
        except GenrelabError as error:
            state, problem = "failed", problem_of(error)
        except Exception:
            _log.exception("the job %s failed", row.id)
            title = "the job failed through a defect of genrelab; the log of the server says more"
            state, problem = "failed", Problem(title=title, status=500, code="job-defect")
        self._end(row, state, problem)

    def _call(self, row: Row, progress: Progress) -> None:
        if row.kind not in kinds:
            message = f"this server has no jobs of the kind {row.kind!r}"
            raise RequestError(message, code="job-kind-unknown", status=501, remedy="upgrade genrelab")
        if row.kind in writing and not self._server.settings.allow_write:
            raise RequestError(
                "this server only reads, and the job would write",
                code="job-would-write",
                status=403,
                remedy="start the server with --allow-write",
            )
        progress.check()
        kinds[row.kind](self._server, row.arguments, progress)
        progress.flush()

    def _end(self, row: Row, state: State, problem: Problem | None) -> None:
        content = None if problem is None else problem.model_dump(exclude_none=True)
        self._remove_uploads(row)
        try:
            self.store.end(row.number, state, content)
        except RequestError as error:  # stored as soon as there is room
            _log.warning("%s", plain(str(error)))
            with self._lock:
                self._unstored[row.number] = (state, content)
        self._forget(row)
        with suppress(RequestError):
            self.store.prune()

    def _give_back(self, row: Row) -> None:
        with suppress(RequestError):  # otherwise its claim runs out
            self.store.give_back(row.number)
        self._forget(row)

    def _forget(self, row: Row) -> None:
        with self._lock:
            self._running.pop(row.number, None)
        self.wakeups.changed(row.id)

    def _remove_uploads(self, row: Row) -> None:
        for made in uploads_of(row):
            self.temp.remove(made)

    def _keep_claims(self) -> None:
        """Renew the claims of this server, and do what must be done from time to time."""
        tidied = time.monotonic()
        while not self._ending.wait(_RENEW_SECONDS):
            try:
                self._store_ends()
                for number in self.store.renew():
                    with self._lock:
                        progress = self._running.get(number)
                    if progress is not None:  # cancelled through another server
                        progress.stop.set()
                self.workers.end_idle()
                if time.monotonic() > tidied + _TIDY_SECONDS:
                    tidied = time.monotonic()
                    self._tidy()
            except RequestError as error:
                _log.warning("%s", plain(str(error)))

    def _store_ends(self) -> None:
        with self._lock:
            ends = list(self._unstored.items())
        for number, (state, problem) in ends:
            self.store.end(number, state, problem)
            with self._lock:
                self._unstored.pop(number, None)

    def _tidy(self) -> None:
        """Remove old jobs, and the uploads that killed servers left for no job."""
        self.store.prune()
        self.temp.sweep({made for row in self.store.unfinished() for made in uploads_of(row)})

    def close(self) -> None:
        """Stop the jobs, end the threads and processes, and remove the temporary folder.

        Jobs in progress go back to the queue, except those with uploads: these fail.
        """
        self._ending.set()
        self.wakeups.close()
        with self._more:
            self._more.notify_all()
        with self._lock:
            for progress in self._running.values():
                progress.stop.set()
        for thread in self._threads:
            thread.join(10.0)
        self.workers.close()
        with suppress(RequestError):
            self._fail_waiting_uploads()
            self._store_ends()
        self.temp.close()
        self.store.close()
        self._held.close()

    def _fail_waiting_uploads(self) -> None:
        """End the jobs that wait for this server, whose uploads are about to be removed."""
        self.store.end_waiting(_ENDED_BEFORE.model_dump(exclude_none=True))


def queue_path(library: Path) -> Path:
    """Return the file of the queue of a library: beside it, `library.jobs.db` for `library.db`."""
    return library.with_name(f"{library.stem}.jobs.db")


def uploads_of(row: Row) -> list[str]:
    """Return the names of a job's uploads in the temporary folder; the queue is untrusted."""
    uploads = row.arguments.get("uploads")
    if not isinstance(uploads, list):
        return []
    return [str(each.get("file")) for each in uploads if isinstance(each, dict)]
