"""Watched folders: whether they are there, and whether the system gives notice of their changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from genrelab.errors import UsageError

NETWORK = frozenset(
    (
        *(
            "nfs",
            "nfs4",
            "cifs",
            "smb3",
            "smbfs",
            "ncpfs",
            "afs",
            "ceph",
            "glusterfs",
            "lustre",
            "9p",
            "davfs",
        ),
        *("fuse.sshfs", "fuse.rclone", "fuse.s3fs", "fuse.davfs2", "fuse.glusterfs", "fuse.gvfsd-fuse"),
        *("vboxsf", "prl_fs", "virtiofs", "fuse.vmhgfs-fuse"),  # folders of the host of a virtual machine
    )
)
"""File systems whose files other machines change: the system gives no notice of that."""


def check_folders(folders: Iterable[Path]) -> list[Path]:
    """Return folders to watch as absolute paths, without those that lie in others.

    Raises
    ------
    UsageError
        If there is none, or one does not exist, is not a folder or cannot be read.
    """
    found: list[Path] = []
    for folder in folders:
        path = Path(os.path.abspath(folder))
        if not path.is_dir():
            what = "is not a folder" if path.exists() else "does not exist"
            message = f"{folder} {what}. Name a folder to watch; mount its drive first if it is on one."
            raise UsageError(message, code="watch-no-folder")
        if not os.access(path, os.R_OK | os.X_OK):
            raise UsageError(
                f"{folder} cannot be read. Change its permissions, or watch as a user who may read it.",
                code="watch-unreadable",
            )
        found.append(path)
    if not found:
        raise UsageError("name at least one folder to watch", code="watch-nothing")
    real = {path: Path(os.path.realpath(path)) for path in found}
    above = {
        path
        for path in found
        for other in found
        if real[other] in real[path].parents
        or (real[other] == real[path] and found.index(other) < found.index(path))
    }
    return [path for path in dict.fromkeys(found) if path not in above]


class Folder:
    """A watched folder.

    A folder on a drive that was unmounted is missing, or empty and another one than before.

    Parameters
    ----------
    path : Path

    Attributes
    ----------
    path : Path
    there : bool
        Whether it was there at the last `check`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.there = True
        self._identity = _identity(path)

    def check(self) -> bool:
        """Look whether the folder is there; return whether that, or the folder itself, has changed."""
        identity = _identity(self.path)
        now = identity is not None and not (identity != self._identity and is_empty(self.path))
        changed = now != self.there or (now and identity != self._identity)
        self.there = now
        if now:
            self._identity = identity
        return changed


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
        with os.scandir(path):
            return status.st_dev, status.st_ino
    except OSError:
        return None


def is_empty(path: Path) -> bool:
    """Whether a folder has no entries; also if it cannot be read."""
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def looks_unmounted(path: Path) -> bool:
    """Whether the nearest existing folder above a missing file is empty, as that of an unmounted drive."""
    for parent in path.parents:
        if parent.is_dir():
            return is_empty(parent)
    return True


def network_type(path: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str | None:
    """Return the type of the file system of a folder if it is one of `NETWORK`; None if not, or unknown.

    Parameters
    ----------
    path : Path
    mounts : Path
        The table of mounts, as Linux writes it.
    """
    real = os.path.realpath(path)
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best, kind = "", None
    for line in lines:
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
        below = real == point or real.startswith(point.rstrip("/") + "/")
        if below and len(point) >= len(best):  # of two at one place, the later one hides the other
            best, kind = point, after.split()[0]
    return kind if kind in NETWORK else None
