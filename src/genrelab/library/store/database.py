"""The file of the library: an SQLite database that several processes may share."""

from __future__ import annotations

import os
import sqlite3
import threading
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import platformdirs

from genrelab.errors import LibraryError
from genrelab.library.store.place import CANNOT_OPEN, WRITE_PROTECTED, obstacle_to_writing
from genrelab.library.store.schema.formats import SCHEMA, SCHEMA_VERSION, UPGRADES
from genrelab.library.store.sqlite_file import error_code, identity, table_fault, write_ahead

LIBRARY_VARIABLE = "GENRELAB_LIBRARY"
"""The environment variable with the path of the library."""

_APPLICATION = 0x67656E72  # "genr": distinguishes a library from databases of other programs
_WAIT_SECONDS = 30.0  # for the transaction of another process, which takes milliseconds
_MOST_BYTES = 2**28  # of a value or a row


def default_path() -> Path:
    """Return the default path of the library.

    It is the value of `GENRELAB_LIBRARY`, or `library.db` in the user's data folder.
    """
    named = os.environ.get(LIBRARY_VARIABLE)
    return Path(named) if named else platformdirs.user_data_path("genrelab", appauthor=False) / "library.db"


class Database:
    """An open library file. Several threads may share it.

    Outside `transaction`, every statement is a transaction. A committed one survives a killed process and,
    after `be_durable`, a power cut.

    Parameters
    ----------
    path : Path
        The file; it and its folder are created if missing.
    must_write : bool
        Whether a read-only file is an error. Otherwise it is read, and no file is created beside it.

    Attributes
    ----------
    path : Path
    writable : bool
        Whether the file can be written.

    Raises
    ------
    LibraryError
        If the file cannot be opened, is not a library, is damaged, or was made by a newer genrelab.
    """

    def __init__(self, path: Path, *, must_write: bool = True) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._inside = False
        obstacle = obstacle_to_writing(path)
        if obstacle is not None and must_write:
            raise LibraryError(f"the library {path} {obstacle}", code="library-read-only")
        self.writable = obstacle is None
        with self._errors_explained():
            self._connection = self._connect() if self.writable else self._connect_to_read()
        try:
            with self._errors_explained():
                self._prepare()
        except BaseException:
            self._connection.close()
            raise

    def _connect(self, *, uri: str | None = None) -> sqlite3.Connection:
        connection = sqlite3.connect(
            uri or self.path,
            uri=uri is not None,
            timeout=_WAIT_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MOST_BYTES)
        connection.execute("PRAGMA trusted_schema = OFF")
        return connection

    def _connect_to_read(self) -> sqlite3.Connection:
        """Open a file that is read-only or in a read-only folder.

        A library uses SQLite's WAL mode, in which readers need two more files. If these cannot be created,
        no process can be writing, and the file can be opened as immutable.
        """
        uri = Path(os.path.abspath(self.path)).as_uri()
        connection = self._connect(uri=f"{uri}?mode=ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            return connection
        except sqlite3.OperationalError as error:
            connection.close()
            log = f"{self.path}-wal"
            if not _is(error, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise
            if os.path.exists(log) and os.path.getsize(log):
                raise LibraryError(
                    f"the library {self.path} has changes in {log} that can be read only where the library "
                    "is writable. Copy both files to such a place and name the copy with --library FILE.",
                    code="library-log-unread",
                ) from error
        return self._connect(uri=f"{uri}?mode=ro&immutable=1")

    def _prepare(self) -> None:
        application, version, tables = identity(self._connection)
        if application == 0 and version == 0 and tables == 0 and self.writable:  # a new file
            write_ahead(self._connection, _WAIT_SECONDS)
            with self.transaction():
                if identity(self._connection)[2] == 0:  # otherwise another process was faster
                    for statement in SCHEMA.split(";\n"):
                        self._connection.execute(statement)
                    self._connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                    self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            application, version, tables = identity(self._connection)
        if application != _APPLICATION:
            message = f"{self.path} is a database of another program. Name another --library FILE."
            raise LibraryError(message, code="library-foreign")
        if version > SCHEMA_VERSION:
            raise LibraryError(
                f"the library {self.path} was made by a newer genrelab (its format is {version}, this "
                f"genrelab reads up to {SCHEMA_VERSION}). Upgrade: pip install --upgrade genrelab",
                code="library-newer",
            )
        if version < 1:
            message = f"the library {self.path} {_damaged(f'its format is {version}')}"
            raise LibraryError(message, code="library-damaged")
        if version < SCHEMA_VERSION:
            if not self.writable:
                self._move_to_copy()
            self._upgrade()
        self._check_tables()
        # Commits survive a killed process; only a power cut may lose the last ones.
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def _move_to_copy(self) -> None:
        """Continue with a copy that SQLite deletes in the end, where an older format can be upgraded."""
        copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)  # a large one is a file
        self._connection.backup(copy)
        self._connection.close()
        self._connection = copy

    def _check_tables(self) -> None:
        """Raise unless the file has exactly genrelab's tables, without triggers or views."""
        fault = table_fault(self._connection, SCHEMA)
        if fault is not None:
            raise LibraryError(f"the library {self.path} {_damaged(fault)}", code="library-damaged")

    def _upgrade(self) -> None:
        with self.transaction():
            for version in range(
                identity(self._connection)[1], SCHEMA_VERSION
            ):  # another process may have been faster
                for statement in UPGRADES[version]:
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def be_durable(self) -> None:
        """Make later commits survive a power cut: each waits for the disk."""
        self.execute("PRAGMA synchronous = FULL")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run several statements as one transaction; other processes wait."""
        with self._lock, self._errors_explained():
            if self._inside:  # inside an outer transaction
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._inside = True
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = False

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement that changes the database.

        Returns
        -------
        int
            The id of the new row after an INSERT; otherwise meaningless.
        """
        with self._lock, self._errors_explained():
            return self._connection.execute(statement, values).lastrowid or 0

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return all rows of a SELECT."""
        with self._lock, self._errors_explained():
            try:
                return self._connection.execute(statement, values).fetchall()
            except sqlite3.OperationalError as error:
                if error_code(error) or self._connection.text_factory is not str:
                    raise
            self._connection.text_factory = _decode  # slower, for texts that are not UTF-8
            return self._connection.execute(statement, values).fetchall()

    def numbers(self, statement: str, values: Sequence[Any] = ()) -> array[int]:
        """Return the only column of a SELECT, of 64-bit integers: eight bytes a row."""
        with self._lock, self._errors_explained():
            return array("q", (number for (number,) in self._connection.execute(statement, values)))

    @contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """Turn errors of SQLite into a `LibraryError`."""
        try:
            yield
        except sqlite3.Error as error:
            raise _explain(self.path, error) from error
        except (OverflowError, UnicodeError) as error:  # a value that SQLite cannot store
            message = f"the library {self.path} cannot store a value: {error}"
            raise LibraryError(message, code="library-value") from error

    def close(self) -> None:
        """Close the file."""
        with self._lock, self._errors_explained():
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _is(error: sqlite3.Error, *codes: int) -> bool:
    """Whether SQLite failed with one of some primary result codes."""
    return error_code(error) in codes


def _explain(path: Path, error: sqlite3.Error) -> LibraryError:
    """Return SQLite's error as one with a remedy."""
    library = f"the library {path}"
    if _is(error, sqlite3.SQLITE_NOTADB):
        message = f"{library} is not an SQLite database. Name another --library FILE."
        return LibraryError(message, code="library-no-database")
    if _is(error, sqlite3.SQLITE_CORRUPT):
        return LibraryError(f"{library} {_damaged(str(error))}", code="library-damaged")
    if _is(error, sqlite3.SQLITE_TOOBIG):
        what = "a value is larger than any that genrelab writes"
        return LibraryError(f"{library} {_damaged(what)}", code="library-damaged")
    if _is(error, sqlite3.SQLITE_FULL):
        message = f"{library} cannot be written: the disk is full. Free some space."
        return LibraryError(message, code="library-disk-full")
    if _is(error, sqlite3.SQLITE_READONLY):
        return LibraryError(f"{library} {WRITE_PROTECTED}", code="library-read-only")
    if _is(error, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        what = f"was locked by another process for more than {_WAIT_SECONDS:.0f} s"
        return LibraryError(f"{library} {what}. Try again when it has ended.", code="library-locked")
    if _is(error, sqlite3.SQLITE_IOERR):
        message = f"{library} cannot be read or written ({error}). Check whether its disk is full or failing."
        return LibraryError(message, code="library-disk-fault")
    if _is(error, sqlite3.SQLITE_CANTOPEN):
        return LibraryError(f"{library} {CANNOT_OPEN}", code="library-unreadable")
    return LibraryError(f"{library} cannot be used: {error}", code="library-unusable")


def _damaged(what: str) -> str:
    return (
        f"is damaged ({what}). Move it away. genrelab then creates a new one and recognizes the music again."
    )


def _decode(text: bytes) -> str:
    return text.decode("utf-8", "replace")
