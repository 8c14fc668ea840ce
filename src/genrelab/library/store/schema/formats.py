"""The tables of a library, and the statements that upgrade older formats."""

from __future__ import annotations

SCHEMA_VERSION = 6
"""The format that this genrelab writes, and the newest that it reads; older ones are upgraded."""

SUMMARY = """CREATE INDEX IF NOT EXISTS tracks_summary ON tracks (
    model, present, genre, reason, confidence, duration, size, error, path
)"""
"""An index with all short columns: what asks only for these reads a twentieth of the table."""

UNCHECKED = "CREATE INDEX IF NOT EXISTS tracks_unchecked ON tracks (id) WHERE checksum IS NULL"
"""An index of the rows whose derived values are missing."""

# Paths are bytes (os.fsencode) because a file name need not be text.
SCHEMA = f"""
CREATE TABLE tracks (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE,    -- where the file is, without links
    size INTEGER NOT NULL,        -- in bytes
    mtime_ns INTEGER NOT NULL,    -- when it was changed last
    sound BLOB NOT NULL,          -- SHA-256 of its sound: tags do not change it
    model TEXT NOT NULL,          -- Bundle.identity of what recognized it
    settings TEXT NOT NULL,       -- how
    version TEXT NOT NULL,        -- of genrelab
    duration REAL,
    genre TEXT,
    confidence REAL,
    reason TEXT,
    genres TEXT NOT NULL,         -- JSON: [[genre, probability], ...]
    timeline BLOB NOT NULL,       -- JSON, compressed with zlib: [[start, end, genre, probability], ...]
    embedding BLOB,               -- float32, little-endian
    error TEXT,
    full INTEGER NOT NULL DEFAULT 1,  -- whether all of the file was heard
    probabilities BLOB,           -- of each segment if so: float16, little-endian, in the order of `genres`
    notices TEXT NOT NULL DEFAULT '[]',  -- JSON: [[kind, text], ...]
    tags TEXT NOT NULL DEFAULT '[]',  -- JSON: [[kind, name, probability, present], ...]
    present TEXT,                 -- JSON: ["kind:name", ...] of the tags that are present; '' without tags
    checksum INTEGER              -- of the long columns once they are checked; see `derived`
) STRICT;
CREATE INDEX tracks_sound ON tracks (sound);
{SUMMARY};
{UNCHECKED};
CREATE TABLE changes (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,           -- the file whose tags were written
    draft BLOB,                   -- name of the new file beside it while it is made
    state TEXT NOT NULL CHECK (state IN ('begun', 'ready', 'done')),
    undoes INTEGER,               -- the change that this one takes back
    sound BLOB NOT NULL,          -- SHA-256 of its sound
    tag_before TEXT NOT NULL,     -- JSON: the tag values that change
    tag_after TEXT NOT NULL,
    file_before BLOB,             -- SHA-256 of the whole file
    file_after BLOB,
    written INTEGER               -- when it was done, in milliseconds since 1970
) STRICT;
CREATE INDEX changes_path ON changes (path);
CREATE INDEX changes_sound ON changes (sound);
"""

UPGRADES = {
    1: (
        "ALTER TABLE tracks ADD COLUMN full INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE tracks ADD COLUMN probabilities BLOB",
    ),
    2: ("ALTER TABLE tracks ADD COLUMN notices TEXT NOT NULL DEFAULT '[]'",),
    3: ("ALTER TABLE tracks ADD COLUMN tags TEXT NOT NULL DEFAULT '[]'",),
    4: ("ALTER TABLE changes ADD COLUMN written INTEGER",),
    # The summary follows when the rows have their derived values; see `derived.complete`.
    5: (
        "ALTER TABLE tracks ADD COLUMN present TEXT",
        "ALTER TABLE tracks ADD COLUMN checksum INTEGER",
        UNCHECKED,
    ),
}
"""Statements that upgrade each older format to the next one; none of them touches a row."""
