"""The engine of one machine: processes, each with one session and one thread.

A worker gets a few files at a time and sends one record after the other. If it dies, the first file without a
record is the one that it worked on: that file gets an error row, and the others go to another worker.
"""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any

import pyarrow as pa

from genrelab.catalogue.records import failed, load_recognizer, records
from genrelab.catalogue.settings import Settings
from genrelab.errors import CatalogueError, GenrelabError
from genrelab.recognize.prefetch import read_ahead

_HELD = 2  # files that a worker has, so that it never waits for the next one
_MOST_FAILED_STARTS = 3  # in a row
_READY, _REFUSED = b"ready", b"refused "
_START_SECONDS = 300.0


class LocalEngine:
    """Runs as many processes as `Settings.workers`; see `genrelab.catalogue.engines.engine.Engine`."""

    name = "local"

    def run(self, files: Iterable[pa.Table], settings: Settings) -> Iterator[pa.Table]:
        """Yield one table with one row per file, as they are finished."""
        with closing(read_ahead(files)) as tables:  # a listing may wait for a store
            pool = _Pool(_single_rows(tables), settings)
            try:
                yield from pool.work()
            finally:
                pool.stop()


def _single_rows(files: Iterable[pa.Table]) -> Iterator[pa.Table]:
    for table in files:
        for row in range(table.num_rows):
            yield table.slice(row, 1)


class _Worker:
    """A process, and the files that it has: the first is the one that it works on."""

    def __init__(self, settings: Settings) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, settings), daemon=True)
        self.process.start()
        theirs.close()
        self.ready = False
        self.files: deque[pa.Table] = deque()
        self.since = time.monotonic()  # when it began to start, or the first of its files

    def give(self, file: pa.Table) -> None:
        """Send a file."""
        self.connection.send_bytes(_to_bytes(file))
        if not self.files:
            self.since = time.monotonic()
        self.files.append(file)

    def end(self) -> None:
        """Stop the process, whatever it does."""
        self.connection.close()
        self.process.kill()
        self.process.join()
        self.process.close()


class _Pool:
    """The workers, and the files that wait for one."""

    def __init__(self, files: Iterator[pa.Table], settings: Settings) -> None:
        self._files = files
        self._settings = settings
        self._returned: deque[pa.Table] = deque()  # from workers that died
        self._workers: list[_Worker] = []
        self._failed_starts = 0
        self._done = False

    def work(self) -> Iterator[pa.Table]:
        """Yield the records."""
        self._returned.extend(islice(self._files, self._settings.workers))
        self._workers = [_Worker(self._settings) for _ in self._returned]
        while self._busy():
            limit = min((self._left(worker) for worker in self._workers), default=0.0)
            ready = wait([worker.connection for worker in self._workers], timeout=max(0.0, limit))
            for worker in [worker for worker in self._workers if worker.connection in ready]:
                yield from self._receive(worker)
            for worker in [worker for worker in self._workers if self._left(worker) <= 0]:
                yield from self._bury(worker, late=True)

    def stop(self) -> None:
        """End all workers."""
        for worker in self._workers:
            worker.end()
        self._workers = []

    def _next(self) -> pa.Table | None:
        if self._returned:
            return self._returned.popleft()
        file = None if self._done else next(self._files, None)
        self._done = file is None
        return file

    def _busy(self) -> bool:
        """Whether a file is not finished."""
        if any(worker.files for worker in self._workers):
            return True
        waiting = self._next()
        if waiting is None:
            return False
        self._returned.appendleft(waiting)
        return True

    def _left(self, worker: _Worker) -> float:
        """Return the seconds that a worker still has for what it does."""
        if worker.ready and not worker.files:
            return self._settings.file_seconds
        allowed = self._settings.file_seconds if worker.ready else _START_SECONDS
        return worker.since + allowed - time.monotonic()

    def _receive(self, worker: _Worker) -> Iterator[pa.Table]:
        try:
            message = worker.connection.recv_bytes()
        except (EOFError, OSError):
            yield from self._bury(worker)
            return
        if message.startswith(_REFUSED):
            raise CatalogueError(message[len(_REFUSED) :].decode(), code="catalogue-worker-refused")
        if message == _READY:
            worker.ready, self._failed_starts = True, 0
        else:
            worker.files.popleft()
            worker.since = time.monotonic()
            yield _from_bytes(message)
        while len(worker.files) < _HELD and (file := self._next()) is not None:
            try:
                worker.give(file)
            except OSError:  # it died meanwhile; what it has sent before is read first
                self._returned.append(file)
                return

    def _bury(self, worker: _Worker, *, late: bool = False) -> Iterator[pa.Table]:
        """Take a worker that died out of the pool, and start another one if it is needed."""
        self._workers.remove(worker)
        worker.end()
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS:
                message = f"{self._failed_starts} workers in a row did not start. Use fewer --workers."
                raise CatalogueError(message, code="catalogue-worker-start")
        elif worker.files:
            yield failed(worker.files.popleft(), self._settings, "worker-timeout" if late else "worker-died")
        self._returned.extendleft(reversed(worker.files))
        if self._busy():
            self._workers.append(_Worker(self._settings))


def _serve(connection: Connection, settings: Settings) -> None:
    """Recognize files until there are no more: the main function of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process stops its workers
    try:
        recognizer = load_recognizer(settings)
    except GenrelabError as error:
        connection.send_bytes(_REFUSED + str(error).encode("utf-8", "backslashreplace"))
        return
    connection.send_bytes(_READY)
    while True:
        try:
            file = _from_bytes(connection.recv_bytes())
            connection.send_bytes(_to_bytes(records(file, settings, recognizer)))
        except (EOFError, OSError):
            return  # the main process ended


def _to_bytes(table: pa.Table) -> Any:
    buffer = pa.BufferOutputStream()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue().to_pybytes()


def _from_bytes(data: bytes) -> pa.Table:
    return pa.ipc.open_stream(data).read_all()
