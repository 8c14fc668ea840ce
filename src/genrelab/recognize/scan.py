"""From the paths that a user names to the files to recognize."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genrelab.audio.decode import AUDIO_SUFFIXES

_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Problem:
    """A path that leads to no file.

    Parameters
    ----------
    path : Path
        The path.
    message : str
        What is wrong with it, and the remedy.
    """

    path: Path
    message: str


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to be walked."""

    path: Path


@dataclass(slots=True)
class _Walk:
    """A walk through one folder that was named."""

    visited: set[_Identity] = field(default_factory=set)
    files: int = 0
    problems: int = 0


def scan(paths: Iterable[str | os.PathLike[str]]) -> Iterator[Path | Problem]:
    """Find the files to recognize.

    A file that is named is taken, whatever its suffix. A folder is walked with all below it, in the
    order of names: files with one of `genrelab.audio.decode.AUDIO_SUFFIXES`, nothing that begins with a
    dot. Links to folders are followed; a folder that several links reach is walked once, and a link that
    leads back to a folder around it is a problem. No path is taken for a pattern or an address.

    Parameters
    ----------
    paths : iterable of str or path-like
        Files and folders.

    Yields
    ------
    Path or Problem
        A problem for each path that is missing or neither file nor folder, each folder that cannot be
        read, and each named folder without sound files.
    """
    for given in paths:
        path = Path(given)
        try:
            status = path.stat()
        except FileNotFoundError:
            yield Problem(path, f"{path} does not exist. Check the path.")
        except (OSError, ValueError) as error:
            yield Problem(path, f"{path} cannot be read: {_why(error)}.")
        else:
            if stat.S_ISDIR(status.st_mode):
                yield from _scan_folder(path)
            else:
                yield path


def _scan_folder(folder: Path) -> Iterator[Path | Problem]:
    walk = _Walk()
    for found in _walk(folder, walk):
        if isinstance(found, Problem):
            walk.problems += 1
        else:
            walk.files += 1
        yield found
    if not walk.files and not walk.problems:
        yield Problem(folder, f"{folder} holds no sound files. Name another folder, or the files themselves.")


def _walk(folder: Path, walk: _Walk) -> Iterator[Path | Problem]:
    """Yield what is below a folder; a stack, for folders may nest deeper than calls."""
    around: list[_Identity] = []
    levels: list[Iterator[_Folder | Path | Problem]] = [iter([_Folder(folder)])]
    while levels:
        found = next(levels[-1], None)
        if found is None:
            levels.pop()
            if around:
                around.pop()
        elif not isinstance(found, _Folder):
            yield found
        else:
            try:
                status = found.path.stat()
            except OSError as error:
                yield Problem(found.path, f"{found.path} cannot be read: {_why(error)}.")
                continue
            identity = (status.st_dev, status.st_ino)
            if identity in around:
                yield Problem(
                    found.path, f"{found.path} is a link back to a folder around it. It was not followed."
                )
            elif identity not in walk.visited:
                walk.visited.add(identity)
                around.append(identity)
                levels.append(_entries(found.path))


def _entries(folder: Path) -> Iterator[_Folder | Path | Problem]:
    """Yield the subfolders and sound files of a folder, and entries that cannot be looked at."""
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError as error:
        yield Problem(folder, f"{folder} cannot be read: {_why(error)}.")
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        path = folder / entry.name
        try:
            if entry.is_dir():
                yield _Folder(path)
            elif path.suffix.lower() in AUDIO_SUFFIXES:
                yield path
        except OSError as error:
            yield Problem(path, f"{path} cannot be followed: {_why(error)}.")


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
