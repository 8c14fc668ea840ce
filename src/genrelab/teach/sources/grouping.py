"""Which examples belong together: a classifier must not be tested on an artist that it has learned."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from genrelab.audio.decode import AUDIO_SUFFIXES
from genrelab.library.album_tags import read_album_tags
from genrelab.recognize.albums.names import AlbumTags, artist_key, is_various, title_key
from genrelab.recognize.albums.place import PlaceFinder
from genrelab.teach.sources.labelled import Labelled

MOST_IN_FOLDER = 40
"""A folder with more sound files is no album."""


def group_keys(files: Sequence[Labelled], tags: Sequence[AlbumTags] | None = None) -> list[str]:
    """Return the group of each file.

    Parameters
    ----------
    files : sequence of Labelled
    tags : sequence of AlbumTags or None
        Of each file; None reads them.

    Returns
    -------
    list of str
        The artist, as stated beside the genre or in the tags: of the album, unless that has several. Without
        an artist the album in the tags, else the folder of the file if it looks like that of an album, else
        the file itself.
    """
    read = [read_album_tags(file.path) for file in files] if tags is None else list(tags)
    finder = PlaceFinder()
    keys = [_stated(file, tag, finder) for file, tag in zip(files, read, strict=True)]
    sizes: dict[Path, int] = {}
    return [key or _by_folder(file, finder, sizes) for file, key in zip(files, keys, strict=True)]


def _stated(file: Labelled, tags: AlbumTags, finder: PlaceFinder) -> str:
    for name in (file.artist, tags.album_artist, tags.artist):
        artist = artist_key(name)
        if artist and not is_various(artist):
            return f"artist {artist}"
    title = title_key(tags.album)
    return f"album {title} {finder.of(file.path).key}" if title else ""


def _by_folder(file: Labelled, finder: PlaceFinder, sizes: dict[Path, int]) -> str:
    folder = file.path.parent
    if folder not in sizes:
        sizes[folder] = _files_in(folder)
    if not file.of_genre and 1 < sizes[folder] <= MOST_IN_FOLDER:
        return finder.of(file.path).key
    return f"file {os.path.abspath(file.path)}"


def _files_in(folder: Path) -> int:
    """Return the number of sound files in a folder; it stops at one more than an album has."""
    try:
        with os.scandir(folder) as entries:
            sounds = (entry for entry in entries if Path(entry.name).suffix.lower() in AUDIO_SUFFIXES)
            return sum(1 for _ in islice(sounds, MOST_IN_FOLDER + 1))
    except OSError:
        return 0


def number_groups(keys: Sequence[str], sounds: Sequence[bytes]) -> list[int]:
    """Give each example the number of its group, from 0 in the order of their first example.

    Parameters
    ----------
    keys : sequence of str
        Of each example.
    sounds : sequence of bytes
        Digest of the sound of each example: examples with the same sound are in one group.

    Returns
    -------
    list of int
    """
    parent: dict[object, object] = {}

    def root(item: object) -> object:
        while parent.setdefault(item, item) != item:
            parent[item] = parent[parent[item]]  # shorten the way
            item = parent[item]
        return item

    for key, sound in zip(keys, sounds, strict=True):
        parent[root(("sound", sound))] = root(("key", key))
    numbers: dict[object, int] = {}
    return [numbers.setdefault(root(("key", key)), len(numbers)) for key in keys]
