"""What is stored beside a library for the embeddings of one model, and where."""

from __future__ import annotations

import os
import time
import zlib
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from genrelab.library.store.track_row import MOST_NUMBERS
from genrelab.library.vectors.files.row_file import FileState

_SETTLED_NS = 2_000_000_000  # after which another write would have another time, on any file system
_ROW_BYTES = 8 + 8 + 1

_Count = Annotated[int, Field(ge=0, le=2**40)]
_Sum = Annotated[int, Field(ge=0, lt=2**32)]
_Name = Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
Ids = npt.NDArray[np.int64]


class DatabaseState(BaseModel):
    """The files of a library when its rows were compared with the matrix.

    Attributes
    ----------
    main, log : FileState or None
        The database, and SQLite's write-ahead log beside it.
    settled : bool
        Whether the files were old enough that a later write gives them another time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    main: FileState | None
    log: FileState | None
    settled: bool

    @classmethod
    def of(cls, path: Path) -> DatabaseState:
        """Return the state of the library at a path."""
        real = os.path.realpath(path)
        main, log = _state(real), _state(f"{real}-wal")
        log = log if log is not None and log.size else None  # an empty log has nothing
        latest = max((max(each.mtime_ns, each.ctime_ns) for each in (main, log) if each), default=0)
        return cls(main=main, log=log, settled=time.time_ns() - latest > _SETTLED_NS)


class Checked(BaseModel):
    """A file of rows: its state when its checksums were last compared, and these."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    state: FileState
    sums: list[_Sum]


class Manifest(BaseModel):
    """Names and checks the files of a matrix. They are replaced together by replacing it.

    Attributes
    ----------
    format : int
    key : str
        `genrelab.bundle.bundle.embedding_key`.
    length : int
        Numbers of an embedding.
    count, others : int
        Rows of the matrix; other rows of the table of tracks.
    last : int
        Highest id of a track that was considered: new tracks have higher ones.
    generation, version : str
        Parts of the names of the files: of matrix, sketch and axes; of the table of rows.
    rows_sum, axes_sum : int
        CRC-32 of the table of rows and of the axes.
    sketched_from : int
        Number of rows when the axes were chosen; 0 without a sketch.
    matrix, sketch : Checked
    database : DatabaseState
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    format: Literal[1] = 1
    key: str
    length: Annotated[int, Field(ge=0, le=MOST_NUMBERS)]
    count: _Count
    others: _Count
    last: Annotated[int, Field(ge=-(2**63), lt=2**63)]
    generation: _Name
    version: _Name
    rows_sum: _Sum
    axes_sum: _Sum = 0
    sketched_from: _Count = 0
    matrix: Checked | None = None
    sketch: Checked | None = None
    database: DatabaseState


class RowTable(NamedTuple):
    """Which tracks the rows of a matrix belong to.

    Attributes
    ----------
    ids : np.ndarray [shape=(n,)], int64
        `tracks.id`, ascending.
    prints : np.ndarray [shape=(n,)], uint64
        The first eight bytes of the hash of the audio: they differ if an id belongs to another recording.
    alive : np.ndarray [shape=(n,)], bool
        Whether the track is in the library.
    others : np.ndarray [shape=(m,)], int64
        Ids of the tracks without such an embedding, ascending.
    """

    ids: Ids
    prints: npt.NDArray[np.uint64]
    alive: npt.NDArray[np.bool_]
    others: Ids

    def to_bytes(self) -> bytes:
        """Return the content of a file."""
        return b"".join(each.tobytes() for each in self)

    @classmethod
    def from_bytes(cls, data: bytes, count: int, others: int) -> RowTable | None:
        """Return the table in the content of a file; None if it is none."""
        if len(data) != count * _ROW_BYTES + others * 8:
            return None
        ids = np.frombuffer(data, np.int64, count)
        prints = np.frombuffer(data, np.uint64, count, 8 * count)
        alive = np.frombuffer(data, np.uint8, count, 16 * count)
        rest = np.frombuffer(data, np.int64, others, 17 * count)
        if (np.diff(ids) <= 0).any() or (np.diff(rest) <= 0).any() or (alive > 1).any():
            return None
        return cls(ids, prints, alive.astype(np.bool_), rest)


def sum_of(data: bytes) -> int:
    """Return the CRC-32 of the content of a file."""
    return zlib.crc32(data)


def _state(path: str) -> FileState | None:
    try:
        return FileState.of(path)
    except OSError:
        return None
