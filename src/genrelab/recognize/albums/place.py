"""Which folder or CUE sheet a track belongs to."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal, NamedTuple

from genrelab.recognize.inputs.sheet_track import SheetTrack

_DISC = re.compile(
    r"[\[(]?(cd|dis[ck]|disque|dvd)[ ._#-]*(\d{1,2}|one|two|three|four|five|six)"
    r"( ?(of|/) ?\d{1,2})?[\])]?( ?[-\u2013\u2014:,._(\[].*)?",
    re.IGNORECASE | re.DOTALL,
)


Unit = Literal["album", "folder", "sheet", "track"]
"""What a record is about: an album by its tags, a folder, a CUE sheet, or a track of a compilation."""

CompilationSign = Literal["flag", "various artists", "many artists"]
"""Why an album is a compilation: a flag in its tags, its album artist, or the artists of its tracks."""


class AlbumPlace(NamedTuple):
    """Where an album is.

    Attributes
    ----------
    key : str
        The same for all tracks of the album, however they are named.
    path : Path
        The folder or CUE sheet, as the user named it if that names it.
    unit : {"album", "folder", "sheet", "track"}
        What the album is; `track` if each track of it gets an answer of its own.
    title, artist : str or None
        From the tags of the album's first track.
    compilation : {"flag", "various artists", "many artists"} or None
        Why the album is a compilation.
    """

    key: str
    path: Path
    unit: Unit = "folder"
    title: str | None = None
    artist: str | None = None
    compilation: CompilationSign | None = None


class PlaceFinder:
    """Finds the albums of tracks; looks at each folder once."""

    def __init__(self) -> None:
        self._folders: dict[Path, AlbumPlace] = {}
        self._sheets: dict[Path, AlbumPlace] = {}

    def of(self, path: Path, track: SheetTrack | None = None) -> AlbumPlace:
        """Return the album of a file, or of a track of a CUE sheet.

        Parameters
        ----------
        path : Path
            The audio file.
        track : SheetTrack or None
            If given, the album is its sheet, wherever the file is.

        Returns
        -------
        AlbumPlace
            The folder that contains the file under the name that is given; links to the file itself are not
            followed. If this is the folder of a disc, such as `CD1`, the folder above it.
        """
        if track is not None:
            if track.sheet not in self._sheets:
                self._sheets[track.sheet] = AlbumPlace(f"sheet {_real(track.sheet)}", track.sheet, "sheet")
            return self._sheets[track.sheet]
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = _place_of(folder)
        return self._folders[folder]


def is_disc(name: str) -> bool:
    """Return whether a folder is called like a disc of an album.

    Examples
    --------
    >>> [is_disc(name) for name in ("CD1", "Disc 2 - Live", "disk-01", "[Disc 1 of 2]", "Disco 3", "CD 100")]
    [True, True, True, True, False, False]
    """
    return _DISC.fullmatch(name.strip()) is not None


def _place_of(folder: Path) -> AlbumPlace:
    whole = Path(os.path.abspath(folder))
    if is_disc(whole.name) and whole.parent != whole:
        is_named = folder.name == whole.name and folder.parent.name not in ("", "..")
        folder, whole = folder.parent if is_named else whole.parent, whole.parent
    return AlbumPlace(f"folder {_real(whole)}", folder)


def _real(path: Path) -> str:
    try:
        return os.path.realpath(path)
    except (OSError, ValueError):  # not a possible name
        return os.path.abspath(path)
