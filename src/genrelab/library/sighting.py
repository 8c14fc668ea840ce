"""A file as it was met at one moment."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from genrelab.library.sound import sound_digest


class Sighting:
    """A regular file as it was met at one moment.

    Parameters
    ----------
    path : Path
        As it was named.

    Attributes
    ----------
    path : Path
        As it was named.
    real : bytes
        Where the file is: absolute, without links.
    size : int
        In bytes.
    mtime_ns : int
        When it was changed last.

    Raises
    ------
    OSError
        If it cannot be looked at, or is no regular file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.real = real_path(path)
        status = os.stat(self.real)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", os.fspath(path))
        self.size, self.mtime_ns = status.st_size, status.st_mtime_ns
        self._sound: bytes | None = None

    def take_sound(self, sound: bytes) -> None:
        """Be told the hash of the sound by somebody who knows it."""
        self._sound = sound

    def hash_sound(self) -> bytes:
        """Return the hash of the sound; the whole file is read for it, once."""
        if self._sound is None:
            self._sound = sound_digest(os.fsdecode(self.real))
        return self._sound

    def is_still(self) -> bool:
        """Whether the file is as it was then."""
        try:
            now = os.stat(self.real)
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.mtime_ns)


def real_path(path: str | os.PathLike[str]) -> bytes:
    """Return where a path leads: absolute, without links, as bytes."""
    return os.fsencode(os.path.realpath(path))
