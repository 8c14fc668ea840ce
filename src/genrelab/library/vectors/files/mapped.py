"""Files of numbers that are mapped into memory."""

from __future__ import annotations

import mmap
import sys
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt

_Kind = TypeVar("_Kind", bound=np.generic)


def map_rows(file: BinaryIO, kind: type[_Kind], count: int, width: int) -> npt.NDArray[_Kind]:
    """Map the rows of a file [shape=(count, width)], to read them."""
    return np.asarray(np.memmap(file, kind, "r", shape=(count, width)))


def release(rows: npt.NDArray[Any]) -> None:
    """Let go of the memory in which the file of some rows is; the system still has what it has room for.

    Otherwise a process that reads all rows holds all of them.
    """
    base: object = rows
    while isinstance(base, np.ndarray):
        base = base.base
    if sys.platform != "win32" and isinstance(base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        base.madvise(mmap.MADV_DONTNEED)
