"""Remember which files still need their tags, so that a killed watcher continues with them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from genrelab.drafts import Draft
from genrelab.errors import LibraryError
from genrelab.files import only_one

_MOST_BYTES = 2**26
_MOST_PATHS = 100_000


class Owed:
    """The files whose tags are not written yet, in a file beside the library.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: set[Path] = self._read()

    def _read(self) -> set[Path]:
        """Return what a former watcher left; nothing if the file is missing or damaged."""
        try:
            with self._path.open("rb") as file:
                content = file.read(_MOST_BYTES + 1)
            names = json.loads(content) if len(content) <= _MOST_BYTES else None
        except (OSError, ValueError, RecursionError):
            return set()
        if not isinstance(names, list) or len(names) > _MOST_PATHS:
            return set()
        return {Path(name) for name in names if isinstance(name, str) and os.path.isabs(name)}

    def __contains__(self, path: Path) -> bool:
        """Whether a file still needs its tags."""
        return path in self._files

    def __iter__(self) -> Iterator[Path]:
        """Iterate over the files that still need their tags, in order."""
        return iter(sorted(self._files))

    def add(self, paths: Iterable[Path]) -> None:
        """Note that files need their tags.

        Raises
        ------
        OSError
            If that cannot be written.
        """
        self._change(self._files | {*paths})

    def settle(self, paths: Iterable[Path]) -> None:
        """Note that files need no tags any more."""
        self._change(self._files - {*paths})

    def _change(self, files: set[Path]) -> None:
        if files != self._files:
            names = sorted(map(os.fspath, files))
            with Draft(self._path.parent) as draft:
                draft.file.write(json.dumps(names).encode())
                draft.take_place(self._path)
            self._files = files


@contextmanager
def watching_alone(library: Path, folders: Sequence[Path]) -> Iterator[Path]:
    """Lock watching these folders with this library for this process.

    Yields
    ------
    Path
        The file for `Owed`.

    Raises
    ------
    LibraryError
        If another process watches the same folders with the same library, or the lock cannot be created.
    """
    names = sorted(os.path.realpath(folder) for folder in folders)
    digest = hashlib.sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    place = library.with_name(f"{library.name}.watch-{digest}")
    lock = place.with_name(f"{place.name}.lock")
    try:
        with only_one(lock):
            yield place
    except BlockingIOError as error:
        raise LibraryError(
            f"another process watches these folders with the library {library}. Stop it first.",
            code="watch-elsewhere",
        ) from error
