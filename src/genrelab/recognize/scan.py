"""Find the audio files and tracks at the paths that a user names."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.recognize.inputs.passed_over import PassedOver, ScanLog, is_system_folder, read_marks
from genrelab.recognize.inputs.patterns import Names, Patterns
from genrelab.recognize.inputs.playlist import Found, ListReader, is_list
from genrelab.recognize.inputs.problem import Problem, why
from genrelab.recognize.inputs.sheet_track import SheetTrack

__all__ = ["Found", "PassedOver", "Problem", "ScanLog", "SheetTrack", "scan", "scan_near"]

_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Marked:
    """The patterns of a file such as `.ndignore`, and the depth of its folder."""

    name: str
    depth: int
    patterns: Patterns


@dataclass(frozen=True, slots=True)
class _Folder:
    """A folder to walk, its names below the named folder, and the patterns that apply to it."""

    path: Path
    names: Names = ()
    marked: tuple[_Marked, ...] = ()


def scan(
    paths: Iterable[str | os.PathLike[str]],
    *,
    exclude: Iterable[str] = (),
    ignore: bool = True,
    follow_lists: bool = True,
    log: ScanLog | None = None,
    inside: Callable[[Path], bool] | None = None,
) -> Iterator[Found]:
    """Find the audio files and tracks at some paths.

    A named file is included whatever its suffix; a named playlist or CUE sheet is replaced by its entries. A
    folder is walked recursively in the order of names: it yields files with one of
    `genrelab.audio.decode.AUDIO_SUFFIXES`, but no playlists and no names that start with a dot. Links to
    folders are followed. A folder that several links reach is walked once, and a link to a folder that
    contains it is a problem. Paths are neither patterns nor URLs.

    Parameters
    ----------
    paths : iterable of str or path-like
        Files and folders.
    exclude : iterable of str
        Patterns of entries to skip, as `genrelab.recognize.inputs.patterns.Patterns` takes them. They are
        compared with paths relative to the named folder, paths as named, and absolute paths.
    ignore : bool
        Whether to skip folders that other programs hide, and system folders
        (`genrelab.recognize.inputs.passed_over`).
    follow_lists : bool
        Whether to follow named playlists and CUE sheets; otherwise they are problems.
    log : ScanLog or None
        Receives what is skipped and which lists are read.
    inside : callable or None
        Whether a folder may be walked; None allows all. Other folders, which links lead to, are problems.

    Yields
    ------
    Path, SheetTrack or Problem
        A problem for each path that is missing or neither file nor folder, each unreadable folder, each
        named folder without audio files, and each entry of a list without a file.
    """
    scanner = _Scanner(Patterns(_slashes(pattern) for pattern in exclude), ignore, follow_lists, inside)
    return scanner.scan(paths, ScanLog() if log is None else log)


def scan_near(
    paths: Iterable[str | os.PathLike[str]],
    near: Iterable[str | os.PathLike[str]],
    *,
    exclude: Iterable[str] = (),
    ignore: bool = True,
    inside: Callable[[Path], bool] | None = None,
) -> Iterator[Found]:
    """Find the audio files at or below some paths, by the rules of the folders above them.

    Parameters
    ----------
    paths : iterable of str or path-like
        Folders.
    near : iterable of str or path-like
        Paths below these folders. They must begin with a folder as it is written in `paths`. Other folders
        are not walked.
    exclude, ignore, inside
        As `scan` takes them.

    Yields
    ------
    Path or Problem
    """
    patterns = Patterns(_slashes(pattern) for pattern in exclude)
    return _Scanner(patterns, ignore, False, inside, near=_Near(near)).scan(paths, ScanLog())


class _Scanner:
    """Finds files with one set of rules."""

    def __init__(
        self,
        exclude: Patterns,
        ignore: bool,
        follow_lists: bool,
        inside: Callable[[Path], bool] | None = None,
        near: _Near | None = None,
    ) -> None:
        self._exclude = exclude
        self._ignore = ignore
        self._follow_lists = follow_lists
        self._inside = inside
        self._near = near

    def scan(self, paths: Iterable[str | os.PathLike[str]], log: ScanLog) -> Iterator[Found]:
        """Yield what the paths lead to: at least one item if there is a path."""
        path, empty = None, True
        for path in map(Path, paths):
            for found in self._scan_named(path, log):
                empty = False
                yield found
        if path is not None and empty:
            yield Problem(path, f"--exclude skips {path} and everything else that was named.")

    def _scan_named(self, path: Path, log: ScanLog) -> Iterator[Found]:
        try:
            mode = path.stat().st_mode
        except FileNotFoundError:
            yield Problem(path, f"{path} does not exist. Check the path.")
            return
        except (OSError, ValueError) as error:
            yield Problem(path, f"{path} cannot be read: {why(error)}.")
            return
        is_folder = stat.S_ISDIR(mode)
        if self._is_excluded(path, is_folder=is_folder):
            log.passed_over[PassedOver("folder" if is_folder else "file", "excluded")] += 1
        elif is_folder:
            yield from self._scan_folder(path, log)
        elif is_list(path) and stat.S_ISREG(mode):
            yield from self._scan_list(path, log)
        else:
            yield path

    def _is_excluded(self, path: Path, *, is_folder: bool) -> bool:
        """Whether the user's patterns match a path that the user or a list names."""
        absolute = _names(Path(os.path.abspath(path)))
        return self._exclude.decide([absolute[-1:], _names(path), absolute], is_folder=is_folder) is True

    def _scan_list(self, path: Path, log: ScanLog) -> Iterator[Found]:
        if not self._follow_lists:
            yield Problem(
                path, f"{path} is a list of files. Tags are written only to files that you name: name those."
            )
            return
        reader = ListReader()
        for found in reader.follow(path):
            if not isinstance(found, Problem):
                sound = found if isinstance(found, Path) else found.path
                if self._is_excluded(sound, is_folder=False):
                    log.passed_over[PassedOver("file", "excluded")] += 1
                    continue
            yield found
        log.lists += reader.lists

    def _scan_folder(self, folder: Path, log: ScanLog) -> Iterator[Path | Problem]:
        own, empty = ScanLog(), True
        if self._ignore and is_system_folder(folder.absolute().name):
            own.passed_over[PassedOver("folder", "system folder", folder.absolute().name)] += 1
        else:
            for found in self._walk(folder, own):
                empty = False
                yield found
        log.passed_over += own.passed_over
        if empty:
            yield Problem(folder, _nothing_in(folder, own))

    def _walk(self, folder: Path, log: ScanLog) -> Iterator[Path | Problem]:
        """Yield the contents of a folder; uses a stack because folders may nest deeper than calls."""
        visited: set[_Identity] = set()
        around: list[_Identity] = []
        named = _Named(folder)
        levels: list[Iterator[_Folder | Path | Problem]] = [iter([_Folder(folder)])]
        while levels:
            found = next(levels[-1], None)
            if found is None:
                levels.pop()
                if around:
                    around.pop()
            elif not isinstance(found, _Folder):
                yield found
            elif self._inside is not None and not self._inside(found.path):
                yield Problem(
                    found.path, f"{found.path} leads out of the allowed folders. It was not followed."
                )
            else:
                try:
                    status = found.path.stat()
                except OSError as error:
                    yield Problem(found.path, f"{found.path} cannot be read: {why(error)}.")
                    continue
                identity = (status.st_dev, status.st_ino)
                if identity in around:
                    yield Problem(
                        found.path,
                        f"{found.path} is a link to a folder that contains it. It was not followed.",
                    )
                elif identity not in visited:
                    visited.add(identity)
                    around.append(identity)
                    levels.append(self._entries(found, named, log))

    def _entries(self, folder: _Folder, named: _Named, log: ScanLog) -> Iterator[_Folder | Path | Problem]:
        """Yield the subfolders and audio files of a folder, and problems."""
        try:
            with os.scandir(folder.path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            yield Problem(folder.path, f"{folder.path} cannot be read: {why(error)}.")
            return
        marked = folder.marked
        if self._ignore:
            hidden, patterns, problems = read_marks(folder.path, {entry.name for entry in entries})
            yield from problems
            if hidden is not None:
                log.passed_over[hidden] += 1
                return
            depth = len(folder.names)
            marked += tuple(_Marked(name, depth, found) for name, found in patterns.items())
        has_rules = bool(self._exclude or marked)
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if self._near is not None and not self._near.includes(folder.path / name):
                continue
            try:
                is_folder = entry.is_dir()
            except OSError as error:
                path = folder.path / name
                yield Problem(path, f"{path} cannot be followed: {why(error)}.")
                continue
            if not is_folder:
                if os.path.splitext(name)[1].lower() not in AUDIO_SUFFIXES:
                    continue
                if not has_rules:  # most files of most collections
                    yield folder.path / name
                    continue
            names = (*folder.names, name)
            skipped = self._reason_to_skip(names, named, marked, is_folder=is_folder)
            if skipped is not None:
                log.passed_over[skipped] += 1
            else:
                path = folder.path / name
                yield _Folder(path, names, marked) if is_folder else path

    def _reason_to_skip(
        self, names: Names, named: _Named, marked: tuple[_Marked, ...], *, is_folder: bool
    ) -> PassedOver | None:
        """Return why to skip an entry, or None: the user's patterns first, then the innermost ones."""
        what: Literal["file", "folder"] = "folder" if is_folder else "file"
        if self._exclude:
            excluded = self._exclude.decide(named.ways_to(names), is_folder=is_folder)
            if excluded is not None:
                return PassedOver(what, "excluded") if excluded else None
        if self._ignore and is_folder and is_system_folder(names[-1]):
            return PassedOver(what, "system folder", names[-1])
        for mark in reversed(marked):
            hidden = mark.patterns.decide([names[mark.depth :]], is_folder=is_folder)
            if hidden is not None:
                return PassedOver(what, "pattern", mark.name) if hidden else None
        return None


class _Near:
    """Some paths, and the folders that lead to them."""

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self._paths = {Path(path) for path in paths}
        self._above = {parent for path in self._paths for parent in path.parents}

    def includes(self, path: Path) -> bool:
        """Whether a path is one of them, above or below one."""
        return path in self._above or path in self._paths or not self._paths.isdisjoint(path.parents)


class _Named:
    """A named folder; it gives the paths below it relative to it, as named, and absolute."""

    def __init__(self, folder: Path) -> None:
        self._before = {(), _names(folder), _names(Path(os.path.abspath(folder)))}

    def ways_to(self, names: Names) -> list[Names]:
        return [before + names for before in self._before]


def _names(path: Path) -> Names:
    """Return a path as names; a drive is a name, a root is not."""
    return tuple(name.rstrip("/\\") for name in path.parts if name not in (os.sep, ".", ".."))


def _slashes(pattern: str) -> str:
    return pattern if os.sep == "/" else pattern.replace(os.sep, "/")


def _nothing_in(folder: Path, log: ScanLog) -> str:
    if not log.passed_over:
        return f"{folder} contains no audio files. Name another folder, or the files themselves."
    remedy = "--no-ignore includes them." if log.ignored else "Exclude less."
    return f"{folder} contains no audio files except skipped ones: {log.summary()}. {remedy}"
