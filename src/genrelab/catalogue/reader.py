"""Read a catalogue: exactly one row per file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genrelab.catalogue.manifest import check_catalogue
from genrelab.catalogue.resume import Keys, KnownKeys, counting_rows, file_keys, path_keys
from genrelab.catalogue.schema import SHARDS
from genrelab.catalogue.shards import Shard, list_shards, read_shard
from genrelab.catalogue.storage import Storage
from genrelab.errors import UsageError
from genrelab.recognize.prefetch import map_in_order

_Kind = TypeVar("_Kind", bound=np.generic)

_ORDER = ["path_bytes", "generation", "written_at"]


def read_catalogue(place: str, *, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a catalogue, exactly one per file: that of the latest run that processed it.

    A catalogue may have several rows about a file: it changed, the model did, or a run was killed. Memory
    holds about 100 bytes per row, and one shard.

    Parameters
    ----------
    place : str
        A folder, or `s3://bucket/prefix`.
    columns : sequence of str or None
        Names from `genrelab.catalogue.schema.SHARDS`; None means all.

    Yields
    ------
    pyarrow.Table
        Never empty.

    Raises
    ------
    UsageError
        If a column is unknown.
    CatalogueError
        If there is no catalogue, or a shard cannot be read.

    Examples
    --------
    >>> import pyarrow as pa
    >>> pa.concat_tables(read_catalogue("catalogue", columns=["path", "genre"]))  # doctest: +SKIP
    """
    for name in columns or ():
        if name not in SHARDS.names:
            message = f"a catalogue has no column {name!r}. Choose from {', '.join(SHARDS.names)}."
            raise UsageError(message, code="catalogue-column")
    storage = Storage.at(place)
    check_catalogue(storage)
    return newest_rows(storage, list_shards(storage), columns)


def newest_rows(
    storage: Storage, shards: Sequence[Shard], columns: Sequence[str] | None = None
) -> Iterator[pa.Table]:
    """Yield the newest row of each file; see `read_catalogue`."""
    newest = _newest(storage, shards)
    for wanted, table in zip(newest, _tables(storage, shards, columns, jobs=2), strict=True):
        if len(wanted):
            yield table.take(pa.array(wanted))


def _tables(
    storage: Storage, shards: Sequence[Shard], columns: Sequence[str] | None, *, jobs: int
) -> Iterator[pa.Table]:
    """Yield the rows of each shard; several are read at once, because a store answers slowly."""

    def read(shard: Shard, stop: threading.Event) -> pa.Table:
        return read_shard(storage, shard, columns)

    return map_in_order(read, shards, jobs=jobs if storage.is_s3 else 1)


def read_known(
    storage: Storage, shards: Sequence[Shard], codes: frozenset[str] | None, *, full: bool = False
) -> KnownKeys:
    """Return the keys of the newest records that need no repetition.

    Parameters
    ----------
    storage : Storage
    shards : sequence of Shard
    codes : frozenset of str or None
        The error codes to repeat; None means all.
    full : bool
        Whether to repeat files that were recognized from some of their segments.
    """
    known = KnownKeys()
    columns = ["path_bytes", "size", "version", "model", "error_code", "full"]
    for table in newest_rows(storage, shards, columns):
        known.add(file_keys(counting_rows(table, codes, full=full)))
    return known


def _newest(storage: Storage, shards: Sequence[Shard]) -> list[npt.NDArray[np.int64]]:
    """Return the numbers of the newest rows of each shard, ascending."""
    keys: list[Keys] = []
    generations: list[npt.NDArray[np.int64]] = []
    times: list[npt.NDArray[np.int64]] = []
    for table in _tables(storage, shards, _ORDER, jobs=8):
        keys.append(path_keys(table.column("path_bytes")))
        generations.append(table.column("generation").fill_null(0).to_numpy())
        times.append(table.column("written_at").cast(pa.int64()).fill_null(0).to_numpy())
    ends = np.cumsum([len(each) for each in keys])
    if not keys:
        return []
    key = _joined(keys)
    order = np.lexsort([_joined(times), _joined(generations), key])  # of equal ones, the last row counts
    key = key[order]
    last = np.ones(len(key), np.bool_)
    last[:-1] = key[1:] != key[:-1]
    newest = np.sort(order[last])
    starts = np.concatenate([[0], ends[:-1]])
    parts = np.split(newest, np.searchsorted(newest, ends[:-1]))
    return [part - start for part, start in zip(parts, starts, strict=True)]


def _joined(pieces: list[npt.NDArray[_Kind]]) -> npt.NDArray[_Kind]:
    """Return the pieces as one array, and let go of them."""
    whole = np.concatenate(pieces)
    pieces.clear()
    return whole
