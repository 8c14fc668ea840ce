"""Write a playlist to a file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

from genrelab.errors import UsageError
from genrelab.library.explore.playlist import Entry, write_m3u
from genrelab.library.playlists.rules import Item
from genrelab.library.playlists.xspf import write_xspf
from genrelab.recognize.writers.output import open_output

PlaylistFormat = Literal["m3u8", "xspf"]
_SUFFIXES: dict[str, PlaylistFormat] = {".m3u8": "m3u8", ".m3u": "m3u8", ".xspf": "xspf"}
MEDIA_TYPES: dict[PlaylistFormat, str] = {
    "m3u8": "application/vnd.apple.mpegurl",
    "xspf": "application/xspf+xml",
}


def format_of(target: Path, wanted: PlaylistFormat | None = None) -> PlaylistFormat:
    """Return the format of a playlist file, and check its name.

    Parameters
    ----------
    target : Path
        Must end with `.m3u8`, `.m3u` or `.xspf`: so that no other file can be replaced by mistake.
    wanted : PlaylistFormat or None
        None means the one that the name says.

    Raises
    ------
    UsageError
        If the name has no such ending, or one of the other format.
    """
    named = _SUFFIXES.get(target.suffix.lower())
    if named is None or (wanted is not None and wanted != named):
        ending = " or ".join(suffix for suffix, format in _SUFFIXES.items() if wanted in (None, format))
        message = f"the name of the playlist {target} must end with {ending}"
        raise UsageError(message, code="playlist-suffix")
    return named


def save_playlist(
    items: Sequence[Item],
    target: Path,
    *,
    keep: Iterable[Path] = (),
    absolute: bool = False,
    overwrite: bool = False,
    title: str = "",
) -> list[tuple[Path, str]]:
    """Write a playlist to a file, completely or not at all.

    Parameters
    ----------
    items : sequence of Item
    target : Path
        The file; its ending says the format.
    keep : iterable of Path
        Files that must not be replaced.
    absolute : bool
        Use absolute paths for all files; otherwise those below the folder of the playlist get relative ones.
    overwrite : bool
        Whether to replace an existing file.
    title : str
        Of the playlist, in XSPF.

    Returns
    -------
    list of (Path, str)
        The omitted files, which such a playlist cannot contain, with the reasons.

    Raises
    ------
    UsageError
        If the file cannot be written, exists already, or its name has another ending.
    """
    format = format_of(target)
    tracks = [item.path for item in items]
    with open_output(target, keep=[*keep, *tracks], overwrite=overwrite) as out:
        return write_playlist(items, out, format, folder=target.parent, absolute=absolute, title=title)


def write_playlist(
    items: Iterable[Item],
    out: BinaryIO,
    format: PlaylistFormat,
    *,
    folder: Path | None = None,
    absolute: bool = False,
    title: str = "",
) -> list[tuple[Path, str]]:
    """Write a playlist to an open file; without a folder, its paths are absolute."""
    entries = [Entry(item.path, item.duration) for item in items]
    base, absolute = folder or Path(os.sep), absolute or folder is None
    if format == "m3u8":
        return write_m3u(entries, out, folder=base, absolute=absolute)
    write_xspf(entries, out, folder=base, absolute=absolute, title=title)
    return []
