"""Which files and folders a request may name: those under the roots, after all links are resolved."""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

from genrelab.printing import shorten
from genrelab.serve.problem import RequestError

_LONGEST = 4096  # characters of a path
_FOREIGN = re.compile(r"[\\~]|[A-Za-z]:|[A-Za-z][A-Za-z0-9+.-]+://?")
"""The start of a path of another system, a home folder or an address. Here it can only be a file's name."""


class Roots:
    """The folders whose contents may be named in requests.

    Parameters
    ----------
    folders : sequence of path-like
        Links are resolved once, here: a root may be a link, and stays the folder that it is now.

    Notes
    -----
    A path is checked when it is resolved. Someone who may exchange folders for links inside a root between
    this check and the use of the path is trusted: he can read and write there already.
    """

    def __init__(self, folders: Sequence[str | os.PathLike[str]]) -> None:
        self.folders = tuple(Path(os.path.realpath(folder)) for folder in folders)

    def resolve(self, text: str) -> Path:
        """Return the file or folder that a request names; it need not exist.

        Parameters
        ----------
        text : str
            Absolute, or relative to a root. With several roots, a relative path means the first root in which
            it exists, else the first root. Where a name exists only in the other Unicode normal form (NFC or
            NFD, as copies from a Mac have), that one is meant.

        Returns
        -------
        Path
            Absolute, without links and `..`.

        Raises
        ------
        RequestError
            If it is not under a root (403), or is a pipe, socket or device (403).
        """
        if not text or len(text) > _LONGEST or "\0" in text:
            raise self._outside(text)
        found = self._first(text)
        if found is None or (_is_foreign(text) and not os.path.lexists(found)):
            raise self._outside(text)
        if not _is_file_or_folder(found):
            message = f"{shorten(text)} is neither a file nor a folder"
            raise RequestError(message, code="path-special", status=403, path=shorten(text))
        return found

    def existing(self, text: str) -> Path:
        """Return the file or folder that a request names, which must exist.

        Raises
        ------
        RequestError
            As `resolve`; and if there is nothing at the path (404).
        """
        found = self.resolve(text)
        if not os.path.lexists(found):
            raise RequestError(
                f"{found} does not exist",
                code="path-missing",
                status=404,
                path=str(found),
                remedy="check the path",
            )
        return found

    def holds(self, path: str | bytes | os.PathLike[str]) -> bool:
        """Whether a file or folder lies under a root after all links are resolved."""
        return self._inside(os.fsdecode(path)) is not None

    def _first(self, text: str) -> Path | None:
        """Return the first candidate that exists, else the first one under a root."""
        first = None
        for candidate in self._candidates(text):
            inside = self._inside(candidate)
            if inside is not None and os.path.lexists(inside):
                return inside
            first = first or inside
        return first

    def _candidates(self, text: str) -> Iterator[str]:
        spellings = dict.fromkeys(
            (text, unicodedata.normalize("NFC", text), unicodedata.normalize("NFD", text))
        )
        for spelling in spellings:
            if os.path.isabs(spelling):
                yield spelling
            else:
                for folder in self.folders:
                    yield os.path.join(folder, spelling)

    def _inside(self, path: str) -> Path | None:
        try:
            real = Path(os.path.realpath(path))
        except (
            OSError,
            ValueError,
            RuntimeError,
        ):  # names that are too long, cannot be encoded, links in a circle
            return None
        return real if any(real.is_relative_to(folder) for folder in self.folders) else None

    def _outside(self, text: str) -> RequestError:
        folders = ", ".join(str(folder) for folder in self.folders)
        remedy = f"name a path under {folders}" if folders else "start the server with folders: serve FOLDER"
        return RequestError(
            f"{shorten(text)!r} is not under a folder that this server may read",
            code="outside-roots",
            status=403,
            path=shorten(text),
            remedy=remedy,
        )


def _is_foreign(text: str) -> bool:
    return _FOREIGN.match(text) is not None or "..\\" in text or "\\.." in text


def _is_file_or_folder(path: Path) -> bool:
    """Whether it is a regular file, a folder, or missing; opening a pipe would wait without end."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
