"""The columns of a catalogue.

`FILES` is what a listing gives, `RECORDS` what `genrelab.catalogue.records.records` makes of it, and `SHARDS`
what the Parquet files contain: a record and when it was written. Texts are UTF-8; a byte of a file name that
is not becomes an escape in `path`, and `path_bytes` has the exact name.
"""

from __future__ import annotations

import pyarrow as pa

SCHEMA_VERSION = 1
"""Raised by one when a column is added or changes its meaning."""

_text, _number = pa.string(), pa.float64()
_genre = [("genre", _text), ("probability", _number)]
_tag = [("kind", _text), ("name", _text), ("probability", _number), ("present", pa.bool_())]

FILES = pa.schema(
    [
        ("path", _text),  # absolute, or s3://bucket/key
        ("path_bytes", pa.binary()),  # the exact name: the key of a file
        ("size", pa.int64()),  # bytes; null if the file cannot be looked up
        ("version", _text),  # `etag:...`, or `time:` and nanoseconds since 1970; null likewise
        ("error_code", _text),  # why the file cannot be read, if that is known without opening it
        ("error", _text),
    ]
)
"""Columns of a listing: one row per file."""

RECORDS = pa.schema(
    [
        ("path", _text),
        ("path_bytes", pa.binary()),
        ("size", pa.int64()),
        ("version", _text),
        ("bytes_read", pa.int64()),  # from the object store; null for a local file
        ("duration", _number),  # seconds
        ("genre", _text),
        ("confidence", _number),
        ("reason", _text),
        ("genres", pa.list_(pa.struct(_genre))),  # all, most likely first
        ("tags", pa.list_(pa.struct(_tag))),
        ("segments", pa.list_(pa.struct([("start", _number), ("end", _number), *_genre]))),
        ("full", pa.bool_()),
        ("notices", pa.list_(pa.struct([("kind", _text), ("text", _text)]))),
        ("embedding", pa.list_(pa.float16())),
        ("error_code", _text),  # null: recognized
        ("error", _text),
        ("remedy", _text),
        ("model", _text),
        ("genrelab", _text),  # its version
        ("schema_version", pa.int32()),
    ]
)
"""Columns of records: one row per file, also for a file that cannot be recognized."""

SHARDS = pa.schema(
    [
        *RECORDS,
        pa.field("generation", pa.int64()),  # of the run: later runs have larger numbers
        pa.field("written_at", pa.timestamp("us", "UTC")),
    ]
)
"""Columns of the Parquet files. Of several rows with one `path_bytes`, the one with the largest `generation`
counts, then the one with the latest `written_at`."""
