"""Playlists: extended M3U in UTF-8 (M3U8)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import mutagen

from genrelab.errors import TagError
from genrelab.library.tags import tag_errors

# In ID3; Vorbis comments, APEv2 and ASF; MP4. In small letters.
_TITLE = ("tit2", "title", "\xa9nam")
_ARTIST = ("tpe1", "artist", "author", "\xa9art")


class Entry(NamedTuple):
    """A line of a playlist: the file, and its length in seconds if it is known."""

    path: Path
    duration: float | None


def write_m3u(
    entries: Iterable[Entry], out: BinaryIO, *, folder: Path, absolute: bool = False
) -> list[tuple[Path, str]]:
    """Write a playlist.

    Parameters
    ----------
    entries : iterable of Entry
        In the order of playing; with absolute paths.
    out : binary file
        Where to; not closed.
    folder : Path
        Where the playlist will lie: files below it are named from there.
    absolute : bool
        Name all files by their absolute paths.

    Returns
    -------
    list of (Path, str)
        The files that a playlist cannot name, and why; they are left out.
    """
    base = Path(os.path.realpath(folder))
    skipped = []
    out.write(b"#EXTM3U\n")
    for path, duration in entries:
        reason = _why_not(path)
        if reason is not None:
            skipped.append((path, reason))
            continue
        seconds = -1 if duration is None else round(duration)
        out.write(f"#EXTINF:{seconds},{title_of(path)}\n".encode("utf-8", errors="replace"))
        out.write(f"{_line(path, base, absolute=absolute)}\n".encode())
    return skipped


def title_of(path: Path) -> str:
    """Return what a player shows: artist and title as the tags have them, else the file's name.

    Parameters
    ----------
    path : Path
        A sound file; one whose tags cannot be read has a name at least.

    Returns
    -------
    str
        One line.
    """
    try:
        with tag_errors(path):
            file: Any = mutagen.File(path) if path.is_file() else None  # a pipe would wait for a writer
            items = file.tags.items() if file is not None and file.tags is not None else ()
            tags = {str(name).casefold(): values for name, values in items}
            title, artist = _text(tags, _TITLE), _text(tags, _ARTIST)
    except (TagError, OSError):
        title, artist = "", ""
    shown = f"{artist} - {title}" if artist and title else title
    return shown or " ".join(path.stem.split())


def _text(tags: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the first of some tags that holds a text, in one line."""
    for name in names:
        values = tags.get(name, ())
        for value in getattr(values, "text", values):  # a frame of ID3 has its texts there
            if text := " ".join(str(value).split()):
                return text
    return ""


def _why_not(path: Path) -> str | None:
    name = os.fspath(path)
    if "\n" in name or "\r" in name:
        return "its name has a line break"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "its name is not UTF-8"
    return None


def _line(path: Path, base: Path, *, absolute: bool) -> str:
    if absolute or not path.is_relative_to(base):
        return os.fspath(path)
    line = os.fspath(path.relative_to(base))
    # What begins with # would be a comment, and players cut off space.
    return line if line[0] != "#" and not line[0].isspace() else os.path.join(os.curdir, line)
