"""A file as it was met at one moment."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from genrelab.library.store.audio_digest import sound_digest

_MOST_BYTES = 2**42


class FileSnapshot:
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
        When it was changed last, as a number of 64 bits.

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
        if status.st_size > _MOST_BYTES:  # such as /proc/kcore; to hash it would take days
            raise OSError(errno.EFBIG, "it is larger than a sound file can be", os.fspath(path))
        self.size, self.mtime_ns = _size_and_time(status)
        self._sound: bytes | None = None

    def set_sound(self, sound: bytes) -> None:
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
        return _size_and_time(now) == (self.size, self.mtime_ns)


def real_path(path: str | os.PathLike[str]) -> bytes:
    """Return where a path leads: absolute, without links, as bytes."""
    return os.fsencode(os.path.realpath(path))


def _size_and_time(status: os.stat_result) -> tuple[int, int]:
    """Return a file's size, and when it was changed.

    Times beyond 1677 and 2262 do not fit into 64 bits as nanoseconds, but files have them: they begin again
    from the other end, which tells one time from another as well.
    """
    return status.st_size, (status.st_mtime_ns + 2**63) % 2**64 - 2**63
