"""A library as an older genrelab made it."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

from genrelab.library import Library

# The table of tracks in layout 1, before an answer told how much of the file was heard.
_TRACKS_1 = """
CREATE TABLE tracks (
    id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    sound BLOB NOT NULL, model TEXT NOT NULL, settings TEXT NOT NULL, version TEXT NOT NULL, duration REAL,
    genre TEXT, confidence REAL, reason TEXT, genres TEXT NOT NULL, timeline BLOB NOT NULL, embedding BLOB,
    error TEXT
) STRICT
"""


def make_old(path: Path) -> None:
    """Make a library of layout 1 with one track."""
    Library(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE tracks")
        connection.execute(_TRACKS_1)
        connection.execute("ALTER TABLE changes DROP COLUMN written")
        connection.execute("CREATE INDEX tracks_sound ON tracks (sound)")
        timeline = zlib.compress(json.dumps([[0.0, 3.0, "jazz", 0.9]]).encode())
        values = (b"/m/a.wav", 9, 8, b"s" * 32, "m@1", "", "0.1.0", 3.0, "jazz", 0.9, None)
        values += (json.dumps([["jazz", 0.9], ["pop", 0.1]]), timeline, b"\0\0\x80?", None)
        connection.execute(f"INSERT INTO tracks VALUES (1, {', '.join('?' * len(values))})", values)
        connection.execute("PRAGMA user_version = 1")
    connection.close()
