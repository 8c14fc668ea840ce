"""The tracks and files that a request names, and the notes that its response has about them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from genrelab.library.explore.playlist import TrackNames
from genrelab.library.store.listing.listed_track import path_text
from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.scan import Found, scan
from genrelab.serve import track_id
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.tracks.catalogue import Catalogue

MOST_IDS = 10_000
MOST_FILES = 5_000
"""Files of a plan; `genrelab tag` has no such limit."""

MOST_PATHS = 100
_NAMES_SECONDS = 0.5  # that an answer waits for the tags of its files

TrackId = Annotated[str, Field(min_length=1, max_length=16_384)]


def path_of(server: Server, text: str) -> bytes:
    """Return the path of a track of the library, given its id.

    Raises
    ------
    RequestError
        If the id is damaged, or the library has no such track under a root (404).
    """
    return server.part(Catalogue).row(text).path


def file_of(server: Server, text: str) -> Path:
    """Return the file of a track, given its id; it may be gone, but lies under a root.

    Raises
    ------
    RequestError
        As `path_of`; and if the server may not read the file (403).
    """
    path = path_of(server, text)
    if not server.roots.holds(path):
        raise outside(path)
    return Path(os.fsdecode(path))


def files_of(server: Server, ids: Sequence[str], paths: Sequence[str]) -> list[Found]:
    """Return the files that a request names by ids of tracks, or by paths of files and folders.

    Raises
    ------
    RequestError
        If none or both are given, a track is unknown, a path is not under a root or missing, or the folders
        have too many files.
    """
    if bool(ids) == bool(paths):
        message = "name files by `ids` of tracks, or by `paths`: one of them"
        raise RequestError(message, code="files-unnamed", status=422)
    if ids:
        return [file_of(server, text) for text in dict.fromkeys(ids)]
    named = [server.roots.existing(text) for text in paths]
    found: list[Found] = []
    for file in _below(server, named):
        found.append(file)
        if len(found) > MOST_FILES:
            raise RequestError(
                f"there are more than {MOST_FILES:,} files",
                code="files-too-many",
                status=413,
                remedy="name fewer folders, or use `genrelab tag`",
            )
    return found


def _below(server: Server, named: Iterable[Path]) -> Iterator[Found]:
    """Yield what is found; a link that leads out of the roots is a problem."""
    for file in scan(named, follow_lists=False, inside=server.roots.holds):
        path = file.path if isinstance(file, SheetTrack | Problem) else file
        if server.roots.holds(path):
            yield file
        else:
            yield Problem(path, f"{path} is a link to a place that this server may not read.")


def outside(path: bytes | str | os.PathLike[str]) -> RequestError:
    """Return the refusal of a file that is not under a root."""
    shown = path_text(os.fsencode(path))
    return RequestError(
        f"{shown} is not under a folder that this server may read",
        code="outside-roots",
        status=403,
        path=shown,
        remedy="start the server with its folder: serve FOLDER",
    )


def names_of(server: Server, paths: Iterable[bytes]) -> dict[bytes, TrackNames]:
    """Return artist, title and album of files, as far as they can be read soon."""
    return server.part(Catalogue).names.find(paths, seconds=_NAMES_SECONDS)


def described(path: bytes, names: TrackNames | None) -> dict[str, Any]:
    """Return the fields that all answers about a file have."""
    artist, title, album = names or TrackNames()
    return {
        "id": track_id.encode(path),
        "path": path_text(path),
        "name": path_text(os.path.basename(path)),
        "title": clean(title) or None,
        "artist": clean(artist) or None,
        "album": clean(album) or None,
    }


def clean(value: Any) -> Any:
    """Escape what JSON in UTF-8 cannot hold in a value: bytes of file names, halves of surrogate pairs."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, list | tuple):
        return [clean(each) for each in value]
    if isinstance(value, dict):
        return {clean(name): clean(each) for name, each in value.items()}
    return value
