"""Listings: which files to recognize.

A local folder, an `s3://` prefix, or a table (Parquet or CSV, local or in S3) with a column of paths and
perhaps `size`, `etag`, `mtime`. An inventory report of S3 in Parquet has them under its own names.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from genrelab.audio.formats import AUDIO_SUFFIXES
from genrelab.catalogue.records import utf8
from genrelab.catalogue.schema import FILES
from genrelab.catalogue.storage import (
    S3,
    Stored,
    check_s3,
    explained,
    file_system,
    is_uri,
    look_up,
    walk_s3,
    without_secrets,
)
from genrelab.errors import CatalogueError, UsageError

BATCH = 1000
"""Files of a table, and of a look-up."""

_Item = TypeVar("_Item")
_KEY = ("bucket", "key")
_ETAG = ("etag", "e_tag")
_MODIFIED = ("mtime", "modified", "last_modified", "last_modified_date")
_LONGEST_PATH = 4096  # bytes; a key of S3 has at most 1024


class _Entry(NamedTuple):
    """A file of a listing, as `genrelab.catalogue.schema.FILES` has it."""

    path: bytes
    size: int | None = None
    version: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How a local folder is scanned, as `genrelab.recognize.scan` does.

    Parameters
    ----------
    exclude : tuple of str
        Patterns of what to skip.
    ignore : bool
        Whether files such as `.nomedia` hide folders.
    """

    exclude: tuple[str, ...] = ()
    ignore: bool = True


def list_files(
    listing: str,
    *,
    path_column: str = "path",
    scan: ScanOptions | None = None,
    problem: Callable[[str], None],
) -> Iterator[pa.Table]:
    """Return the files of a listing, a thousand at a time.

    Parameters
    ----------
    listing : str
        A folder, an `s3://` prefix, or a Parquet or CSV file.
    path_column : str
        The column with the paths. Relative paths are below the folder of the listing.
    scan : ScanOptions or None
        For a local folder.
    problem : callable
        Called with a message about each folder that cannot be listed.

    Returns
    -------
    iterator of pyarrow.Table
        Of the schema `genrelab.catalogue.schema.FILES`. A path that cannot be one is a row with an error. It
        raises a `CatalogueError` if the listing cannot be read, and a `UsageError` if it lacks the column.

    Raises
    ------
    UsageError
        If the listing is neither of these.
    """
    if is_uri(listing):
        check_s3(listing)
        return _in_tables(_explained_s3(listing, path_column))
    if os.path.isdir(listing):
        return _in_tables(_in_folder(listing, scan or ScanOptions(), problem))
    if os.path.isfile(listing):
        if _table_kind(listing) is None:
            message = (
                f"{listing} is no listing: name a folder, or a Parquet or CSV file with a column of paths."
            )
            raise UsageError(message, code="listing-kind")
        return _in_tables(_in_table(os.path.abspath(listing), path_column))
    raise UsageError(f"{listing} does not exist. Check the path.", code="listing-missing")


def _batched(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    left = iter(items)
    while batch := list(islice(left, BATCH)):
        yield batch


def _in_tables(entries: Iterable[_Entry]) -> Iterator[pa.Table]:
    for batch in _batched(entries):
        yield pa.Table.from_pylist(
            [
                {
                    "path": utf8(os.fsdecode(entry.path)),
                    "path_bytes": entry.path,
                    "size": entry.size,
                    "version": entry.version,
                    "error_code": None if entry.error is None else "listing-path",
                    "error": entry.error,
                }
                for entry in batch
            ],
            schema=FILES,
        )


def _in_folder(folder: str, options: ScanOptions, problem: Callable[[str], None]) -> Iterator[_Entry]:
    from genrelab.recognize import Problem, scan

    for found in scan([folder], exclude=options.exclude, ignore=options.ignore):
        if isinstance(found, Problem):
            problem(found.message)
        elif isinstance(found, Path):
            yield _local_entry(os.path.abspath(found))


def _local_entry(path: str) -> _Entry:
    name = os.fsencode(path)
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return _Entry(name)  # the record says what is wrong
    return _Entry(name, status.st_size, f"time:{status.st_mtime_ns}")


def _explained_s3(address: str, path_column: str) -> Iterator[_Entry]:
    with explained(address):
        yield from _in_s3(address, path_column)


def _in_s3(address: str, path_column: str) -> Iterator[_Entry]:
    found = look_up([address])[0] if _has_key(address) else None
    if found is None:
        objects: Iterable[Stored] = walk_s3(address.rstrip("/"))
        for stored in objects:
            name = stored.name.rsplit("/", 1)[1]
            if os.path.splitext(name)[1].lower() in AUDIO_SUFFIXES and not name.startswith("."):
                yield _Entry(stored.name.encode(), stored.size, stored.version)
    elif _table_kind(address) is not None:
        yield from _in_table(address, path_column)
    else:
        yield _Entry(address.encode(), found.size, found.version)


def _has_key(address: str) -> bool:
    return bool(address.removeprefix(S3).partition("/")[2].strip("/"))


def _table_kind(name: str) -> str | None:
    suffix = os.path.splitext(name)[1].lower()
    return suffix if suffix in (".parquet", ".csv") else None


def _in_table(address: str, path_column: str) -> Iterator[_Entry]:
    base = address.rpartition("/")[0]
    for batch in _batches(address, path_column):
        for rows in _batched(_as_bytes(batch).to_pylist()):
            entries = [_table_entry(row, path_column, base) for row in rows]
            yield from _looked_up(entries)


def _batches(address: str, path_column: str) -> Iterator[Any]:
    try:
        with file_system(address).open_input_file(address.removeprefix(S3)) as source:
            if _table_kind(address) == ".parquet":
                with pq.ParquetFile(source) as file:
                    columns = _wanted(file.schema_arrow.names, path_column, address)
                    yield from file.iter_batches(batch_size=10 * BATCH, columns=columns)
                return
            reader = pyarrow.csv.open_csv(
                source,
                read_options=pyarrow.csv.ReadOptions(block_size=2**20),
                parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    check_utf8=False,
                    strings_can_be_null=False,
                    column_types={
                        **dict.fromkeys((path_column, *_KEY, *_ETAG, *_MODIFIED), pa.binary()),
                        "size": pa.int64(),
                    },
                ),
            )
            columns = _wanted(reader.schema.names, path_column, address)
            for batch in reader:
                yield batch.select(columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        message = f"{address} cannot be read as a table of files: {error}. Check the file."
        raise CatalogueError(message, code="listing-damaged") from error


def _as_bytes(batch: Any) -> Any:
    """Return a batch with bytes instead of texts, which need not be UTF-8."""
    columns = []
    for column in batch.columns:
        kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
        columns.append(column.cast(kind).cast(pa.large_binary()) if is_text else column)
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _wanted(names: list[str], path_column: str, address: str) -> list[str]:
    """Return the columns to read."""
    keys = [path_column] if path_column in names else [*_KEY]
    if not set(keys) <= set(names):
        shown = ", ".join(names[:20]) or "none"
        message = f"{address} has no column {path_column!r}, but: {shown}. Name one with --path-column."
        raise UsageError(message, code="listing-column")
    return [*keys, *(name for name in ("size", *_ETAG, *_MODIFIED) if name in names and name not in keys)]


def _table_entry(row: dict[str, Any], path_column: str, base: str) -> _Entry:
    if path_column in row:
        path = _exact(row[path_column])
    else:
        bucket, key = (_exact(row[name]) for name in _KEY)
        path = b"%b%b/%b" % (S3.encode(), bucket, key) if bucket and key else b""
    exact, reason = _resolved(path, base)
    if reason is not None:
        return _Entry(exact, error=reason)
    size = row.get("size")
    return _Entry(exact, size if isinstance(size, int) and size >= 0 else None, _version(row))


def _exact(value: object) -> bytes:
    return value if isinstance(value, bytes) else os.fsencode(value) if isinstance(value, str) else b""


def _resolved(path: bytes, base: str) -> tuple[bytes, str | None]:
    """Return the address of a path in a table, and why it cannot be one."""
    text = os.fsdecode(path)
    shown = without_secrets(utf8(text[:200]))
    if not text or "\0" in text or len(path) > _LONGEST_PATH:
        return path[:_LONGEST_PATH], f"{shown!r} in the listing is no path."
    if is_uri(text):
        try:
            check_s3(text)
            path.decode()
        except (UsageError, UnicodeDecodeError):
            return path, f"{shown} in the listing is neither a path nor an address of S3."
        return path, None
    if os.path.isabs(text):
        return os.fsencode(os.path.abspath(text)), None
    if ".." in text.replace(os.sep, "/").split("/"):
        return path, f"{shown} in the listing leads out of its folder. List absolute paths."
    joined = f"{base}/{text}"
    if not base.startswith(S3):
        return os.fsencode(joined), None
    try:
        return joined.encode(), None
    except UnicodeEncodeError:  # keys of S3 are UTF-8
        return path, f"{shown} in the listing is not the name of an object of S3."


def _version(row: dict[str, Any]) -> str | None:
    for prefix, names in (("etag", _ETAG), ("time", _MODIFIED)):
        for name in names:
            value = row.get(name)
            if isinstance(value, datetime.datetime):
                moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
                return f"time:{round(moment.timestamp() * 1e6) * 1000}"
            if isinstance(value, bytes):
                value = value.decode("utf-8", "replace")
            if value not in (None, ""):
                return f"{prefix}:{utf8(str(value))[:200]}"
    return None


def _looked_up(entries: list[_Entry]) -> Iterator[_Entry]:
    """Yield entries with size and version; those that the table does not give are looked up together."""
    missing = [
        entry for entry in entries if entry.error is None and (entry.size is None or not entry.version)
    ]
    remote = [entry.path.decode() for entry in missing if entry.path.startswith(S3.encode())]
    found: dict[str, Stored | None] = {}
    if remote:
        try:
            found = dict(zip(remote, look_up(remote), strict=True))
        except (OSError, ValueError):  # one bad key fails the whole request
            found = {address: _one(address) for address in remote}
    for entry in entries:
        if entry.error is not None or (entry.size is not None and entry.version):
            yield entry
        elif entry.path.startswith(S3.encode()):
            stored = found.get(entry.path.decode())
            yield entry if stored is None else entry._replace(size=stored.size, version=stored.version)
        else:
            yield _local_entry(os.fsdecode(entry.path))


def _one(address: str) -> Stored | None:
    try:
        return look_up([address])[0]
    except (OSError, ValueError):
        return None  # the record says what is wrong
