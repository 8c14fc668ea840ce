"""What a watcher watches, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What a watcher watches, and how.

    Parameters
    ----------
    folders : tuple of Path
        From `genrelab.watch.folders.check_folders`.
    exclude : tuple of str
    ignore : bool
        Both as `genrelab.recognize.scan` takes them.
    settle_seconds : float >= 0
        How long a file must not have changed before it is recognized.
    poll_seconds : float > 0, or None
        Time between two looks at all files; None means notices of the system where it gives them, and a
        minute elsewhere.
    initial_scan : bool
        Whether to recognize what is there at the start.
    forget_missing : bool
        Whether to remove the results of files that no longer exist.
    together : bool
        Whether the files of a folder are processed only when all of them are complete.
    once : bool
        Whether to end when nothing is left to do. What fails for the moment is an error then.
    inside : callable or None
        Whether a file or folder may be read, after its links are resolved; None allows all.
    retry_seconds : float > 0
        Time until something that failed, such as a write to a full disk, is tried again; it doubles.
    """

    folders: tuple[Path, ...]
    exclude: tuple[str, ...] = ()
    ignore: bool = True
    settle_seconds: float = 5.0
    poll_seconds: float | None = None
    initial_scan: bool = True
    forget_missing: bool = False
    together: bool = False
    once: bool = False
    inside: Callable[[Path], bool] | None = None
    retry_seconds: float = 10.0
