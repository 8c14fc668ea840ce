"""Write an NML file, the collections and playlists of Traktor, which it imports.

The form is that of version 19, as `traktor-nml-utils` reads it. Playlists by genre come with it.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Iterable
from pathlib import Path, PurePath, PureWindowsPath
from typing import BinaryIO, NamedTuple
from xml.etree import ElementTree

from genrelab.library.dj.track import Cue, DjTrack, text

_VERSION = "19"
_SYSTEM_VOLUME = "Macintosh HD"  # the usual name
_NAMESPACE = uuid.UUID("5c9be75f-7e5f-4f0b-9a3e-0a8f2ce9e7c1")  # of the ids of playlists


class TraktorLocation(NamedTuple):
    """Where a file is, as Traktor says it.

    Attributes
    ----------
    volume : str
        Name of the disk, or the drive such as `C:`.
    folder : str
        Names of folders, each after `/:`, with one more at the end.
    file : str
        Name of the file.
    """

    volume: str
    folder: str
    file: str

    @property
    def key(self) -> str:
        """How playlists refer to the file."""
        return f"{self.volume}{self.folder}{self.file}"


def write_traktor(tracks: Iterable[DjTrack], out: BinaryIO) -> None:
    """Write a collection with one playlist per genre.

    Parameters
    ----------
    tracks : iterable of DjTrack
    out : binary file
        The output; left open.
    """
    root = ElementTree.Element("NML", VERSION=_VERSION)
    ElementTree.SubElement(root, "HEAD", COMPANY="genrelab", PROGRAM="genrelab")
    collection = ElementTree.SubElement(root, "COLLECTION")
    by_genre: dict[str, list[str]] = {}
    volume, count = _system_volume(), 0
    for track in tracks:
        count += 1
        place = traktor_location(track.path, volume)
        _entry(collection, track, place)
        if track.genre:
            by_genre.setdefault(track.genre, []).append(place.key)
    collection.set("ENTRIES", str(count))
    playlists = ElementTree.SubElement(root, "PLAYLISTS")
    top = ElementTree.SubElement(playlists, "NODE", TYPE="FOLDER", NAME="$ROOT")
    nodes = ElementTree.SubElement(top, "SUBNODES", COUNT=str(len(by_genre)))
    for genre in sorted(by_genre):
        node = ElementTree.SubElement(nodes, "NODE", TYPE="PLAYLIST", NAME=genre)
        own = uuid.uuid5(_NAMESPACE, genre).hex
        keys = by_genre[genre]
        playlist = ElementTree.SubElement(node, "PLAYLIST", ENTRIES=str(len(keys)), TYPE="LIST", UUID=own)
        for key in keys:
            entry = ElementTree.SubElement(playlist, "ENTRY")
            ElementTree.SubElement(entry, "PRIMARYKEY", TYPE="TRACK", KEY=key)
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(out, encoding="UTF-8", xml_declaration=True)
    out.write(b"\n")


def traktor_location(path: PurePath, system_volume: str = _SYSTEM_VOLUME) -> TraktorLocation:
    r"""Return a file as Traktor names it.

    Parameters
    ----------
    path : PurePath
        Absolute.
    system_volume : str
        Name of the disk of macOS that has the system.

    Examples
    --------
    >>> from pathlib import PurePosixPath
    >>> traktor_location(PurePosixPath("/Users/me/Music/a.mp3"))
    TraktorLocation(volume='Macintosh HD', folder='/:Users/:me/:Music/:', file='a.mp3')
    >>> traktor_location(PurePosixPath("/Volumes/USB/a.mp3"))
    TraktorLocation(volume='USB', folder='/:', file='a.mp3')
    >>> traktor_location(PureWindowsPath(r"D:\Music\a.mp3"))
    TraktorLocation(volume='D:', folder='/:Music/:', file='a.mp3')
    """
    names = [text(name) for name in path.parts[1:]]
    if isinstance(path, PureWindowsPath):
        volume = path.drive
    elif names[:1] == ["Volumes"] and len(names) > 2:
        volume, names = names[1], names[2:]
    else:
        volume = system_volume
    folder = "".join(f"/:{name}" for name in names[:-1]) + "/:"
    return TraktorLocation(volume, folder, names[-1])


def _entry(collection: ElementTree.Element, track: DjTrack, place: TraktorLocation) -> None:
    names = {"TITLE": track.title, "ARTIST": track.artist}
    entry = ElementTree.SubElement(
        collection, "ENTRY", {name: value for name, value in names.items() if value}
    )
    ElementTree.SubElement(
        entry, "LOCATION", DIR=place.folder, FILE=place.file, VOLUME=place.volume, VOLUMEID=place.volume
    )
    if track.album:
        ElementTree.SubElement(entry, "ALBUM", TITLE=track.album)
    info = {"GENRE": track.genre} if track.genre else {}
    if track.seconds is not None:
        info |= {"PLAYTIME": str(round(track.seconds)), "PLAYTIME_FLOAT": f"{track.seconds:.6f}"}
    ElementTree.SubElement(entry, "INFO", info)
    for cue in track.cues:
        ElementTree.SubElement(entry, "CUE_V2", _cue(cue))


def _cue(cue: Cue) -> dict[str, str]:
    return {
        "NAME": cue.name,
        "DISPL_ORDER": "0",
        "TYPE": "0",
        "START": f"{1000 * cue.seconds:.6f}",  # milliseconds
        "LEN": "0.000000",
        "REPEATS": "-1",
        "HOTCUE": str(cue.hot),
    }


def _system_volume() -> str:
    """Return the name of the disk that has the system: on macOS, a link in `/Volumes` leads to it."""
    if sys.platform == "darwin":
        for each in Path("/Volumes").iterdir():
            if each.is_symlink() and each.resolve() == Path("/"):
                return each.name
    return _SYSTEM_VOLUME
