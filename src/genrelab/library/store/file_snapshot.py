"""The state of a file at one moment."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from genrelab.library.store.audio_digest import sound_digest

_MOST_BYTES = 2**42


class FileSnapshot:
    """The state of a regular file at one moment.

    Parameters
    ----------
    path : Path
        As named by the user.
    folders : RealFolders or None
        For many files of few folders.

    Attributes
    ----------
    path : Path
        As named by the user.
    real : bytes
        Absolute, with links resolved.
    size : int
        In bytes.
    mtime_ns : int
        Modification time, in 64 bits.

    Raises
    ------
    OSError
        If the file is missing, unreadable, not regular, or too large.
    """

    def __init__(self, path: Path, folders: RealFolders | None = None) -> None:
        self.path = path
        real, status = (None, None) if folders is None else folders.look(path)
        self.real = real_path(path) if real is None else real
        if status is None:
            status = os.stat(self.real)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file", os.fspath(path))
        if status.st_size > _MOST_BYTES:  # such as /proc/kcore, which would take days to hash
            raise OSError(errno.EFBIG, "it is larger than an audio file can be", os.fspath(path))
        self.size, self.mtime_ns = _size_and_time(status)
        self._sound: bytes | None = None

    def set_sound(self, sound: bytes) -> None:
        """Set the known hash of the audio."""
        self._sound = sound

    def hash_sound(self) -> bytes:
        """Return the hash of the audio; the first call reads the whole file."""
        if self._sound is None:
            self._sound = sound_digest(os.fsdecode(self.real))
        return self._sound

    def is_still(self) -> bool:
        """Whether the file is unchanged since the snapshot."""
        try:
            now = os.stat(self.real)
        except OSError:
            return False
        return _size_and_time(now) == (self.size, self.mtime_ns)


_DEEPEST = 100  # folders that are resolved one by one, each from the one above it


class RealFolders:
    """Resolves the links of each folder once, for files that are looked at in one go."""

    def __init__(self) -> None:
        self._real: dict[str, str] = {}

    def look(self, path: Path) -> tuple[bytes | None, os.stat_result | None]:
        """Return the real path and the status of a file; None for both if it is a link itself."""
        folder, separator, name = os.fspath(path).rpartition(os.sep)
        if name in ("", os.curdir, os.pardir):
            return None, None
        found = os.fsencode(self._resolve(folder if folder or not separator else separator) + name)
        status = os.lstat(found)
        return (None, None) if stat.S_ISLNK(status.st_mode) else (found, status)

    def _resolve(self, folder: str) -> str:
        """Return a folder without links, ready for a name to follow."""
        real = self._real.get(folder)
        if real is None:
            real = self._real[folder] = os.path.join(self._follow(folder), "")
        return real

    def _follow(self, folder: str) -> str:
        above, _, name = folder.rpartition(os.sep)
        if above and name not in ("", os.curdir, os.pardir) and folder.count(os.sep) < _DEEPEST:
            inside = self._resolve(above) + name
            if not os.path.islink(inside):
                return inside
        return os.path.realpath(folder or os.curdir)


def real_path(path: str | os.PathLike[str]) -> bytes:
    """Return a path as absolute bytes, with links resolved."""
    return os.fsencode(os.path.realpath(path))


def _size_and_time(status: os.stat_result) -> tuple[int, int]:
    """Return the size and the modification time of a file.

    Times before 1677 and after 2262 do not fit in 64 bits as nanoseconds. They wrap around, which still
    distinguishes one time from another.
    """
    return status.st_size, (status.st_mtime_ns + 2**63) % 2**64 - 2**63
