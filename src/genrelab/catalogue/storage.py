"""Local folders and S3 through one interface.

Credentials, the region and the endpoint come from the environment alone: `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL` (or
`AWS_ENDPOINT_URL_S3`). `AWS_NO_SIGN_REQUEST=YES` reads public buckets without credentials.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.fs

from genrelab.catalogue.objects.object_file import ObjectFile
from genrelab.drafts import Draft
from genrelab.errors import CatalogueError, UsageError

S3 = "s3://"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_SECRETS = re.compile(r"://.*@", re.DOTALL)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", re.ASCII)


class Stored(NamedTuple):
    """A stored file: its name below the place, its size in bytes, and its version."""

    name: str
    size: int
    version: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A folder or an S3 prefix. It can be pickled and sent to a worker; it contains no credentials.

    Parameters
    ----------
    place : str
        An absolute path, or `s3://bucket/prefix`, without a slash at the end.
    """

    place: str

    @classmethod
    def at(cls, place: str) -> Storage:
        """Return the storage at a path or `s3://` URI.

        Raises
        ------
        UsageError
            If it is a URI of another kind, or lacks a bucket.
        """
        if not is_uri(place):
            return cls(os.path.abspath(place))
        check_s3(place)
        return cls(S3 + place.removeprefix(S3).rstrip("/"))

    @property
    def is_s3(self) -> bool:
        """Whether it is an S3 prefix."""
        return self.place.startswith(S3)

    def address(self, name: str) -> str:
        """Return the path or URI of a file below the place."""
        return f"{self.place}/{name}" if name else self.place

    def names(self, folder: str) -> Iterator[Stored]:
        """Yield the files directly in a folder, sorted by name; nothing if it does not exist.

        Raises
        ------
        CatalogueError
            If the folder cannot be read.
        """
        place = self.address(folder)
        with explained(place):
            if self.is_s3:
                selector = pa.fs.FileSelector(_key(place), allow_not_found=True)
                entries = file_system(place).get_file_info(selector)
                found = [stored(info, info.base_name) for info in entries if info.is_file]
            else:
                found = list(_local_names(place))
        yield from sorted(found)

    def is_empty(self) -> bool:
        """Whether nothing is there yet, not even the place.

        Raises
        ------
        CatalogueError
            If it cannot be read.
        """
        with explained(self.place):
            if self.is_s3:
                selector = pa.fs.FileSelector(_key(self.place), allow_not_found=True)
                return not file_system(self.place).get_file_info(selector)
            try:
                return all(name.startswith(".") for name in os.listdir(self.place))
            except FileNotFoundError:
                return True

    def open(self, name: str) -> Any:
        """Open a file for random access, as `pyarrow.parquet.ParquetFile` takes it.

        Raises
        ------
        CatalogueError
            If it cannot be read.
        """
        place = self.address(name)
        with explained(place):
            return file_system(place).open_input_file(_key(place))

    def read(self, name: str, most: int) -> bytes | None:
        """Return the content of a small file of at most `most` bytes; None if it does not exist.

        Raises
        ------
        CatalogueError
            If it is larger, or cannot be read.
        """
        place = self.address(name)
        with explained(place):
            try:
                with file_system(place).open_input_file(_key(place)) as file:
                    content = bytes(file.read(most + 1))
            except FileNotFoundError:
                return None
        if len(content) > most:
            message = (
                f"{place} is larger than {most} bytes: it is no file of a catalogue. Name another place."
            )
            raise CatalogueError(message, code="catalogue-file-too-large")
        return content

    def write(self, name: str, content: bytes | memoryview, *, overwrite: bool = False) -> None:
        """Write a file completely or not at all.

        Parameters
        ----------
        name : str
        content : bytes or memoryview
        overwrite : bool
            Whether an existing file is replaced. S3 does not look for one: names must be unique there.

        Raises
        ------
        CatalogueError
            If it cannot be written.
        """
        place = self.address(name)
        with explained(place):
            if self.is_s3:
                _put(place, content)
                return
            target = Path(place)
            target.parent.mkdir(parents=True, exist_ok=True)
            with Draft(target.parent) as draft:
                draft.file.write(content)
                draft.file.flush()
                os.fsync(draft.file.fileno())
                draft.take_place(target, overwrite=overwrite)


def is_uri(place: str) -> bool:
    """Whether a text is a URI, not a path."""
    return _SCHEME.match(place) is not None


def without_secrets(address: str) -> str:
    """Return a URI without the name and password that may stand before its host."""
    return _SECRETS.sub("://***@", address)


def check_s3(address: str) -> None:
    """Raise a `UsageError` unless a URI is one of S3, with a bucket."""
    bucket = address.removeprefix(S3).partition("/")[0]
    if not address.startswith(S3) or not _BUCKET.fullmatch(bucket):
        shown = without_secrets(address)
        message = f"{shown} cannot be used: give a path, or s3://BUCKET/PREFIX."
        raise UsageError(message, code="catalogue-place")


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Turn an `OSError` into a `CatalogueError` that names the place and the remedy."""
    try:
        yield
    except (OSError, ValueError) as error:
        remedy = "Check the path and its permissions."
        if place.startswith(S3):
            remedy = "Check the bucket, and the environment: AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL."
        reason = getattr(error, "strerror", None) or str(error)
        message = f"{place} cannot be used: {reason}. {remedy}"
        raise CatalogueError(message, code="catalogue-storage") from error


def file_system(address: str) -> Any:
    """Return the file system of a path or URI; one per bucket and process."""
    if address.startswith(S3):
        return _s3(address.removeprefix(S3).partition("/")[0])
    return _local()


def stored(info: Any, name: str) -> Stored:
    """Return what S3 says about an object; some stores give fractions of a second only in listings."""
    return Stored(name, int(info.size or 0), f"time:{(info.mtime_ns or 0) // 10**9}000000000")


def look_up(addresses: Iterable[str]) -> list[Stored | None]:
    """Return size and version of S3 objects, several requests at once; None for one that does not exist.

    Raises
    ------
    OSError
        If the store cannot be used.
    """
    buckets: dict[str, list[str]] = {}
    wanted = list(addresses)
    for address in wanted:
        buckets.setdefault(address.removeprefix(S3).partition("/")[0], []).append(address)
    known: dict[str, Stored | None] = {}
    for bucket, members in buckets.items():
        for address, info in zip(members, _s3(bucket).get_file_info(list(map(_key, members))), strict=True):
            known[address] = stored(info, address) if info.is_file else None
    return [known[address] for address in wanted]


def walk_s3(prefix: str) -> Iterator[Stored]:
    """Yield all objects below a prefix, in memory of one folder at a time.

    A key with an empty name, such as `a//b.mp3`, cannot be reached folder by folder; what is below such a
    folder is listed at once.

    Raises
    ------
    OSError
        If the store cannot be used, or the prefix does not exist.
    """
    files = file_system(prefix)
    folders = [_key(prefix)]
    while folders:
        folder = folders.pop()
        entries = files.get_file_info(pa.fs.FileSelector(folder))
        inner = [info.path for info in entries if not info.is_file]
        if any(path.endswith("/") or len(path) <= len(folder) for path in inner):
            entries, inner = files.get_file_info(pa.fs.FileSelector(folder, recursive=True)), []
        for info in sorted(entries, key=lambda info: info.path):
            if info.is_file:
                yield stored(info, S3 + info.path)
        folders += sorted(inner, reverse=True)


def open_object(address: str, *, approximate: bool = False) -> ObjectFile:
    """Open an object for reading by ranges.

    Raises
    ------
    OSError
        If it does not exist or cannot be read.
    """
    file = file_system(address).open_input_file(_key(address))

    def fetch(offset: int, count: int) -> bytes:
        return bytes(file.read_at(count, offset))

    return ObjectFile(address, file.size(), fetch, approximate=approximate)


def _key(address: str) -> str:
    return address.removeprefix(S3)


def _local_names(folder: str) -> Iterator[Stored]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        for entry in entries:
            try:
                is_file, status = entry.is_file(), entry.stat()
            except FileNotFoundError:  # such as the draft of another run
                continue
            if is_file:
                yield Stored(entry.name, status.st_size, f"time:{status.st_mtime_ns}")


def _put(address: str, content: bytes | memoryview) -> None:
    stream = file_system(address).open_output_stream(_key(address))
    try:
        stream.write(content)
    except BaseException:
        stream.abort() if hasattr(stream, "abort") else None
        raise
    stream.close()


@cache
def _local() -> Any:
    return pa.fs.LocalFileSystem()


def _s3(bucket: str) -> Any:
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    anonymous = os.environ.get("AWS_NO_SIGN_REQUEST", "").upper() in ("YES", "TRUE", "1")
    return _connect(bucket, endpoint, region, anonymous)


@cache
def _connect(bucket: str, endpoint: str | None, region: str | None, anonymous: bool) -> Any:
    options: dict[str, Any] = {}
    if endpoint:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
            message = (
                "AWS_ENDPOINT_URL is no address of a server. Set it to http://HOST:PORT or https://HOST."
            )
            raise UsageError(message, code="catalogue-endpoint")
        options |= {"scheme": parts.scheme, "endpoint_override": parts.netloc}
        region = region or "us-east-1"
    elif region is None:
        region = pa.fs.resolve_s3_region(bucket)
    if anonymous:
        options["anonymous"] = True
    try:
        return pa.fs.S3FileSystem(
            region=region, allow_delayed_open=True, **options
        )  # small files: one request
    except TypeError:  # pyarrow 18
        return pa.fs.S3FileSystem(region=region, **options)
