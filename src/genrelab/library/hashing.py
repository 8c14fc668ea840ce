"""Hash a file, or a part of it, in pieces."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK = 1 << 20


def sha256_of(file: BinaryIO, start: int = 0, end: int | None = None) -> bytes:
    """Return the SHA-256 of an open file, whole or from one offset to another."""
    digest = hashlib.sha256()
    for block in blocks(file, start, end):
        digest.update(block)
    return digest.digest()


def blocks(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield what is between two offsets, or up to the file's end, piece by piece."""
    file.seek(start)
    while end is None or start < end:
        block = file.read(_BLOCK if end is None else min(end - start, _BLOCK))
        if not block:
            return
        yield block
        start += len(block)
