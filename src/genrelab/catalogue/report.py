"""Facts about a catalogue: what it has, and how its runs went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from genrelab.catalogue.manifest import check_catalogue, read_runs
from genrelab.catalogue.reader import count_rows, newest_rows
from genrelab.catalogue.resume import left_to_do
from genrelab.catalogue.run import RunCounts, known_files
from genrelab.catalogue.shards import list_shards
from genrelab.catalogue.storage import Storage

_COLUMNS = ["genre", "error_code", "reason", "duration", "bytes_read", "model", "size"]
_MOST_RUNS = 20


def report(storage: Storage) -> dict[str, Any]:
    """Return what a catalogue has: each file once, by its newest row.

    Returns
    -------
    dict
        `place`, `files`, `recognized`, `unsure`, `failed`, `hours` of sound, `bytes` of all files,
        `bytes_read` from object stores; and by name, most frequent first: `genres`, `reasons` of unsure ones,
        `errors`, `models`.

    Raises
    ------
    CatalogueError
        If there is no catalogue, or it cannot be read.
    """
    check_catalogue(storage)
    counts, size = RunCounts(), 0
    by_name: dict[str, Counter[str]] = {name: Counter() for name in ("genre", "reason", "model")}
    for table in newest_rows(storage, list_shards(storage), _COLUMNS):
        counts.add(table)
        size += sum(each or 0 for each in table.column("size").to_pylist())
        for name, counter in by_name.items():
            counter.update(value for value in table.column(name).to_pylist() if value is not None)
    failed = counts.errors.total()
    return {
        "place": storage.place,
        "files": counts.files,
        "recognized": counts.files - failed - counts.unsure,
        "unsure": counts.unsure,
        "failed": failed,
        "hours": round(counts.seconds / 3600, 3),
        "bytes": size,
        "bytes_read": counts.bytes_read,
        "genres": dict(by_name["genre"].most_common()),
        "reasons": dict(by_name["reason"].most_common()),
        "errors": dict(counts.errors.most_common()),
        "models": dict(by_name["model"].most_common()),
    }


def status(storage: Storage, listing: Iterable[pa.Table] | None = None, model: str = "") -> dict[str, Any]:
    """Return how far a catalogue is.

    Parameters
    ----------
    storage : Storage
    listing : iterable of pyarrow.Table or None
        From `genrelab.catalogue.listing.list_files`: how many of its files are left.
    model : str
        The identity of the model that a run would use, if there is a listing.

    Returns
    -------
    dict
        `place`, `shards`, `rows`, `bytes` of the shards, `listed` and `left` (None without a listing), and
        `runs`: the last ones, oldest first, each with its `generation` and its facts.

    Raises
    ------
    CatalogueError
        If there is no catalogue, or it cannot be read.
    """
    check_catalogue(storage)
    shards = list_shards(storage)
    listed = left = None
    if listing is not None:
        counted = _Counted(listing)
        left = sum(table.num_rows for table in left_to_do(counted, known_files(storage), model))
        listed = counted.rows
    return {
        "place": storage.place,
        "shards": len(shards),
        "rows": count_rows(storage, shards),
        "bytes": sum(shard.size for shard in shards),
        "listed": listed,
        "left": left,
        "runs": [{"generation": run.generation, **run.facts} for run in read_runs(storage)[-_MOST_RUNS:]],
    }


class _Counted:
    """Tables, and how many rows they had."""

    def __init__(self, tables: Iterable[pa.Table]) -> None:
        self._tables = tables
        self.rows = 0

    def __iter__(self) -> Any:
        for table in self._tables:
            self.rows += table.num_rows
            yield table
