"""Write the XML of rekordbox, which its view "rekordbox xml" shows and imports from.

The form is that of the list which the makers of rekordbox publish for developers (`DJ_PLAYLISTS`, version
1.0.0). Playlists by genre come with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import PurePath, PureWindowsPath
from typing import BinaryIO
from urllib.parse import quote_from_bytes
from xml.etree import ElementTree

from genrelab import __version__
from genrelab.library.dj.track import DjTrack

_SAFE = "/:"
_KINDS = {
    ".mp3": "MP3 File", ".wav": "WAV File", ".aif": "AIFF File", ".aiff": "AIFF File",
    ".m4a": "M4A File", ".mp4": "M4A File", ".flac": "FLAC File",
}  # fmt: skip


def write_rekordbox(tracks: Iterable[DjTrack], out: BinaryIO) -> None:
    """Write a collection with one playlist per genre.

    Parameters
    ----------
    tracks : iterable of DjTrack
    out : binary file
        The output; left open.
    """
    root = ElementTree.Element("DJ_PLAYLISTS", Version="1.0.0")
    ElementTree.SubElement(root, "PRODUCT", Name="genrelab", Version=__version__, Company="")
    collection = ElementTree.SubElement(root, "COLLECTION")
    by_genre: dict[str, list[str]] = {}
    count = 0
    for count, track in enumerate(tracks, start=1):
        element = ElementTree.SubElement(collection, "TRACK", _attributes(count, track))
        for cue in track.cues:
            ElementTree.SubElement(
                element,
                "POSITION_MARK",
                {"Name": cue.name, "Type": "0", "Start": f"{cue.seconds:.3f}", "Num": str(cue.hot)},
            )
        if track.genre:
            by_genre.setdefault(track.genre, []).append(str(count))
    collection.set("Entries", str(count))
    playlists = ElementTree.SubElement(root, "PLAYLISTS")
    top = _node(playlists, "ROOT", Type="0", Count="1")
    folder = _node(top, "genrelab", Type="0", Count=str(len(by_genre)))
    for genre in sorted(by_genre):
        numbers = by_genre[genre]
        playlist = _node(folder, genre, Type="1", KeyType="0", Entries=str(len(numbers)))
        for number in numbers:
            ElementTree.SubElement(playlist, "TRACK", Key=number)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(out, encoding="UTF-8", xml_declaration=True)
    out.write(b"\n")


def rekordbox_location(path: PurePath) -> str:
    r"""Return a file as rekordbox names it.

    Parameters
    ----------
    path : PurePath
        Absolute.

    Examples
    --------
    >>> from pathlib import PurePosixPath
    >>> rekordbox_location(PurePosixPath("/Users/me/Tiësto & co #1.mp3"))
    'file://localhost/Users/me/Ti%C3%ABsto%20%26%20co%20%231.mp3'
    >>> rekordbox_location(PureWindowsPath(r"D:\Music\a b.mp3"))
    'file://localhost/D:/Music/a%20b.mp3'
    """
    if isinstance(path, PureWindowsPath):
        whole = path.as_posix().encode("utf-8", "surrogatepass")
    else:
        whole = os.fsencode(path)
    return f"file://localhost/{quote_from_bytes(whole.removeprefix(b'/'), safe=_SAFE)}"


def _attributes(number: int, track: DjTrack) -> dict[str, str]:
    """Return the attributes of a track; what is not known is left out."""
    found = {
        "TrackID": str(number),
        "Name": track.title,
        "Artist": track.artist,
        "Album": track.album,
        "Genre": track.genre,
        "Kind": _KINDS.get(track.path.suffix.lower(), ""),
        "TotalTime": "" if track.seconds is None else str(round(track.seconds)),
    }
    return {name: value for name, value in found.items() if value} | {
        "Location": rekordbox_location(track.path)
    }


def _node(parent: ElementTree.Element, name: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, "NODE", {"Name": name, **attributes})
