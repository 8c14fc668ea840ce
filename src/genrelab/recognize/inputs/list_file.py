"""Read playlists and CUE sheets as text, and find the files they name."""

from __future__ import annotations

import codecs
import os
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, unquote_to_bytes, urlsplit

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.recognize.inputs.problem import Problem, why

MOST_BYTES = 16 * 2**20
"""A playlist of 100,000 long paths is smaller."""

_MOST_SHOWN = 200  # characters of an entry in a message
_MOST_FOLDERS = 64  # whose names are cached


class ListFile:
    """A text file that names other files, from any system and in any encoding.

    Parameters
    ----------
    path : Path
    content : bytes
        UTF-8, UTF-16 with a byte order mark, or Windows-1252.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        text, self._encoding = _decode(content)
        self.lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._names_in = lru_cache(_MOST_FOLDERS)(_FolderNames)

    def place(self, name: str) -> Path:
        """Return the path of an entry as written, with the path separators of this system."""
        return self.path.parent / (name if os.sep == "\\" else name.replace("\\", "/"))

    def find(self, name: str) -> Path | None:
        """Return the file or folder that an entry names; None if there is none.

        The literal entry comes first. Then follow the raw bytes of the list, the entry with `%20` and the
        like decoded, and names that differ only in case or in the Unicode form of accents.

        Parameters
        ----------
        name : str
            A path, relative to the folder of the list, with the separators of any system.
        """
        readings = list(dict.fromkeys(self._readings(name)))
        for path in readings:
            if _exists(path):
                return path
        return next((found for path in readings if (found := self._find_alike(path)) is not None), None)

    def find_other_suffix(self, path: Path) -> Path | None:
        """Return the first audio file that differs from a path only in its suffix."""
        real = self._names_in(path.parent).stems.get(_fold(path.stem))
        return None if real is None else path.with_name(real)

    def _readings(self, name: str) -> Iterator[Path]:
        yield self.path.parent / name
        for text in (name, name.strip()):
            yield self.place(text)
            yield self.place(os.fsdecode(text.encode(self._encoding, errors="replace")))
            yield self.place(unquote(text, errors="surrogateescape"))

    def _find_alike(self, path: Path) -> Path | None:
        found = Path(path.anchor)
        for part in path.parts[bool(path.anchor) :]:
            if not _exists(found / part):
                real = self._names_in(found).names.get(_fold(part))
                if real is None:
                    return None
                part = real
            found = found / part
        return found


def read_list(path: Path) -> ListFile | Problem:
    """Read a playlist or a CUE sheet.

    Parameters
    ----------
    path : Path

    Returns
    -------
    ListFile or Problem
        A problem if the file cannot be read, is too large, or is not text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        return Problem(path, f"{path} cannot be read: {why(error)}. Check its permissions.")
    if len(content) > MOST_BYTES:
        return Problem(
            path, f"{path} is larger than {MOST_BYTES // 2**20} MiB: it is not a playlist or CUE sheet."
        )
    if b"\0" in content and not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Problem(
            path,
            f"{path} is not a playlist or CUE sheet, but a binary file. If it is audio, rename it with the "
            "suffix of its format.",
        )
    return ListFile(path, content)


def path_of_url(url: str) -> Path | None:
    """Return the path of a `file:` URL; None for other URLs and other machines."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme.lower() != "file" or parts.netloc.lower() not in ("", "localhost"):
        return None
    # Many players do not escape `?` and `#` in such URLs.
    query, fragment = (parts.query and f"?{parts.query}"), (parts.fragment and f"#{parts.fragment}")
    path = os.fsdecode(unquote_to_bytes(os.fsencode(f"{parts.path}{query}{fragment}")))
    has_drive = os.sep == "\\" and path[2:3] == ":"
    return Path(path[1:] if has_drive else path)


def shown(entry: str) -> str:
    """Return an entry shortened for a message."""
    return entry if len(entry) <= _MOST_SHOWN else f"{entry[:_MOST_SHOWN]}..."


def is_alike(name: str, other: str) -> bool:
    """Whether two names differ at most in case and in the Unicode form of accents."""
    return _fold(name) == _fold(other)


def _decode(content: bytes) -> tuple[str, str]:
    """Return the decoded text and its encoding."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace"), "utf-8"
    for encoding in ("utf-8", "cp1252"):
        try:
            return content.removeprefix(codecs.BOM_UTF8).decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1"), "latin-1"


class _FolderNames:
    """The names in a folder by their case-folded form; `stems` contains audio files only.

    If several names are alike, the first one is used.
    """

    def __init__(self, folder: Path) -> None:
        try:
            names = sorted(os.listdir(folder), reverse=True)
        except (OSError, ValueError):
            names = []
        self.names = {_fold(name): name for name in names}
        audio = (Path(name) for name in names if Path(name).suffix.lower() in AUDIO_SUFFIXES)
        self.stems = {_fold(path.stem): path.name for path in audio}


def _fold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
