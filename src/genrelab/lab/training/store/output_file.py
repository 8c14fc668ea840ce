"""The outputs of one fixed front-end for all segments of a store, as a memory-mapped file that fills up.

A folder holds three files:

- `outputs.f32`: the outputs, one segment after another in the order of the store, float32, little-endian. The
  file has its whole length from the start; what is not written yet takes no room on most file systems.
- `done.sha256`: 16 bytes per clip, the beginning of the SHA-256 of its outputs; zeros where they are not
  written yet.
- `about.json`: what determines the outputs. Its time of change is that of the last use.

The outputs of a clip are written before their checksum. A process that is killed between the two leaves a
clip that is computed again; so does damage, because checksums are compared when a training begins. Two
processes that fill one file write the same bytes.
"""

from __future__ import annotations

import gc
import hashlib
import json
import math
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakSet

import numpy as np
import numpy.typing as npt

from genrelab.files import replace_text

FOLDER = "frontends"
VALUES, DONE, ABOUT = "outputs.f32", "done.sha256", "about.json"
_DIGEST = 16  # bytes
_ITEM = 4  # bytes
_KEY = 16  # hexadecimal digits

Floats = npt.NDArray[np.float32]


class OutputFile:
    """Outputs of a front-end for the segments of clips; see the module.

    Pickling leaves out the mapped files; the receiving process maps them again.

    Parameters
    ----------
    folder : Path
        See `folder_of`.
    about : mapping
        All that determines the outputs, as JSON.
    counts : sequence of int
        Segments of each clip.
    shape : sequence of int
        Of the output of a segment.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """

    def __init__(
        self, folder: Path, about: Mapping[str, Any], *, counts: Sequence[int], shape: Sequence[int]
    ) -> None:
        self.folder = folder
        self.shape = tuple(shape)
        self.first: list[int] = [0, *np.cumsum(counts).tolist()]
        self.folder.mkdir(parents=True, exist_ok=True)
        for file, size in ((VALUES, self.size), (DONE, _DIGEST * len(counts))):
            _lengthen(self.folder / file, size)
        replace_text(self.folder / ABOUT, f"{_text(about)}\n")
        self._map()
        _OPEN.add(self)

    @property
    def size(self) -> int:
        """Bytes of the file when it is full."""
        return self.first[-1] * math.prod(self.shape) * _ITEM

    def _map(self) -> None:
        shape = (self.first[-1], *self.shape)
        self._values: Floats = np.memmap(self.folder / VALUES, dtype="<f4", mode="r", shape=shape)
        done = (len(self.first) - 1, _DIGEST)
        self._done: npt.NDArray[np.uint8] = np.memmap(self.folder / DONE, dtype="u1", mode="r", shape=done)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in ("_values", "_done")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._map()

    def __contains__(self, clip: int) -> bool:
        return bool(self._done[clip].any())

    def read(self, clip: int, segment: int) -> Floats:
        """Return a copy of the output of a clip's segment."""
        return np.array(self._values[self.first[clip] + segment])

    def write(self, clip: int, outputs: Floats) -> None:
        """Keep the outputs `[segments, ...]` of a clip.

        Raises
        ------
        OSError
            If they cannot be written, as on a full disk.
        """
        content = np.ascontiguousarray(outputs, dtype="<f4").tobytes()
        # Not by the mapping: a full disk would kill the process instead of raising an error.
        _write(self.folder / VALUES, self._offset(clip), content)
        _write(self.folder / DONE, clip * _DIGEST, _digest(content))

    def damaged(self, clips: Iterable[int]) -> list[int]:
        """Return those of some clips whose outputs are there and differ from what was written.

        Reads the file instead of mapping it: a failing disk then raises an error and does not kill the
        process.
        """
        found = []
        with (self.folder / VALUES).open("rb") as file:
            for clip in clips:
                if clip in self:
                    file.seek(self._offset(clip))
                    content = file.read(self._offset(clip + 1) - self._offset(clip))
                    if _digest(content) != self._done[clip].tobytes():
                        found.append(clip)
        return found

    def _offset(self, clip: int) -> int:
        return self.first[clip] * math.prod(self.shape) * _ITEM


_OPEN: WeakSet[OutputFile] = WeakSet()
"""What this process uses: other front-ends of a network, copies of its clips."""


def folder_of(base: Path, name: str, about: Mapping[str, Any]) -> Path:
    """Return the folder of outputs, from the folder of all such folders, a safe name, and its content."""
    return base / f"{name}-{hashlib.sha256(_text(about).encode()).hexdigest()[:_KEY]}"


def _text(about: Mapping[str, Any]) -> str:
    return json.dumps(about, sort_keys=True)


def make_room(base: Path, size: int, *, keep: Path | None = None, most: int) -> bool:
    """Remove the folders that were not used for longest until a further one has room.

    What this process uses is not removed, and counts as if it were full.

    Parameters
    ----------
    base : Path
        Folder of all such folders.
    size : int
        Bytes of the new one.
    keep : Path or None
        A folder that is not removed or counted: the one that may grow to `size`.
    most : int
        Bytes that all folders together may take.

    Returns
    -------
    bool
        Whether there is room, in these limits and on the disk, where a tenth of what is free stays free.
    """
    if size > most:
        return False
    gc.collect()  # networks that are no longer used hold their outputs in cycles
    in_use = {each.folder: each.size for each in _OPEN if each.folder.parent == base and each.folder != keep}
    size += sum(in_use.values())
    if size > most:
        return False
    used = []
    for folder in base.iterdir() if base.is_dir() else ():
        with suppress(OSError):  # another process may remove it at the same time
            if folder != keep and folder not in in_use:
                taken = sum(_taken(file) for file in folder.iterdir())
                used.append(((folder / ABOUT).stat().st_mtime, taken, folder))
    used.sort(reverse=True)
    while used and sum(taken for _, taken, _ in used) + size > most:
        shutil.rmtree(used.pop()[2], ignore_errors=True)
    own = sum(
        _taken(file)
        for folder in (*in_use, *([] if keep is None else [keep]))
        if folder.is_dir()
        for file in folder.iterdir()
    )
    place = next(each for each in (base, *base.parents) if each.exists())
    free = shutil.disk_usage(place).free
    return size - own <= free - free // 10


def _taken(file: Path) -> int:
    """Return the bytes that a file takes on the disk, without what is not written yet."""
    status = file.stat()
    blocks: int = getattr(status, "st_blocks", -(-status.st_size // 512))
    return blocks * 512


def _lengthen(path: Path, size: int) -> None:
    with path.open("ab") as file:
        if os.fstat(file.fileno()).st_size != size:
            file.truncate(size)


def _write(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)


def _digest(content: bytes) -> bytes:
    digest = hashlib.sha256(content).digest()[:_DIGEST]
    return digest if any(digest) else b"\x01" * _DIGEST  # zeros stand for what is not written
