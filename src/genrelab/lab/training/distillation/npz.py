"""Untrusted .npz files: the sizes of their arrays are checked before any of them is expanded."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from genrelab.errors import RecipeError
from genrelab.lab.corpora.paths import printable

MOST_BYTES = 8 * 2**30
"""Limit for all arrays that are read, in memory: a billion numbers in double precision."""
MOST_EXPANSION = 200
"""How many times larger than in the file an array may be, beyond `SMALL`. `numpy.savez` does not compress."""
SMALL = 64 * 2**20
"""Bytes that an array may always have, however well it is compressed."""
_NUMBER = 8  # bytes in memory: numbers become double precision


def check_sizes(path: Path, keys: Iterable[str]) -> None:
    """Refuse an .npz file whose arrays exceed the limits or contradict their headers.

    Only the headers are read.

    Parameters
    ----------
    path : Path
    keys : iterable of str
        The arrays to read; missing ones are ignored.

    Raises
    ------
    RecipeError
        If it is too large, or a header and the sizes in the file disagree.
    ValueError, OSError, zipfile.BadZipFile
        If it is not an .npz file.
    """
    total = 0
    with zipfile.ZipFile(path) as archive:
        members = {each.filename: each for each in archive.infolist()}
        for key in dict.fromkeys(keys):
            member = members.get(f"{key}.npy", members.get(key))
            if member is None:
                continue
            with archive.open(member) as opened:
                count, dtype, header = _header(opened)
            size = count * dtype.itemsize
            name = printable(key)
            if header + size != member.file_size and not dtype.hasobject:
                raise RecipeError(
                    f"{path}: {name!r} says that it has {size:,} bytes, and the file has "
                    f"{member.file_size - header:,} for it. Write it again with numpy.savez",
                    code="targets-size-wrong",
                )
            if size > max(SMALL, MOST_EXPANSION * member.compress_size):
                raise RecipeError(
                    f"{path}: {name!r} would expand from {member.compress_size:,} to {size:,} bytes, more "
                    f"than {MOST_EXPANSION} times. If it is meant, write it with numpy.savez, which does "
                    "not compress",
                    code="targets-too-compressed",
                )
            total += size if dtype.kind in "bU" else count * _NUMBER
            if total > MOST_BYTES:
                raise RecipeError(
                    f"{path}: its arrays would take more than {MOST_BYTES / 2**30:g} GiB of memory at "
                    f"{name!r}. Keep fewer rows (one for each file is enough) or columns",
                    code="targets-too-large",
                )


def _header(opened: IO[bytes]) -> tuple[int, np.dtype[np.generic], int]:
    """Return the number of values of an array, their type, and the length of its header."""
    version = np.lib.format.read_magic(opened)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"an array of the .npy version {version}")
    shape, _, dtype = read[version](opened)
    return math.prod(shape), dtype, opened.tell()
