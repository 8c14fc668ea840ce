"""Make playlists for requests, and write them under the roots."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genrelab.errors import UsageError
from genrelab.library.playlists.files import PlaylistFormat, format_of, save_playlist
from genrelab.library.playlists.journey import find_path
from genrelab.library.playlists.make import by_fit, find_seed, from_tracks, similar_to
from genrelab.library.playlists.rules import Item, Playlist, Rules
from genrelab.library.playlists.scope import Scope
from genrelab.recognize.recognition import UNSURE
from genrelab.serve.curate.chosen import described, names_of, path_of
from genrelab.serve.curate.playlist_request import Wanted
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.system import portable_name

_AT_ONCE = 2  # playlists computed: each may read all embeddings
_WAIT_SECONDS = 30.0
_LENGTH = 50
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]+')


class Playlists:
    """Makes the playlists of a server, few at once.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._room = threading.BoundedSemaphore(_AT_ONCE)

    @contextmanager
    def room(self) -> Iterator[None]:
        """Wait until few others are computed.

        Raises
        ------
        RequestError
            If it takes too long (503).
        """
        if not self._room.acquire(timeout=_WAIT_SECONDS):
            message = "too many playlists are computed now"
            raise RequestError(message, code="playlists-busy", status=503, remedy="try again soon")
        try:
            yield
        finally:
            self._room.release()

    def make(self, wanted: Wanted, *, to_track: str | None = None) -> Playlist:
        """Make a playlist.

        Parameters
        ----------
        wanted : Wanted
        to_track : str or None
            The id of the last track of a path.

        Raises
        ------
        RequestError
            If a track is unknown, or something is missing.
        UsageError
            If nothing fits, or a condition cannot be used.
        """
        server, library = self._server, self._server.library
        rules = _rules(wanted)
        if rules.max_per_artist is not None and not server.roots.folders:
            raise RequestError(
                "the artists are in the tags of files, which this server may not read",
                code="artists-unreadable",
                status=403,
                remedy="start the server with the folder of the music: serve FOLDER",
            )
        with self.room():
            if wanted.kind == "tracks":
                return from_tracks(library, [path_of(server, each) for each in wanted.tracks], rules)
            scope = self.scope(wanted)
            if wanted.kind == "similar":
                seeds = [find_seed(library, path_of(server, each)) for each in dict.fromkeys(wanted.seeds)]
                return similar_to(library, seeds, scope, rules, with_seeds=wanted.with_seeds)
            if wanted.kind == "path":
                start, end = (find_seed(library, path_of(server, each)) for each in _ends(wanted, to_track))
                return find_path(library, start, end, scope, rules)
            return by_fit(library, scope, rules)

    def scope(self, wanted: Wanted | None = None) -> Scope:
        """Return the tracks under the roots that fulfil the conditions of a request."""
        folders = tuple(os.fsencode(folder) for folder in self._server.roots.folders)
        if wanted is None:
            return Scope(folders=folders)
        return Scope(
            wanted.genres, wanted.tags, wanted.where, wanted.min_confidence, wanted.no_unsure, folders
        )

    def save(self, found: Playlist, wanted: Wanted, *, overwrite: bool) -> tuple[Path, list[dict[str, str]]]:
        """Write a playlist under a root.

        Returns
        -------
        Path, list of dict
            The file, and `path` and `reason` of the tracks that it cannot have.

        Raises
        ------
        RequestError
            If the place is not under a root (403), or has a file that may not be replaced (409).
        UsageError
            If nothing fits, or the file cannot be written.
        """
        server = self._server
        target = self._target(wanted)
        if not found.items:
            raise UsageError("no track fits, so no playlist was written.", code="playlist-empty")
        if target.exists() and not overwrite:
            raise _exists(target)
        try:
            skipped = save_playlist(
                found.items,
                target,
                keep=[server.library.path, *(each.path for each in server.library.tracks.all([target]))],
                absolute=bool(wanted.absolute),
                overwrite=overwrite,
                title=wanted.name or target.stem,
            )
        except UsageError as error:
            if error.code == "output-exists":  # made meanwhile
                raise _exists(target) from error
            raise
        return target, [{"path": described(os.fsencode(path), None)["path"], "reason": reason}
                        for path, reason in skipped]  # fmt: skip

    def _target(self, wanted: Wanted) -> Path:
        """Return the file to write: a path under a root, a folder with the name, or the name in a root."""
        roots = self._server.roots
        folder = roots.resolve(wanted.to) if wanted.to else None
        if folder is None:
            folder = roots.folders[0] if roots.folders else roots.resolve(wanted.name or "playlist")
        elif not folder.is_dir():
            return _with_suffix(folder, wanted.format)
        if not wanted.name:
            raise RequestError(
                "the playlist has no name",
                code="playlist-unnamed",
                status=422,
                remedy="send `name`, or a file in `to`",
            )
        return _with_suffix(roots.resolve(os.fspath(folder / file_name(wanted.name))), wanted.format)


def file_name(name: str) -> str:
    """Return a name as one of a file, without folders and characters that some systems refuse."""
    return portable_name(_NOT_IN_NAMES.sub("-", name).strip(" .") or "playlist")


def _with_suffix(target: Path, format: PlaylistFormat) -> Path:
    """Append the suffix of a format unless the name has one; refuse that of another kind of file."""
    if target.suffix.lower() in (".m3u", ".m3u8", ".xspf"):
        format_of(target, format)
        return target
    return target.with_name(f"{target.name}.{format}")


def _exists(target: Path) -> RequestError:
    return RequestError(
        f"{target} exists already",
        code="playlist-exists",
        status=409,
        path=str(target),
        remedy="name another file, or send `overwrite`: true",
    )


def _rules(wanted: Wanted) -> Rules:
    given = wanted.kind == "tracks"
    length = wanted.length or (len(wanted.tracks) if given else _LENGTH)
    no_copies = not given if wanted.no_copies is None else wanted.no_copies
    return Rules(max(1, length), wanted.max_per_artist, no_copies, wanted.shuffle)


def _ends(wanted: Wanted, to_track: str | None) -> tuple[str, str]:
    if wanted.from_ is None or to_track is None:
        message = "a path needs the ids of both ends: `from` and `to_track`"
        raise RequestError(message, code="playlist-ends-missing", status=422)
    return wanted.from_, to_track


def items_of(server: Server, items: tuple[Item, ...]) -> list[dict[str, Any]]:
    """Return the tracks of a playlist for an answer."""
    paths = [os.fsencode(item.path) for item in items]
    names = names_of(server, paths)
    return [
        {
            **described(path, names.get(path)),
            **{name: value for name, value in item.to_dict().items() if name != "path"},
            "genre": None if item.genre in ("", UNSURE) else item.genre,
        }
        for path, item in zip(paths, items, strict=True)
    ]
