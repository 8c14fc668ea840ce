"""Notices of the system about changed files, from watchfiles (inotify on Linux)."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genrelab.extras import install_command

if TYPE_CHECKING:
    from watchfiles import Change

    _Changes = Iterator[set[tuple[Change, str]]]

TICK_SECONDS = 0.5
_QUIET_MS = 50  # notices closer together than this come at once

LIMIT_REMEDY = (
    "raise the limits (sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024; "
    "write them to /etc/sysctl.d/90-inotify.conf to keep them)"
)


class NoNoticesError(Exception):
    """The system gives no notice of changes, or no longer.

    Parameters
    ----------
    reason : str
        Why, and what helps.
    code : {"watch-limit", "watch-unsupported", "watch-overrun", "watch-no-notices"}
    lasting : bool
        Whether it will be so next time too.
    """

    def __init__(self, reason: str, code: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.code = code
        self.lasting = lasting


class Notices:
    """What has changed in some folders.

    Parameters
    ----------
    folders : sequence of Path
        They must exist.
    stop : threading.Event
        Ends `wait` early.

    Raises
    ------
    NoNoticesError
        If the system gives no notices for these folders.
    """

    def __init__(self, folders: Sequence[Path], stop: threading.Event) -> None:
        try:
            for folder in folders:
                str(folder).encode("utf-8")
        except UnicodeEncodeError as error:
            reason = "the name of a folder is not text, which the system's notices cannot carry"
            raise NoNoticesError(reason, "watch-unsupported", lasting=True) from error
        try:
            import watchfiles
        except ImportError as error:
            reason = f"watchfiles is not installed: {install_command('serve')}"
            raise NoNoticesError(reason, "watch-no-notices", lasting=True) from error
        self._watch = watchfiles.watch
        self._folders = folders
        self._stop = stop
        self._ended = False
        self._flat: frozenset[Path] = frozenset()
        self._first: set[Path] = set()
        try:
            self._changes = [self._begin(folders)]
            self._first = self._next()  # starts to watch
        except NoNoticesError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            self._watch_readable()

    def _begin(self, folders: Iterable[Path], *, deep: bool = True) -> _Changes:
        # With ignore_permission_denied, it would give up silently at the first folder that may not be read.
        return self._watch(
            *folders,
            watch_filter=None,
            debounce=round(TICK_SECONDS * 1000),
            step=_QUIET_MS,
            rust_timeout=round(TICK_SECONDS * 1000),
            yield_on_timeout=True,
            stop_event=self._stop,
            raise_interrupt=False,
            force_polling=False,
            recursive=deep,
        )

    def _watch_readable(self) -> None:
        """Watch all but the folders that may not be read, such as the `lost+found` of a drive."""
        self._ended = False
        flat, deep = readable_folders(self._folders)
        self._flat = frozenset(flat)
        self._changes = [self._begin(each, deep=deep) for each, deep in ((flat, False), (deep, True)) if each]
        self._first |= self._next()

    def wait(self) -> set[Path]:
        """Return the paths that changed, after about `TICK_SECONDS` at most; none if nothing did.

        Raises
        ------
        NoNoticesError
            If notices were lost, or the system gives none any more.
        """
        first, self._first = self._first, set()
        changed = first or self._next()
        if any(path.parent in self._flat and path not in self._flat and path.is_dir() for path in changed):
            self._watch_readable()  # with the new folder
        return changed

    def _next(self) -> set[Path]:
        if self._ended:  # by `stop`, or by a signal
            raise NoNoticesError("the notices were interrupted", "watch-overrun", lasting=False)
        try:
            return {Path(path) for changes in self._changes for _, path in next(changes)}
        except StopIteration:
            self._ended = True
            return set()
        except OSError as error:
            raise _why(error) from error
        except RuntimeError as error:  # of watchfiles: a name that is not text, or too many notices
            raise _why(error) from error

    def close(self) -> None:
        """Stop watching."""
        self._ended = True
        self._changes = []


def _why(error: Exception) -> NoNoticesError:
    text = str(error)
    limits = {"MaxFilesWatch": "too many folders to watch", "os error 24": "too many programs watch files"}
    for sign, what in limits.items():
        if sign in text:
            remedy = LIMIT_REMEDY if sys.platform == "linux" else "watch fewer folders"
            return NoNoticesError(f"{what} for this system: {remedy}", "watch-limit", lasting=True)
    if isinstance(error, PermissionError):
        return NoNoticesError("some folders may not be read", "watch-unsupported", lasting=True)
    if isinstance(error, FileNotFoundError):
        return NoNoticesError("a folder has just vanished", "watch-overrun", lasting=False)
    return NoNoticesError(f"some changes were not noticed ({text})", "watch-overrun", lasting=False)


def readable_folders(folders: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return how to watch all folders at or below some, except those that may not be read.

    Returns
    -------
    flat : list of Path
        To be watched without what is below: folders above those that may not be read.
    deep : list of Path
        To be watched with all that is below.
    """
    flat: list[Path] = []
    deep: list[Path] = []
    for folder in folders:
        if _divide(folder, flat, deep, set()):
            deep.append(folder)
    return flat, deep


def _divide(folder: Path, flat: list[Path], deep: list[Path], around: set[tuple[int, int]]) -> bool:
    """Whether all below a folder may be read; otherwise add its parts to the lists."""
    try:
        status = folder.stat()
        identity = status.st_dev, status.st_ino
        if identity in around:  # a link to a folder that contains it
            return True
        with os.scandir(folder) as entries:
            inside = [Path(entry.path) for entry in entries if entry.is_dir()]
    except OSError:
        return False
    if not os.access(folder, os.R_OK | os.X_OK):
        return False
    before = len(flat), len(deep)
    clean = [path for path in inside if _divide(path, flat, deep, around | {identity})]
    if len(clean) == len(inside):
        del flat[before[0] :], deep[before[1] :]
        return True
    flat.append(folder)
    deep.extend(clean)
    return False
