"""The temporary folder of a server, for uploads only.

It is made with permissions for its user alone, below the system's temporary folder. Its process holds a lock
in it, which ends with the process: a folder without a lock was left by a killed server. The next server of
the same library takes from it the uploads whose jobs are not finished, and removes the rest.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from genrelab.audio.formats import AUDIO_SUFFIXES
from genrelab.files import only_one
from genrelab.serve.problem import RequestError

_LOCK = "lock"
_NAME = re.compile(r"[0-9a-f]{32}(\.[a-z0-9]{1,8})?", re.ASCII)
_YOUNG_SECONDS = 3600.0  # a folder without a lock file may be one that is just being made


class TempFolder:
    """The temporary folder of a server, made when it is first needed.

    Parameters
    ----------
    library : Path
        Servers of one library find each other's folders.
    most_bytes : int
        Of all uploads that wait for their jobs together.
    """

    def __init__(self, library: Path, *, most_bytes: int) -> None:
        self._most = most_bytes
        self._sizes: dict[str, int] = {}  # what is reserved for each upload
        self._lock = threading.Lock()
        digest = hashlib.sha256(os.fsencode(os.path.realpath(library))).hexdigest()
        self._prefix = f"genrelab-serve-{digest[:12]}-"
        self._held = ExitStack()
        self._making = threading.Lock()
        self._path: Path | None = None

    @property
    def path(self) -> Path:
        """The folder; raises OSError if it cannot be made.

        It is made again if it is gone: some systems remove temporary files that nobody used for days.
        """
        with self._making:
            if self._path is not None and not (self._path / _LOCK).exists():
                self._path = None
                self._held.close()
            while self._path is None:
                path = Path(tempfile.mkdtemp(prefix=self._prefix)).resolve()
                try:
                    self._held.enter_context(only_one(path / _LOCK))
                except (BlockingIOError, FileNotFoundError):  # another server took it for an abandoned one
                    continue
                if (path / _LOCK).exists():
                    self._path = path
            return self._path

    def new(self, name: str) -> tuple[str, BinaryIO]:
        """Create a file for an upload.

        Parameters
        ----------
        name : str
            From outside; only a known suffix of it is used.

        Returns
        -------
        (str, binary file)
            The file's name in this folder, and the file, open for writing.
        """
        suffix = os.path.splitext(name)[1].lower()
        made = secrets.token_hex(16) + (suffix if suffix in AUDIO_SUFFIXES else "")
        number = os.open(self.path / made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY, 0o600)
        return made, open(number, "wb")  # noqa: SIM115

    def find(self, made: str) -> Path | None:
        """Return the path of an upload, also in the folder of another server; None if it is gone."""
        if _NAME.fullmatch(made) is None:
            return None
        own = self._path
        folders: Iterator[Path] = chain(() if own is None else (own,), self._others())
        for folder in folders:
            if stat.S_ISREG(_mode(folder / made)):
                return folder / made
        return None

    def remove(self, made: str) -> None:
        """Remove an upload, if it is there."""
        path = self.find(made)
        if path is not None:
            with suppress(OSError):
                path.unlink()
        with self._lock:
            self._sizes.pop(made, None)

    def reserve(self, made: str, size: int) -> None:
        """Reserve room for bytes that are about to be written into an upload, until it is removed.

        Raises
        ------
        RequestError
            If the uploads that wait take too much already.
        """
        with self._lock:
            used = sum(self._sizes.values())
            if used + size > self._most:
                raise RequestError(
                    f"the uploads that wait for recognition have {used} bytes; no more are accepted",
                    code="uploads-full",
                    status=503,
                    remedy="try again when some are done",
                    headers={"Retry-After": "10"},
                )
            self._sizes[made] = self._sizes.get(made, 0) + size

    def sweep(self, keep: Collection[str]) -> None:
        """Remove the folders of killed servers; some of their files move to this one.

        Parameters
        ----------
        keep : collection of str
            The names of the files to keep.
        """
        for folder in self._others():
            try:
                if not (folder / _LOCK).exists():
                    if time.time() - folder.stat().st_mtime > _YOUNG_SECONDS:
                        shutil.rmtree(folder)
                    continue
                with only_one(folder / _LOCK):
                    for made in keep:
                        if _NAME.fullmatch(made) and stat.S_ISREG(_mode(folder / made)):
                            os.replace(folder / made, self.path / made)
                            with self._lock:
                                self._sizes[made] = (self.path / made).stat().st_size
                    shutil.rmtree(folder)
            except OSError:  # BlockingIOError: its server lives
                continue

    def _others(self) -> Iterator[Path]:
        """Yield the folders of other servers of this library: those that only this user can read."""
        own = None if self._path is None else self._path.name
        with suppress(OSError), os.scandir(os.path.realpath(tempfile.gettempdir())) as entries:
            for entry in entries:
                if entry.name.startswith(self._prefix) and entry.name != own:
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISDIR(status.st_mode) and _is_private(status):
                        yield Path(entry.path)

    def close(self) -> None:
        """Remove the folder."""
        with self._making:
            path, self._path = self._path, None
        if path is not None:
            shutil.rmtree(path, ignore_errors=True)
            self._held.close()
            shutil.rmtree(path, ignore_errors=True)  # Windows removes no open file


_BINARY = getattr(os, "O_BINARY", 0)


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except OSError:
        return 0


def _is_private(status: os.stat_result) -> bool:
    if sys.platform == "win32":  # the folder for temporary files is that of the user
        return True
    return status.st_uid == os.getuid() and not status.st_mode & 0o077
