"""Check that a database, which may be untrusted, has exactly the tables of a schema."""

from __future__ import annotations

import sqlite3
import time


def error_code(error: sqlite3.Error) -> int:
    """Return the primary result code of an error, such as `sqlite3.SQLITE_BUSY`; 0 if it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def identity(connection: sqlite3.Connection) -> tuple[int, int, int]:
    """Return the number of the application, the version of its format, and the number of tables and indices.

    One statement reads all three: another process may create the tables at the same time.
    """
    application, version, tables = connection.execute(
        "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    return application, version, tables


def write_ahead(connection: sqlite3.Connection, wait_seconds: float) -> None:
    """Switch to WAL mode: readers and one writer at once. SQLite does not wait for this lock itself.

    Raises
    ------
    sqlite3.OperationalError
        If another process holds the lock for longer than `wait_seconds`.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = error_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def table_fault(connection: sqlite3.Connection, schema: str) -> str | None:
    """Compare the tables of a database with those of a schema.

    Parameters
    ----------
    connection : sqlite3.Connection
    schema : str
        Statements that create the tables.

    Returns
    -------
    str or None
        What is wrong: a table or column is missing, superfluous or of another type, or there is a view or
        trigger, which could run anything when the table is used.
    """
    wanted = sqlite3.connect(":memory:")
    try:
        wanted.executescript(schema)
        right = _tables(wanted)
        found = _tables(connection, set(right))
    finally:
        wanted.close()
    for kind, name in connection.execute("SELECT type, name FROM sqlite_schema WHERE type != 'index'"):
        if kind != "table":
            return f"it has the {kind} {name!r}, which genrelab does not create"
    for name, columns in right.items():
        if name not in found:
            return f"the table {name} is missing"
        if found[name] != columns:
            return f"the table {name} has other columns than in genrelab"
    return None


def _tables(connection: sqlite3.Connection, names: set[str] | None = None) -> dict[str, object]:
    """Return the columns of each table, or of those with some names, and whether it is strict about types."""
    strict = {
        name: (is_strict, has_no_rowid)
        for _, name, kind, _, has_no_rowid, is_strict in connection.execute("PRAGMA table_list")
        if kind == "table"
    }
    return {
        name: (*strict[name], _columns(connection, name))
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        if (names is None or name in names) and name in strict
    }


def _columns(connection: sqlite3.Connection, table: str) -> list[tuple[object, ...]]:
    found = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
    return [(name, kind, needed, key, hidden) for _, name, kind, needed, _, key, hidden in found]
