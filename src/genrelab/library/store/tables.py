"""Check that a database, which may be untrusted, has exactly the tables of a schema."""

from __future__ import annotations

import sqlite3


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
