"""The folder with the matrices of a library, beside it. Nothing in it is trusted."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from genrelab.files import only_one, replace_file
from genrelab.library.vectors.files.manifest import Checked, Manifest, RowTable, sum_of
from genrelab.library.vectors.files.mapped import map_rows
from genrelab.library.vectors.files.row_file import FileState, has_sums
from genrelab.library.vectors.sketch import WIDTH, Sketch, is_sketched

SUFFIX = ".vectors"
"""Of the folder: that of `library.db` is `library.vectors`."""

_OURS = re.compile(r"([0-9a-f]{16})-[0-9a-f]{16}\.(?:f16|sketch|axes|rows)", re.ASCII)
_SKEW = 1e-4  # of axes that are orthonormal up to rounding
_MOST_MANIFEST = 1 << 24  # bytes: 10^10 tracks
_TRIES = 3  # to read files that another process replaces
_WAIT_SECONDS = 300.0  # for another process that builds the matrix
_PAUSE_SECONDS = 0.05
_OPEN = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Stored(NamedTuple):
    """A matrix as it is stored, checked.

    Attributes
    ----------
    manifest : Manifest
    rows : RowTable
    matrix : np.ndarray [shape=(n, d)], float16
        Mapped from its file.
    sketch : Sketch or None
    is_noted : bool
        Whether the manifest that is stored has the current states of the files.
    """

    manifest: Manifest
    rows: RowTable
    matrix: npt.NDArray[np.float16]
    sketch: Sketch | None
    is_noted: bool = True


class Folder:
    """The files of one model's matrix.

    Parameters
    ----------
    library : Path
        The database.
    key : str
        `genrelab.bundle.bundle.embedding_key`, which may be any text.
    """

    def __init__(self, library: Path, key: str) -> None:
        real = Path(os.path.realpath(library))
        self.path = real.with_name(f"{real.stem}{SUFFIX}")
        text = f"{real.name}\0{key}".encode("utf-8", "surrogatepass")
        self._stem = hashlib.sha256(text).hexdigest()[:16]
        self._key = key

    def make(self) -> bool:
        """Create the folder; return whether files can be written there. A link is not followed."""
        try:
            self.path.mkdir(exist_ok=True)
            is_folder = stat.S_ISDIR(os.lstat(self.path).st_mode)
        except OSError:
            return False
        return is_folder and os.access(self.path, os.W_OK | os.X_OK)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Wait until no other process changes the files.

        Raises
        ------
        OSError
            If it takes minutes, or the file system has no locks.
        """
        deadline = time.monotonic() + _WAIT_SECONDS
        while True:
            with suppress(BlockingIOError), only_one(self.path / f"{self._stem}.lock"):
                yield
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"another process holds the lock of {self.path}")
            time.sleep(_PAUSE_SECONDS)

    def name(self, part: str, suffix: str) -> Path:
        """Return the path of a file."""
        return self.path / f"{self._stem}-{part}.{suffix}"

    def create(self, part: str, suffix: str) -> BinaryIO:
        """Create a file, and open it for reading and writing."""
        return self.name(part, suffix).open("x+b")

    def extend(self, part: str, suffix: str) -> BinaryIO:
        """Open a file to append to it."""
        return self.name(part, suffix).open("r+b")

    def write(self, manifest: Manifest) -> None:
        """Replace the manifest, which makes the files that it names the current ones."""
        data = manifest.model_dump_json().encode()

        def put(draft: Path) -> None:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

        replace_file(self._manifest, put)

    def write_rows(self, rows: RowTable) -> tuple[str, int]:
        """Write the table of rows; return its version and checksum."""
        version, data = new_name(), rows.to_bytes()
        with self.create(version, "rows") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return version, sum_of(data)

    def remove_manifest(self) -> None:
        """Make the files those of nothing: the matrix is built again when it is needed."""
        with suppress(OSError):
            self._manifest.unlink(missing_ok=True)

    def tidy(self, manifest: Manifest) -> None:
        """Remove files of this model that the manifest does not name; the caller holds the lock."""
        named = {f"{self._stem}-{manifest.generation}", f"{self._stem}-{manifest.version}"}
        with suppress(OSError), os.scandir(self.path) as entries:
            for entry in entries:
                found = _OURS.fullmatch(entry.name)
                if found is None or found[1] != self._stem or entry.name.partition(".")[0] in named:
                    continue
                with suppress(OSError):
                    if entry.is_file(follow_symlinks=False):
                        os.unlink(entry.path)

    def read(self) -> Stored | None:
        """Read the files, and check sizes, names and checksums.

        Checksums of large files are compared only if a file changed since they were.

        Returns
        -------
        Stored or None
            None if there are none, or they are damaged, foreign or unreadable.
        """
        for _ in range(_TRIES):
            manifest = self._read_manifest()
            if manifest is None:
                return None
            with suppress(FileNotFoundError):  # replaced meanwhile
                try:
                    return self._check(manifest)
                except (OSError, ValueError) as error:
                    if isinstance(error, FileNotFoundError):
                        raise
                    return None
        return None

    @property
    def _manifest(self) -> Path:
        return self.path / f"{self._stem}.json"

    def _read_manifest(self) -> Manifest | None:
        try:
            with _open_regular(self._manifest) as file:
                data = file.read(_MOST_MANIFEST + 1)
            manifest = Manifest.model_validate_json(data)
        except (OSError, ValidationError, ValueError):
            return None
        return manifest if manifest.key == self._key and len(data) <= _MOST_MANIFEST else None

    def _check(self, manifest: Manifest) -> Stored | None:
        count, length = manifest.count, manifest.length
        size = count * 17 + manifest.others * 8
        with _open_regular(self.name(manifest.version, "rows")) as file:
            data = file.read(size + 1) if FileState.of(file).size == size else b""
        rows = RowTable.from_bytes(data, count, manifest.others)
        if rows is None or sum_of(data) != manifest.rows_sum or (count and not length):
            return None
        if not count:
            return Stored(manifest, rows, np.empty((0, length), np.float16), None)
        if manifest.matrix is None:
            return None
        sketch = None
        with _open_regular(self.name(manifest.generation, "f16")) as file:
            matrix_now = _checked(file, 2 * length, count, manifest.matrix)
            matrix = map_rows(file, np.float16, count, length)
        sketch_now = manifest.sketch
        if manifest.sketch is not None:
            if not is_sketched(count, length):
                return None
            with _open_regular(self.name(manifest.generation, "axes")) as file:
                data = file.read(4 * length * (WIDTH - 1) + 1)
            if sum_of(data) != manifest.axes_sum:
                return None
            axes = np.frombuffer(data, np.float32).reshape(length, WIDTH - 1)
            if not np.abs(axes.T @ axes - np.eye(WIDTH - 1)).max() < _SKEW:  # no bound would hold
                return None
            with _open_regular(self.name(manifest.generation, "sketch")) as file:
                sketch_now = _checked(file, 4 * WIDTH, count, manifest.sketch)
                table = map_rows(file, np.float32, count, WIDTH)
            sketch = Sketch(axes, table)
        is_noted = (matrix_now, sketch_now) == (manifest.matrix, manifest.sketch)
        current = manifest.model_copy(update={"matrix": matrix_now, "sketch": sketch_now})
        return Stored(current, rows, matrix, sketch, is_noted)


def new_name() -> str:
    """Return a new part of a name."""
    return secrets.token_hex(8)


def _open_regular(path: Path) -> BinaryIO:
    """Open a regular file to read it; links are not followed, pipes not waited for.

    Raises
    ------
    OSError
        If it is none, or cannot be read.
    """
    file = os.fdopen(os.open(path, _OPEN), "rb", buffering=0)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(f"{path} is not a file")
    return file


def _checked(file: BinaryIO, width: int, count: int, checked: Checked) -> Checked:
    """Return the checksums of a file with the state in which it has them.

    Raises
    ------
    ValueError
        If it has others.
    """
    state = FileState.of(file)
    if state == checked.state and state.size >= width * count:
        return checked
    if state.size < width * count or not has_sums(file, width, count, checked.sums):
        raise ValueError("checksum")
    return Checked(state=state, sums=checked.sums)
