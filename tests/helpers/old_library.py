"""A library as an older genrelab made it."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

import numpy as np

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


# The tables as the statements of each former format create them; later formats only added columns.
_TRACKS = """CREATE TABLE tracks (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    sound BLOB NOT NULL,
    model TEXT NOT NULL,
    settings TEXT NOT NULL,
    version TEXT NOT NULL,
    duration REAL,
    genre TEXT,
    confidence REAL,
    reason TEXT,
    genres TEXT NOT NULL,
    timeline BLOB NOT NULL,
    embedding BLOB,
    error TEXT{added}
) STRICT"""
_CHANGES = """CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,
    draft BLOB,
    state TEXT NOT NULL CHECK (state IN ('begun', 'ready', 'done')),
    undoes INTEGER,
    sound BLOB NOT NULL,
    tag_before TEXT NOT NULL,
    tag_after TEXT NOT NULL,
    file_before BLOB,
    file_after BLOB{added}
) STRICT"""
_ADDED = {
    1: "",
    2: ",\n    full INTEGER NOT NULL DEFAULT 1,\n    probabilities BLOB",
    3: ",\n    notices TEXT NOT NULL DEFAULT '[]'",
    4: ",\n    tags TEXT NOT NULL DEFAULT '[]'",
    5: "",
}
_INDICES = (
    "CREATE INDEX tracks_sound ON tracks (sound)",
    "CREATE INDEX changes_path ON changes (path)",
    "CREATE INDEX changes_sound ON changes (sound)",
)
OLD_FORMATS = tuple(_ADDED)
_GENRES = [["jazz", 0.7], ["rock", 0.2], ["pop", 0.1]]
_TIMELINE = zlib.compress(b'[[0.0,3.0,"jazz",0.9],[3.0,6.0,"rock",0.5]]')
_MOODS = [["mood", "calm", 0.9, True], ["mood", "dark", 0.1, False]]


def make_format(path: Path, version: int) -> None:
    """Make a library of a former format: a song, a failed file, a damaged row, and two changes of tags.

    The song has what the format could store: probabilities, a notice, tags. The name of the failed file is
    not UTF-8.
    """
    common = ("m@0123456789ab", "", "0.0.9")
    song = (b"/m/a.wav", 9, 8, b"s" * 32, *common, 6.0, "jazz", 0.7, None, json.dumps(_GENRES), _TIMELINE)
    failed = (b"/m/b\xff.wav", 7, 6, b"t" * 32, *common, None, None, None, None, "[]", zlib.compress(b"[]"))
    damaged = (b"/m/c.wav", 5, 4, b"u" * 32, *common, 6.0, "jazz", 0.7, None, "[[", _TIMELINE)
    rows: list[list[object]] = [[*song, b"\0\0\x80?"], [*failed, None], [*damaged, None]]
    for row, error in zip(rows, (None, " is cut off", None), strict=True):
        row.append(error)
    more: list[tuple[object, object, object]] = []
    if version >= 2:
        more += [(1, 1, 1), (np.linspace(0, 1, 6).astype("<f2").tobytes(), None, None)]
    if version >= 3:
        more.append(('[["cut off", "it is cut off"]]', "[]", "[]"))
    if version >= 4:
        more.append((json.dumps(_MOODS), "[]", "[]"))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    added = "".join(_ADDED[each] for each in range(1, version + 1))
    connection.execute(_TRACKS.format(added=added))
    connection.execute(_CHANGES.format(added=",\n    written INTEGER" if version >= 5 else ""))
    for statement in _INDICES:
        connection.execute(statement)
    for number, row in enumerate(rows):
        values = (number + 1, *row, *(column[number] for column in more))
        connection.execute(f"INSERT INTO tracks VALUES ({', '.join('?' * len(values))})", values)
    draft = b".genrelab-0123456789abcdef.tmp"
    for number, state in enumerate(("done", "ready"), start=1):
        change = (number, b"/m/a.wav", None if state == "done" else draft, state, None, b"s" * 32)
        change += ('{"genre": ["Pop"]}', '{"genre": ["Jazz"]}', b"x" * 32, b"y" * 32)
        change += (1_700_000_000_000,) if version >= 5 else ()
        connection.execute(f"INSERT INTO changes VALUES ({', '.join('?' * len(change))})", change)
    connection.execute("PRAGMA application_id = 1734700658")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
