"""Write playlists: extended M3U in UTF-8 (M3U8)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import mutagen

from genrelab.errors import TagError
from genrelab.library.tags import tag_errors

# Names in ID3; Vorbis comments, APEv2 and ASF; MP4. Lower case.
_TITLE = ("tit2", "title", "\xa9nam")
_ARTIST = ("tpe1", "artist", "author", "\xa9art")
_ALBUM = ("talb", "album", "wm/albumtitle", "\xa9alb")


class Entry(NamedTuple):
    """An entry of a playlist: the file, and its duration in seconds if known."""

    path: Path
    duration: float | None


class TrackNames(NamedTuple):
    """Artist, title and album from the tags of a file, each on one line; empty if absent."""

    artist: str = ""
    title: str = ""
    album: str = ""


def write_m3u(
    entries: Iterable[Entry], out: BinaryIO, *, folder: Path, absolute: bool = False
) -> list[tuple[Path, str]]:
    """Write a playlist.

    Parameters
    ----------
    entries : iterable of Entry
        In playing order, with absolute paths.
    out : binary file
        The output; left open.
    folder : Path
        The folder of the playlist; files below it get relative paths.
    absolute : bool
        Use absolute paths for all files.

    Returns
    -------
    list of (Path, str)
        The omitted files, which a playlist cannot contain, with the reasons.
    """
    base = Path(os.path.realpath(folder))
    skipped = []
    out.write(b"#EXTM3U\n")
    for path, duration in entries:
        reason = _obstacle(path)
        if reason is not None:
            skipped.append((path, reason))
            continue
        seconds = -1 if duration is None else round(duration)
        out.write(f"#EXTINF:{seconds},{title_of(path)}\n".encode("utf-8", errors="replace"))
        out.write(f"{_line(path, base, absolute=absolute)}\n".encode())
    return skipped


def title_of(path: Path) -> str:
    """Return artist and title from the tags, or else the file name.

    Parameters
    ----------
    path : Path
        An audio file. Unreadable tags are not an error.

    Returns
    -------
    str
        One line.
    """
    artist, title, _ = names_of(path)
    shown = f"{artist} - {title}" if artist and title else title
    return shown or " ".join(path.stem.split())


def names_of(path: Path) -> TrackNames:
    """Return artist, title and album from the tags of a file.

    Parameters
    ----------
    path : Path
        An audio file. Unreadable tags are not an error.

    Returns
    -------
    TrackNames
    """
    try:
        with tag_errors(path):
            file: Any = mutagen.File(path) if path.is_file() else None  # opening a pipe would block
            items = file.tags.items() if file is not None and file.tags is not None else ()
            tags = {str(name).casefold(): values for name, values in items}
            return TrackNames(*(_text(tags, names) for names in (_ARTIST, _TITLE, _ALBUM)))
    except (TagError, OSError):
        return TrackNames()


def _text(tags: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return the first non-empty text of some tags, on one line."""
    for name in names:
        values = tags.get(name, ())
        for value in getattr(values, "text", values):  # ID3 frames have their texts there
            if text := " ".join(str(value).split()):
                return text
    return ""


def _obstacle(path: Path) -> str | None:
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
    # A line that starts with # is a comment, and players strip spaces.
    return line if line[0] != "#" and not line[0].isspace() else os.path.join(os.curdir, line)
