"""Notices of the system about changed files, from watchfiles (inotify on Linux)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

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
            reason = "watchfiles is not installed: pip install 'genrelab[serve]'"
            raise NoNoticesError(reason, "watch-no-notices", lasting=True) from error

        def begin(*, tolerant: bool) -> Iterator[set[tuple[watchfiles.Change, str]]]:
            return watchfiles.watch(
                *folders,
                watch_filter=None,
                debounce=round(TICK_SECONDS * 1000),
                step=_QUIET_MS,
                rust_timeout=round(TICK_SECONDS * 1000),
                yield_on_timeout=True,
                stop_event=stop,
                raise_interrupt=False,
                force_polling=False,
                ignore_permission_denied=tolerant,
            )

        self._ended = False
        self._changes = begin(tolerant=False)
        try:
            self._first = self._next()  # starts to watch
        except NoNoticesError as error:
            if not isinstance(error.__cause__, PermissionError):
                raise
            self._ended = False
            self._changes = begin(tolerant=True)  # says nothing about the limit of the system either
            self._first = self._next()

    def wait(self) -> set[Path]:
        """Return the paths that changed, after `TICK_SECONDS` at most; none if nothing did.

        Raises
        ------
        NoNoticesError
            If notices were lost, or the system gives none any more.
        """
        first, self._first = self._first, set()
        return first or self._next()

    def _next(self) -> set[Path]:
        if self._ended:  # by `stop`, or by a signal
            raise NoNoticesError("the notices were interrupted", "watch-overrun", lasting=False)
        try:
            return {Path(path) for _, path in next(self._changes)}
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
        del self._changes


def _why(error: Exception) -> NoNoticesError:
    text = str(error)
    limits = {"MaxFilesWatch": "too many folders to watch", "os error 24": "too many programs watch files"}
    for sign, what in limits.items():
        if sign in text:
            remedy = LIMIT_REMEDY if sys.platform == "linux" else "watch fewer folders"
            return NoNoticesError(f"{what} for this system: {remedy}", "watch-limit", lasting=True)
    if isinstance(error, FileNotFoundError):
        return NoNoticesError("a folder has just vanished", "watch-overrun", lasting=False)
    return NoNoticesError(f"some changes were not noticed ({text})", "watch-overrun", lasting=False)
