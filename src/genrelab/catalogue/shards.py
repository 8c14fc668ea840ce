"""Shards: the Parquet files of a catalogue, each written once under a name of its own."""

from __future__ import annotations

import datetime
import re
import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import pyarrow as pa
import pyarrow.parquet as pq

from genrelab.catalogue.schema import SCHEMA_VERSION, SHARDS
from genrelab.catalogue.storage import Storage, Stored
from genrelab.errors import CatalogueError, UsageError

FOLDER = "shards"
LEAST_ROWS, MOST_ROWS = 1000, 5000
"""Rows of a shard; the last one of a run may have fewer."""

_NAME = re.compile(r"records-(\d{8,18})-[0-9a-f]{32}\.parquet", re.ASCII)
_VERSION_KEY = b"genrelab.schema_version"
_LARGEST = 2**31  # bytes of a shard; the largest plausible one has some 50 MB


class Shard(NamedTuple):
    """A shard: its name below the catalogue, the generation of its run, and its size in bytes."""

    name: str
    generation: int
    size: int


class ShardWriter:
    """Collects records and writes them as shards.

    Parameters
    ----------
    storage : Storage
    generation : int > 0
        Of the run.
    rows : int
        Rows of a shard, `LEAST_ROWS` to `MOST_ROWS`.

    Attributes
    ----------
    written : dict of str to int
        Name of each shard -> its rows.

    Raises
    ------
    UsageError
        If the number of rows is out of range.
    """

    def __init__(self, storage: Storage, generation: int, *, rows: int) -> None:
        if not LEAST_ROWS <= rows <= MOST_ROWS:
            message = f"--shard-rows must be {LEAST_ROWS} to {MOST_ROWS}, not {rows}."
            raise UsageError(message, code="catalogue-shard-rows")
        self._storage = storage
        self._generation = generation
        self._rows = rows
        self._waiting: list[pa.Table] = []
        self._n_waiting = 0
        self.written: dict[str, int] = {}

    def add(self, records: pa.Table) -> None:
        """Add records of the schema `genrelab.catalogue.schema.RECORDS`; write shards that are full."""
        self._waiting.append(records)
        self._n_waiting += records.num_rows
        while self._n_waiting >= self._rows:
            self._write(self._rows)

    def flush(self) -> None:
        """Write what waits as a last, smaller shard."""
        if self._n_waiting:
            self._write(self._n_waiting)

    def _write(self, rows: int) -> None:
        joined = pa.concat_tables(self._waiting)
        table, rest = joined.slice(0, rows), joined.slice(rows)
        name = f"{FOLDER}/records-{self._generation:08}-{secrets.token_hex(16)}.parquet"
        self._storage.write(name, _encode(table, self._generation))
        self.written[name] = table.num_rows
        self._waiting, self._n_waiting = [rest] if rest.num_rows else [], rest.num_rows


def _encode(records: pa.Table, generation: int) -> memoryview:
    now = datetime.datetime.now(datetime.UTC)
    rows = records.num_rows
    columns = [*records.columns, pa.array([generation] * rows, pa.int64())]
    columns.append(pa.array([now] * rows, pa.timestamp("us", "UTC")))
    schema = SHARDS.with_metadata({_VERSION_KEY: str(SCHEMA_VERSION).encode()})
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_arrays(columns, schema=schema), buffer, compression="zstd")
    return memoryview(buffer.getvalue())


def list_shards(storage: Storage) -> list[Shard]:
    """Return the shards of a catalogue, oldest run first; other files are no shards.

    Raises
    ------
    CatalogueError
        If the folder cannot be read.
    """
    found = []
    for stored in storage.names(FOLDER):
        shard = _as_shard(stored)
        if shard is not None:
            found.append(shard)
    return sorted(found, key=lambda shard: (shard.generation, shard.name))


def read_shard(storage: Storage, shard: Shard, columns: Sequence[str] | None = None) -> pa.Table:
    """Return the rows of a shard.

    Parameters
    ----------
    storage : Storage
    shard : Shard
    columns : sequence of str or None
        Names of columns; None means all.

    Raises
    ------
    CatalogueError
        If it is damaged, of a newer schema, or none of genrelab's shards.
    """
    address = storage.address(shard.name)
    if shard.size > _LARGEST:
        raise _damaged(address, f"{shard.size} bytes are too many")
    try:
        with storage.open(shard.name) as source, pq.ParquetFile(source) as file:
            _check(file, address)
            table = file.read(columns=columns and list(columns), use_threads=False)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(address, str(error)) from error
    return table.select(list(columns)) if columns else table


def rows_of(storage: Storage, shard: Shard) -> int:
    """Return the number of rows of a shard.

    Raises
    ------
    CatalogueError
        As `read_shard` does.
    """
    address = storage.address(shard.name)
    try:
        with storage.open(shard.name) as source, pq.ParquetFile(source) as file:
            _check(file, address)
            return cast(int, file.metadata.num_rows)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged(address, str(error)) from error


def _check(file: Any, address: str) -> None:
    version = (file.schema_arrow.metadata or {}).get(_VERSION_KEY, b"")
    if not version.isdigit() or len(version) > 9:
        raise _damaged(address, "it states no schema version")
    if int(version) > SCHEMA_VERSION:
        message = (
            f"{address} has schema {int(version)}; this genrelab reads up to {SCHEMA_VERSION}. Update it."
        )
        raise CatalogueError(message, code="catalogue-newer")
    if not file.schema_arrow.equals(SHARDS):
        raise _damaged(address, "its columns are others")
    if file.metadata.num_rows > MOST_ROWS:
        raise _damaged(address, f"{file.metadata.num_rows} rows are too many")


def _as_shard(stored: Stored) -> Shard | None:
    match = _NAME.fullmatch(stored.name)
    return None if match is None else Shard(f"{FOLDER}/{stored.name}", int(match[1]), stored.size)


def _damaged(address: str, why: str) -> CatalogueError:
    message = f"{address} is no shard that can be read: {why}. Remove it; its files are then done again."
    return CatalogueError(message, code="catalogue-shard")
