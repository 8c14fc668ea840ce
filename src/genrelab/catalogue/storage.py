"""Local folders and S3 through one interface.

Credentials, the region and the endpoint come from the environment alone: `AWS_ACCESS_KEY_ID`,
`AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_PROFILE`, `AWS_REGION`, `AWS_ENDPOINT_URL`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple


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
        An absolute path, or `s3://bucket/prefix`.
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
        raise NotImplementedError

    def names(self, folder: str) -> Iterator[Stored]:
        """Yield the files directly in a folder; nothing if it does not exist."""
        raise NotImplementedError

    def read(self, name: str, most: int) -> bytes | None:
        """Return the content of a small file of at most `most` bytes; None if it does not exist."""
        raise NotImplementedError

    def write(self, name: str, content: bytes) -> None:
        """Write a file completely or not at all."""
        raise NotImplementedError
