"""What a scan found, kept in little memory: about 40 bytes per file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from genrelab.recognize.inputs.playlist import Found
from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack

_BETWEEN = "\0"  # no name contains it


class FoundFiles:
    """Files, tracks and problems in the order in which they were found; it can be iterated again.

    The names of the files in a folder are kept as one text.

    Parameters
    ----------
    found : iterable of Path, SheetTrack or Problem
        From `genrelab.recognize.scan`.

    Examples
    --------
    >>> files = FoundFiles([Path("a/b.mp3"), Path("a/c.mp3"), Path("d.mp3")])
    >>> len(files), [file.name for file in files if isinstance(file, Path)]
    (3, ['b.mp3', 'c.mp3', 'd.mp3'])
    """

    def __init__(self, found: Iterable[Found]) -> None:
        self._groups: list[tuple[str, str] | Found] = []  # a folder with names, or one item
        self._count = 0
        folder, names = "", list[str]()
        for item in found:
            self._count += 1
            text = os.fspath(item) if isinstance(item, Path) else ""
            parent, separator, name = text.rpartition(os.sep)
            if not name or _BETWEEN in name or (separator and not parent):
                self._close(folder, names)
                self._groups.append(item)
                continue
            if parent != folder:
                self._close(folder, names)
                folder = parent
            names.append(name)
        self._close(folder, names)

    def _close(self, folder: str, names: list[str]) -> None:
        if names:
            self._groups.append((folder, _BETWEEN.join(names)))
            names.clear()

    def __len__(self) -> int:
        """Return the number of items."""
        return self._count

    def __iter__(self) -> Iterator[Found]:
        """Yield the items in order."""
        for group in self._groups:
            if not isinstance(group, tuple):
                yield group
                continue
            folder = Path(group[0])
            for name in group[1].split(_BETWEEN):
                yield folder / name

    def files(self) -> Iterator[Path]:
        """Yield the files that are read: those found, and those of tracks."""
        for item in self:
            if isinstance(item, SheetTrack):
                yield item.path
            elif not isinstance(item, Problem):
                yield item
