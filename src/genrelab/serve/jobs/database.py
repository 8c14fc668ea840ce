"""The file of the queue: an SQLite database beside the library, which several servers may share."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genrelab.library.store.sqlite_file import error_code, identity, table_fault, write_ahead
from genrelab.serve.problem import RequestError

_APPLICATION = 0x67656E6A  # "genj": distinguishes a queue from databases of other programs
_VERSION = 1
_WAIT_SECONDS = 10.0  # for the transaction of another process, which takes milliseconds
_MOST_BYTES = 2**26  # of a value or a row

_SCHEMA = """
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,       -- random
    kind TEXT NOT NULL,
    lane TEXT NOT NULL CHECK (lane IN ('short', 'long')),
    arguments TEXT NOT NULL,       -- JSON
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    stop INTEGER NOT NULL DEFAULT 0,      -- whether someone cancelled it while it runs
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER,
    created INTEGER NOT NULL,      -- milliseconds since 1970
    started INTEGER,
    ended INTEGER,
    owner TEXT,                    -- the server that runs it
    lease INTEGER,                 -- until when, in milliseconds since 1970, unless it is renewed
    attempts INTEGER NOT NULL DEFAULT 0,  -- to run it, since its last result
    problem TEXT,                  -- JSON
    revision INTEGER NOT NULL      -- of the whole queue, at the last change of this job
) STRICT;
CREATE INDEX jobs_state ON jobs (state, lane, number);
CREATE INDEX jobs_revision ON jobs (revision);
CREATE TABLE results (
    job INTEGER NOT NULL,
    position INTEGER NOT NULL,     -- 1, 2, ... in the order in which they were found
    item INTEGER NOT NULL,         -- in the order of the files
    key BLOB NOT NULL,             -- of the file: no file is done twice
    content BLOB NOT NULL,         -- JSON, compressed with zlib
    PRIMARY KEY (job, position),
    UNIQUE (job, key)
) STRICT;
CREATE INDEX results_item ON results (job, item);
"""


class QueueDatabase:
    """The open file. Several threads may share it.

    Outside `transaction`, every statement is a transaction. A committed one survives a killed process.

    Parameters
    ----------
    path : Path
        Created if missing.

    Raises
    ------
    RequestError
        If the file cannot be opened or written, or is not a queue.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        connection = self._connection
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
        connection.execute("PRAGMA trusted_schema = OFF")
        if identity(connection) == (0, 0, 0):  # a new file
            write_ahead(connection, _WAIT_SECONDS)
            with self.transaction():
                if identity(connection) == (0, 0, 0):  # otherwise another process was faster
                    for statement in _SCHEMA.split(";\n"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
        application, version, _ = identity(connection)
        if application != _APPLICATION:
            raise self._unusable("is a file of another program")
        if version != _VERSION:
            raise self._unusable(f"has the format {version}, not {_VERSION}")
        fault = table_fault(connection, _SCHEMA)
        if fault is not None:
            raise self._unusable(f"is damaged ({fault})")
        connection.execute("PRAGMA synchronous = NORMAL")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run several statements as one transaction; other processes wait."""
        with self._lock, self._explained():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Run a statement and return its rows."""
        with self._lock, self._explained():
            return self._connection.execute(statement, values).fetchall()

    def close(self) -> None:
        """Close the file."""
        with self._lock, self._explained():
            self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of SQLite into a `RequestError`."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.Error as error:
            raise self._explain(error) from error

    def _explain(self, error: sqlite3.Error) -> RequestError:
        code, path = error_code(error), str(self.path)
        if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_TOOBIG):
            return self._unusable(f"is damaged ({error})")
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR):
            return RequestError(
                f"the queue of jobs {path} cannot be written: the disk is full or failing",
                code="jobs-disk-full",
                status=507,
                path=path,
                remedy="free some space",
            )
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return RequestError(
                f"the queue of jobs {path} was locked by another process for {_WAIT_SECONDS:.0f} s",
                code="jobs-locked",
                status=503,
                path=path,
                remedy="try again when that process has ended",
            )
        return RequestError(
            f"the queue of jobs {path} cannot be used: {error}",
            code="jobs-unusable",
            status=503,
            path=path,
            remedy="check the permissions of the file and its folder",
        )

    def _unusable(self, what: str) -> RequestError:
        return RequestError(
            f"the queue of jobs {self.path} {what}",
            code="jobs-damaged",
            status=503,
            path=str(self.path),
            remedy="stop the server and move the file away; a new one is made, and no result of the library "
            "is lost",
        )
