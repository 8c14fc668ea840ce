"""Follow playlists (M3U, M3U8) and CUE sheets to the audio files they name.

The files they name are only read as audio. The size of a list, the number of entries and the nesting of lists
are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from stat import S_ISREG

from genrelab.recognize.inputs.cue_sheet import read_cue
from genrelab.recognize.inputs.list_file import ListFile, path_of_url, read_list, shown
from genrelab.recognize.inputs.problem import Problem, why
from genrelab.recognize.inputs.sheet_track import SheetTrack

LIST_SUFFIXES: frozenset[str] = frozenset((".m3u", ".m3u8", ".cue"))
"""Suffixes of playlists and CUE sheets, in lower case."""

MOST_ENTRIES = 100_000
"""Most entries to follow in a list and the lists that it names."""

MOST_DEPTH = 8
"""Deepest nesting of lists."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")  # a single letter is a drive, not a URL scheme

Found = Path | SheetTrack | Problem


def is_list(path: Path) -> bool:
    """Whether a path has the suffix of a playlist or CUE sheet."""
    return path.suffix.lower() in LIST_SUFFIXES


class ListReader:
    """Follows one list that the user named, and the lists in it.

    Attributes
    ----------
    lists : list of Path
        The lists read.
    """

    def __init__(self) -> None:
        self.lists: list[Path] = []
        self._followed: set[tuple[int, int]] = set()

    def follow(self, path: Path) -> Iterator[Found]:
        """Yield the entries of a list in order.

        Parameters
        ----------
        path : Path
            A playlist or a CUE sheet.

        Yields
        ------
        Path, SheetTrack or Problem
            A problem for each entry without a file, and each list that is unreadable or empty.
        """
        for count, found in enumerate(self._follow(path, 1)):
            if count == MOST_ENTRIES:
                most = f"only the first {MOST_ENTRIES:,} entries were followed"
                yield Problem(path, f"{path} is too long: {most}. Split it.")
                return
            yield found

    def _follow(self, path: Path, depth: int) -> Iterator[Found]:
        try:
            status = path.stat()
        except OSError as error:
            yield Problem(path, f"{path} cannot be read: {why(error)}.")
            return
        identity = (status.st_dev, status.st_ino)
        if identity in self._followed:
            yield Problem(path, f"{path} is named by several lists, or by itself. It was followed only once.")
            return
        self._followed.add(identity)
        listed = (
            read_list(path) if S_ISREG(status.st_mode) else Problem(path, f"{path} is not a regular file.")
        )
        if isinstance(listed, Problem):
            yield listed
            return
        self.lists.append(path)
        yield from read_cue(listed) if path.suffix.lower() == ".cue" else self._entries(listed, depth)

    def _entries(self, listed: ListFile, depth: int) -> Iterator[Found]:
        empty = True
        for number, line in enumerate(listed.lines, start=1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            empty = False
            found = _resolve(listed, line, number)
            if isinstance(found, Problem) or not is_list(found):
                yield found
            elif depth >= MOST_DEPTH:
                yield Problem(
                    found, f"{found} was not followed: it is nested in more than {MOST_DEPTH} lists."
                )
            else:
                yield from self._follow(found, depth + 1)
        if empty:
            yield Problem(
                listed.path,
                f"{listed.path} names no files. Choose another list, or name the files themselves.",
            )


def _resolve(listed: ListFile, line: str, number: int) -> Path | Problem:
    """Return the file named by a line of a playlist."""
    where = f"{listed.path}, line {number}"
    entry: str = line
    if _ADDRESS.match(line.strip()):
        local = path_of_url(line.strip())
        if local is None:
            return Problem(
                listed.path,
                f"{where}: {shown(line.strip())} is a URL. Only local files are read: download it.",
            )
        entry = str(local)
    found = listed.find(entry)
    if found is None:
        place = listed.place(shown(entry.strip()))
        return Problem(place, f"{place} was not found ({where}). Check the playlist.")
    if found.is_dir():
        return Problem(
            found,
            f"{found} is a folder ({where}). Playlists contain only files: name the folder itself.",
        )
    return found
