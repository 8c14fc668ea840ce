"""What is left to do: a listing without the files that a catalogue has already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_KEY = np.dtype("S16")

Keys = npt.NDArray[np.bytes_]


class KnownKeys:
    """A set of keys in about 16 bytes each, which 10^8 files need.

    A key is a 128-bit digest, so that two files share one with a probability of 10^-22 for 10^8 files.
    """

    def __init__(self) -> None:
        self._levels: list[Keys] = []
        self.count = 0

    def add(self, keys: Keys) -> None:
        """Add keys."""
        if not len(keys):
            return
        self.count += len(keys)
        self._levels.append(np.sort(keys))
        # Each array stays more than twice as long as the next, so that a key is merged only log(n) times.
        while len(self._levels) > 1 and len(self._levels[-2]) <= 2 * len(self._levels[-1]):
            shorter = self._levels.pop()
            self._levels[-1] = np.sort(np.concatenate([self._levels[-1], shorter]), kind="stable")

    def has(self, keys: Keys) -> npt.NDArray[np.bool_]:
        """Return for each key whether it is known."""
        found = np.zeros(len(keys), np.bool_)
        for level in self._levels:
            at = np.minimum(np.searchsorted(level, keys), len(level) - 1)
            found |= level[at] == keys
        return found


def path_keys(paths: pa.Array) -> Keys:
    """Return the keys of exact paths."""
    return _digests((path,) for path in paths.to_pylist())


def file_keys(table: Any, model: str | None = None) -> Keys:
    """Return the keys of files or records: exact path, size, version, and identity of the model.

    Parameters
    ----------
    table : pyarrow.Table or RecordBatch
        With the columns `path_bytes`, `size`, `version`, and `model` unless it is given.
    model : str or None
        The identity of the model, for files.
    """
    columns = [table.column(name).to_pylist() for name in ("path_bytes", "size", "version")]
    columns.append([model] * table.num_rows if model is not None else table.column("model").to_pylist())
    return _digests(zip(*columns, strict=True))


def _digests(rows: Iterable[tuple[object, ...]]) -> Keys:
    found = [hashlib.blake2b(repr(row).encode(), digest_size=16).digest() for row in rows]
    return np.array([digest[:15] + b"\1" if digest.endswith(b"\0") else digest for digest in found], _KEY)


def left_to_do(listing: Iterable[pa.Table], known: KnownKeys, model: str) -> Iterator[pa.Table]:
    """Yield the files of a listing that are not known, each once.

    Parameters
    ----------
    listing : iterable of pyarrow.Table
        Of the schema `genrelab.catalogue.schema.FILES`.
    known : KnownKeys
        Keys of the records that count, by `file_keys`.
    model : str
        The identity of the model.

    Yields
    ------
    pyarrow.Table
        Likewise; never empty.
    """
    listed = KnownKeys()
    for files in listing:
        paths = path_keys(files.column("path_bytes"))
        _, first = np.unique(paths, return_index=True)
        fresh = np.zeros(files.num_rows, np.bool_)
        fresh[first] = True
        fresh &= ~listed.has(paths)
        listed.add(paths[fresh])
        wanted = files.filter(pa.array(fresh & ~known.has(file_keys(files, model))))
        if wanted.num_rows:
            yield wanted


def counting_rows(records: Any, codes: frozenset[str] | None, *, full: bool = False) -> Any:
    """Return the rows that need no repetition: without an error, or with one that would come again.

    Parameters
    ----------
    records : pyarrow.Table or RecordBatch
        With a column `error_code`, and `full` if that is asked for.
    codes : frozenset of str or None
        The error codes to repeat; None means all.
    full : bool
        Whether to repeat files that were recognized from some of their segments.
    """
    if full:
        whole = pc.or_(pc.fill_null(records.column("full"), False), pc.is_valid(records.column("error_code")))
        records = records.filter(whole)
    errors = records.column("error_code")
    if codes is None:
        return records.filter(pc.is_null(errors))
    again = pc.is_in(errors, value_set=pa.array(sorted(codes), pa.string()))
    return records.filter(pc.invert(pc.fill_null(again, False)))
