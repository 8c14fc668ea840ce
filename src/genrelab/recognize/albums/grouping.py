"""Which tracks form an album: by their folders, or by their tags."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from genrelab.recognize.albums.names import AlbumTags, artist_key, is_various, title_key
from genrelab.recognize.albums.place import AlbumPlace, CompilationSign, PlaceFinder
from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.recognizer import File

ReadTags = Callable[[Path], AlbumTags]
"""Reads what the tags of a file say about its album; does not raise."""

Places = list[AlbumPlace | None]
"""The album of each file; None for a path that leads to no audio."""

_MOST_OF = 0.5
"""An artist with more than this share of the tracks is that of the album."""

_SURELY = 2 / 3
_TRACKS_PER_ARTIST = 3
"""If no artist has more than `_SURELY` of the tracks, artists with at least this number on average have an
album each."""


class _Track(NamedTuple):
    """A file with tags: its number, the folder of its album, and its tags with their keys."""

    number: int
    folder: AlbumPlace
    tags: AlbumTags
    album_artist: str
    artist: str


def places_by_folder(files: Iterable[File]) -> Places:
    """Return the folder, without those of discs, or the CUE sheet of each file."""
    finder = PlaceFinder()
    return [_place(file, finder) for file in files]


def places_by_tags(files: Sequence[File], read: ReadTags) -> Places:
    """Return the album of each file by its tags.

    Parameters
    ----------
    files : sequence of str, path-like, SheetTrack or Problem
    read : callable
        Reads the tags of a file; called once per path.

    Returns
    -------
    list of AlbumPlace or None
        Tracks with the same title and artist of the album form one, if their folders are the same, lie in
        the same folder, or one lies in the other. A track without these tags belongs to the only album of its
        folder, or else to its folder. Tracks of a CUE sheet belong to the sheet.
    """
    folders = places_by_folder(files)
    places = list(folders)
    tagged: dict[str, list[_Track]] = {}  # by title
    untagged: list[int] = []
    seen: dict[Path, AlbumTags] = {}
    shared: dict[str, str] = {}  # one text for all tracks that have it
    for number, (file, place) in enumerate(zip(files, folders, strict=True)):
        if place is None or isinstance(file, (Problem, SheetTrack)):
            continue
        path = Path(file)
        if path not in seen:
            seen[path] = _with_shared_texts(read(path), shared)
        tags = seen[path]
        if title := title_key(tags.album):
            keys = artist_key(tags.album_artist), artist_key(tags.artist)
            album_artist, artist = (shared.setdefault(key, key) for key in keys)
            tagged.setdefault(title, []).append(_Track(number, place, tags, album_artist, artist))
        else:
            untagged.append(number)
    for title, tracks in tagged.items():
        for tree, those in _trees(tracks):
            _name(f"{tree}\0{title}", those, places)
    _take_in(untagged, folders, places)
    _judge_sheets(files, places)
    return places


def _with_shared_texts(tags: AlbumTags, shared: dict[str, str]) -> AlbumTags:
    """Return equal tags whose texts are those of other tracks, which saves memory."""
    album, album_artist, artist = (
        None if text is None else shared.setdefault(text, text)
        for text in (tags.album, tags.album_artist, tags.artist)
    )
    return AlbumTags(album, album_artist, artist, tags.compilation)


def _place(file: File, finder: PlaceFinder) -> AlbumPlace | None:
    if isinstance(file, Problem):
        return None
    if isinstance(file, SheetTrack):
        return finder.of(file.path, file)
    return finder.of(Path(os.fsdecode(file)))


def _trees(tracks: Sequence[_Track]) -> Iterable[tuple[str, list[_Track]]]:
    """Divide tracks by folders that belong together: the same, beside each other, or one in the other."""
    folders = {track.folder.key for track in tracks}
    parents = {folder: _parent(folder) for folder in folders}
    roots: dict[str, str] = {}

    def root(key: str) -> str:
        while roots.get(key, key) != key:
            roots[key] = key = roots.get(roots[key], roots[key])
        return key

    for folder in sorted(folders):
        roots[root(folder)] = root(f"in {parents[folder]}")
        above = parents[folder]
        while above != (higher := _parent(above)):
            if above in folders:
                roots[root(folder)] = root(above)
                break
            above = higher
    divided: dict[str, list[_Track]] = {}
    for track in tracks:
        divided.setdefault(root(track.folder.key), []).append(track)
    return divided.items()


def _parent(key: str) -> str:
    kind, _, path = key.partition(" ")
    return f"{kind} {os.path.dirname(path)}"


def _name(key: str, tracks: Sequence[_Track], places: Places) -> None:
    """Give tracks of one title and tree their albums."""
    named = {track.album_artist for track in tracks} - {""}
    groups: dict[str, list[_Track]] = {}
    nameless: dict[str, list[_Track]] = {}  # by folder
    for track in tracks:
        artist = track.album_artist or (next(iter(named)) if len(named) == 1 else "")
        if artist:
            groups.setdefault(artist, []).append(track)
        else:
            nameless.setdefault(track.folder.key, []).append(track)
    for those in nameless.values():
        for artist, own in _by_artist(those).items():
            groups.setdefault(artist, []).extend(own)
    for artist, those in groups.items():
        sign = _compilation(artist, those)
        those.sort(key=lambda track: track.number)
        first = those[0].tags
        place = AlbumPlace(
            f"album {key}\0{artist}",
            _common(those),
            "track" if sign else "album",
            first.album,
            first.album_artist or (None if sign else first.artist),
            sign,
        )
        for track in those:
            places[track.number] = place


def _by_artist(tracks: Sequence[_Track]) -> dict[str, list[_Track]]:
    """Divide tracks of one title and folder, without an artist of the album, by their artists.

    One artist with most of the tracks, some of them with guests, or with several discs, has one album. Two
    albums that are called `Greatest Hits` are two. What remains, without an artist, is a compilation.
    """
    counts = Counter(track.artist for track in tracks if track.artist)
    if not counts:
        return {"": list(tracks)}
    artist, top = counts.most_common(1)[0]
    share = top / len(tracks)
    if share <= _SURELY and len(tracks) >= _TRACKS_PER_ARTIST * len(counts) and len(counts) > 1:
        divided: dict[str, list[_Track]] = {}
        for track in tracks:
            divided.setdefault(track.artist or artist, []).append(track)
        return divided
    return {artist if share > _MOST_OF else "": list(tracks)}


def _compilation(artist: str, tracks: Sequence[_Track]) -> CompilationSign | None:
    """Return why an album is a compilation.

    A flag alone does not make one of the greatest hits of one artist.
    """
    if is_various(artist):
        return "various artists"
    sign = _many_artists([track.artist for track in tracks])
    if sign and sum(track.tags.compilation for track in tracks) > _MOST_OF * len(tracks):
        return "flag"
    return None if any(track.album_artist for track in tracks) else sign


def _many_artists(artists: Sequence[str]) -> CompilationSign | None:
    """Return the sign if no artist has most of the tracks; of two, the sound tells whether they agree."""
    counts = Counter(artist for artist in artists if artist)
    if any(map(is_various, counts)):
        return "various artists" if len(counts) == 1 else "many artists"
    few = len(counts) < 3  # a split record of two artists is one album if it sounds like one
    return None if few or counts.most_common(1)[0][1] > _MOST_OF * len(artists) else "many artists"


def _common(tracks: Sequence[_Track]) -> Path:
    """Return the folder of an album, or the one above all of its folders."""
    folders = list(dict.fromkeys(track.folder.path for track in tracks))
    if len(folders) == 1:
        return folders[0]
    try:
        return Path(os.path.commonpath(folders)) if all(folders) else folders[0]
    except ValueError:  # relative and absolute, or different drives
        return folders[0]


def _take_in(numbers: Sequence[int], folders: Places, places: Places) -> None:
    """Give tracks without tags the only album of their folder."""
    lone = set(numbers)
    albums: dict[str, set[AlbumPlace]] = {}
    for number, (folder, place) in enumerate(zip(folders, places, strict=True)):
        if folder is not None and place is not None and number not in lone:
            albums.setdefault(folder.key, set()).add(place)
    for number in numbers:
        folder = folders[number]
        if folder is not None and len(only := albums.get(folder.key, set())) == 1:
            places[number] = next(iter(only))


def _judge_sheets(files: Sequence[File], places: Places) -> None:
    """Divide the sheets of many performers into their tracks."""
    performers: dict[str, list[str]] = {}
    for file, place in zip(files, places, strict=True):
        if isinstance(file, SheetTrack) and place is not None:
            performers.setdefault(place.key, []).append(artist_key(file.performer))
    signs = {key: sign for key, names in performers.items() if (sign := _many_artists(names))}
    for number, place in enumerate(places):
        if place is not None and place.key in signs:
            places[number] = place._replace(unit="track", compilation=signs[place.key])
