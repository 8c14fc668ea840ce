"""Open the file of a track, so that it stays the file that was checked."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from genrelab.library.store.listing.listed_track import path_text
from genrelab.serve.guard.roots import Roots
from genrelab.serve.problem import RequestError

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_DESCRIPTORS = Path("/proc/self/fd")


class OpenedTrack:
    """The open file of a track. It stays the same file if its path is given to another one.

    Parameters
    ----------
    roots : Roots
    path : bytes
        Of a track of the library.

    Attributes
    ----------
    path : bytes
    file : binary file
    status : os.stat_result

    Raises
    ------
    RequestError
        If the server has no roots, or the path does not lie under one (403), the file is missing (404), is
        not a regular file or cannot be read (403).
    """

    def __init__(self, roots: Roots, path: bytes) -> None:
        self.path = path
        if not roots.folders:
            raise RequestError(
                "this server reads no files of the library",
                code="no-roots",
                status=403,
                path=path_text(path),
                remedy="start it with the folders of the music: genrelab serve FOLDER",
            )
        self.file = self._open(roots)
        self.status = os.fstat(self.file.fileno())

    def _open(self, roots: Roots) -> BinaryIO:
        try:
            self._check(os.stat(self.path), roots)  # before it is opened: opening a device may do something
            file = open(os.open(self.path, _FLAGS), "rb")  # noqa: SIM115
        except (FileNotFoundError, NotADirectoryError) as error:
            raise RequestError(
                "the file of the track is gone",
                code="track-file-missing",
                status=404,
                path=path_text(self.path),
                remedy="bring it back, or forget the track: genrelab library forget --missing",
            ) from error
        except (OSError, ValueError) as error:
            raise RequestError(
                f"the file of the track cannot be read: {getattr(error, 'strerror', None) or error}",
                code="track-file-unreadable",
                status=403,
                path=path_text(self.path),
                remedy="check its permissions",
            ) from error
        try:
            self._check(os.fstat(file.fileno()), roots)
        except BaseException:
            file.close()
            raise
        return file

    def _check(self, status: os.stat_result, roots: Roots) -> None:
        """Raise unless a file is a regular one, and the one to which the path leads, under a root, now."""
        real = os.path.realpath(self.path)
        if not (roots.holds(real) and os.path.samestat(os.stat(real), status)):
            raise self._outside()
        if not stat.S_ISREG(status.st_mode):
            message = "the path of the track is no regular file now"
            raise RequestError(message, code="track-file-special", status=403, path=path_text(self.path))

    def _outside(self) -> RequestError:
        return RequestError(
            "the file of the track is not under a folder that this server may read",
            code="outside-roots",
            status=403,
            path=path_text(self.path),
        )

    def read_at(self, count: int, place: int) -> bytes:
        """Return up to `count` bytes from a place of the file; call it from one thread at a time."""
        if sys.platform == "win32":
            self.file.seek(place)
            return self.file.read(count)
        return os.pread(self.file.fileno(), count, place)

    @property
    def decodable(self) -> Path:
        """A path for decoders that leads to this file, where the system has one."""
        named = _DESCRIPTORS / str(self.file.fileno())
        return named if named.exists() else Path(os.fsdecode(self.path))

    @property
    def tag(self) -> str:
        """The entity tag of HTTP: it changes with the file."""
        return f'"{self.status.st_mtime_ns:x}-{self.status.st_size:x}-{self.status.st_ino:x}"'

    @property
    def state(self) -> tuple[bytes, int, int]:
        """What a cached result about the file belongs to."""
        return self.path, self.status.st_size, self.status.st_mtime_ns

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
