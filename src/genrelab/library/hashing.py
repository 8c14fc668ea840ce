"""Hash a file, or a range of it, in blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import BinaryIO

_BLOCK = 1 << 20


def sha256_of(file: BinaryIO, start: int = 0, end: int | None = None) -> bytes:
    """Return the SHA-256 of an open file, or of the bytes between two offsets."""
    digest = hashlib.sha256()
    for block in blocks(file, start, end):
        digest.update(block)
    return digest.digest()


def blocks(file: BinaryIO, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """Yield the bytes between two offsets, or up to the end of the file, in blocks."""
    file.seek(start)
    while end is None or start < end:
        block = file.read(_BLOCK if end is None else min(end - start, _BLOCK))
        if not block:
            return
        yield block
        start += len(block)
