"""A file in an object store, of which only what is needed is read."""

from __future__ import annotations

import io
import os
import stat
from collections import OrderedDict
from collections.abc import Callable
from typing import BinaryIO, Literal, cast

from genrelab.audio.containers.window import RangedFile

BLOCK = 2**15
"""Bytes of the smallest request."""

_MOST_KEPT = 1024  # blocks, 32 MiB: most songs are then read once, whatever the decoder does
_MOST_AHEAD = 32  # blocks of a request, if a file is read in order


class ObjectFile(RangedFile):
    """An object, as `genrelab.audio.containers.window.ReadableFile` describes it.

    Parameters
    ----------
    address : str
        Shown in messages, such as `s3://bucket/key`.
    size : int > 0
        In bytes.
    fetch : callable
        Takes an offset and a number of bytes; returns these bytes. Each call is one request.
    approximate : bool
        See `RangedFile`.

    Attributes
    ----------
    bytes_read, requests : int
        What was fetched.
    error : OSError or None
        Why a request failed. Decoders may take a failed read for the end of the file, so this counts more
        than their result.
    """

    window = BLOCK
    """Bytes that a scan of the file reads at once."""

    def __init__(
        self, address: str, size: int, fetch: Callable[[int, int], bytes], *, approximate: bool = False
    ) -> None:
        self.address = address
        self.size = size
        self.approximate = approximate
        self.bytes_read = self.requests = 0
        self.error: OSError | None = None
        self._fetch = fetch
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._next = -1  # the block behind the last request
        self._run = 0  # blocks that were fetched in order

    def __str__(self) -> str:
        return self.address

    @property
    def suffix(self) -> str:
        """The end of its name, such as `.mp3`."""
        return os.path.splitext(self.address)[1]

    def stat(self) -> os.stat_result:
        """Return its size, and that it is a regular file."""
        return os.stat_result((stat.S_IFREG | 0o444, 0, 0, 1, 0, 0, self.size, 0, 0, 0))

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Return a reader of its own position; all readers share what was fetched."""
        return cast(BinaryIO, _Reader(self))

    def read_at(self, offset: int, count: int) -> bytes:
        """Return the bytes at an offset; fewer where the file ends.

        Raises
        ------
        OSError
            If a request fails; the same error for each later call.
        """
        end = min(self.size, offset + count)
        if offset >= end:
            return b""
        if self.error is not None:
            raise self.error
        first, last = offset // BLOCK, (end - 1) // BLOCK
        pieces: list[bytes] = []
        for number in range(first, last + 1):
            block = self._blocks.get(number)
            if block is None:
                block = self._load(number, last)
            else:
                self._blocks.move_to_end(number)
            pieces.append(block)
        joined = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return joined[offset - first * BLOCK : end - first * BLOCK]

    def _load(self, first: int, last: int) -> bytes:
        """Fetch blocks from `first` on, at least until `last` or the next block that is known."""
        expected = -(-self.expected // BLOCK)
        if first != self._next:  # perhaps only a look at a header
            self._run, ahead = 0, 1
        elif self._run < expected:
            ahead = expected - self._run
        else:
            ahead = min(_MOST_AHEAD, max(1, self._run // 2))
        wanted = min(max(last - first + 1, ahead), _MOST_KEPT // 2)
        count = 0
        while count < wanted and first + count not in self._blocks:
            count += 1
        start = first * BLOCK
        length = min(self.size - start, count * BLOCK)
        try:
            data = self._fetch(start, length)
            if len(data) != length:
                raise OSError(f"{len(data)} bytes came instead of {length}")
        except OSError as error:
            self.error = error
            raise
        self.requests += 1
        self.bytes_read += length
        self._next, self._run = first + count, self._run + count
        for number in range(count):
            self._blocks[first + number] = data[number * BLOCK : (number + 1) * BLOCK]
        wanted_block = self._blocks[first]
        while len(self._blocks) > _MOST_KEPT:
            self._blocks.popitem(last=False)
        return wanted_block


class _Reader(io.RawIOBase):
    """Reads an object from a position."""

    window = ObjectFile.window

    def __init__(self, file: ObjectFile) -> None:
        self._file = file
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Return bytes; all that are wanted, unless the file ends."""
        data = self._file.read_at(self._at, self._file.size - self._at if size is None or size < 0 else size)
        self._at += len(data)
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Move to a position and return it."""
        at = (0, self._at, self._file.size)[whence] + offset
        if at < 0:
            raise ValueError(f"a negative position: {at}")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at
