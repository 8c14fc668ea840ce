"""Read a catalogue: exactly one row per file."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genrelab.catalogue.manifest import check_catalogue
from genrelab.catalogue.resume import KnownKeys, counting_rows, file_keys, path_keys
from genrelab.catalogue.schema import SHARDS
from genrelab.catalogue.shards import Shard, list_shards, read_shard
from genrelab.catalogue.storage import Storage
from genrelab.errors import UsageError
from genrelab.recognize.prefetch import map_in_order

_ORDER = ["path_bytes", "generation", "written_at"]


def read_catalogue(place: str, *, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """Yield the rows of a catalogue, exactly one per file: that of the latest run that processed it.

    A catalogue may have several rows about a file: it changed, the model did, or a run was killed. Memory
    holds about 50 bytes per row, and one shard.

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
    places = _newest(storage, shards)
    bounds = np.searchsorted(places["shard"], np.arange(len(shards) + 1))
    for number, table in enumerate(_tables(storage, shards, columns, jobs=2)):
        wanted = places["row"][bounds[number] : bounds[number + 1]]
        if len(wanted):
            yield table.take(pa.array(wanted))


def _tables(
    storage: Storage, shards: Sequence[Shard], columns: Sequence[str] | None, *, jobs: int
) -> Iterator[pa.Table]:
    """Yield the rows of each shard; several are read at once, because a store answers slowly."""

    def read(shard: Shard, stop: threading.Event) -> pa.Table:
        return read_shard(storage, shard, columns)

    return map_in_order(read, shards, jobs=jobs if storage.is_s3 else 1)


def read_known(storage: Storage, shards: Sequence[Shard], codes: frozenset[str] | None) -> KnownKeys:
    """Return the keys of the newest records that need no repetition.

    Parameters
    ----------
    storage : Storage
    shards : sequence of Shard
    codes : frozenset of str or None
        The error codes to repeat; None means all.
    """
    known = KnownKeys()
    for table in newest_rows(storage, shards, ["path_bytes", "size", "version", "model", "error_code"]):
        known.add(file_keys(counting_rows(table, codes)))
    return known


def _newest(storage: Storage, shards: Sequence[Shard]) -> npt.NDArray[np.void]:
    """Return the places of the newest rows, as `shard` and `row`, in this order."""
    kind = np.dtype([("key", "S16"), ("generation", "i8"), ("at", "i8"), ("shard", "i4"), ("row", "i4")])
    pieces = [np.empty(0, kind)]
    for number, table in enumerate(_tables(storage, shards, _ORDER, jobs=8)):
        piece = np.empty(table.num_rows, kind)
        piece["key"] = path_keys(table.column("path_bytes"))
        piece["generation"] = table.column("generation").fill_null(0).to_numpy()
        piece["at"] = table.column("written_at").cast(pa.int64()).fill_null(0).to_numpy()
        piece["shard"] = number
        piece["row"] = np.arange(table.num_rows)
        pieces.append(piece)
    found = np.concatenate(pieces)
    order = np.lexsort([found[name] for name in ("row", "shard", "at", "generation", "key")])
    found = found[order]
    last = np.ones(len(found), np.bool_)
    last[:-1] = found["key"][1:] != found["key"][:-1]
    newest = found[last]
    return newest[np.lexsort([newest["row"], newest["shard"]])]
