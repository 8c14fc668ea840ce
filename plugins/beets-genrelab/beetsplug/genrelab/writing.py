"""Genres in files: genrelab writes them, with its checks and its journal, so that it can take them back.

When beets writes the tags of a file, the plugin takes the genres out of what is written, if they are the ones
that it gave. Afterwards genrelab's tagger writes them: `genrelab tag --undo` works on that file. What
genrelab cannot write, such as DSF, beets writes.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from beets import config
from beets.library import Item
from beets.util import syspath
from beetsplug.genrelab.fields import take_back, written_genres
from mediafile import MediaFile, UnreadableFileError

from genrelab.errors import GenrelabError
from genrelab.library import Tagger, TagPolicy
from genrelab.library.tagging.undo.following import StandingChange, keep_up, standing_change
from genrelab.library.tags import read_tag

if TYPE_CHECKING:
    from beetsplug.genrelab.session import Session

    from genrelab.library import Library


@dataclass(frozen=True, slots=True)
class _Pending:
    """A write of beets: the genres that are left to genrelab, and the change to keep undoable."""

    genres: tuple[str, ...]
    standing: StandingChange | None


class GenreWriter:
    """Writes genres into files, and takes them back.

    Parameters
    ----------
    session : Session
    log : logging.Logger
    """

    def __init__(self, session: Session, log: Any) -> None:
        self._session = session
        self._log = log
        self._pending: dict[bytes, _Pending] = {}

    def before(self, item: Item, path: bytes, tags: MutableMapping[str, Any]) -> None:
        """Take genres out of what beets is about to write; a listener of `write`."""
        self._pending.pop(path, None)
        given = written_genres(item)
        if given is None or path != item.path:
            return  # not by the plugin, or a copy in another format
        library = self._session.library
        if library is None or not library.writable:
            return
        file = Path(os.fsdecode(path))
        try:
            with file.open("rb") as opened:
                read_tag(opened, file)  # can genrelab write it?
            standing = standing_change(library, file)
        except (GenrelabError, OSError) as error:
            self._log.debug("beets writes the genres: {}", error)
            return
        left = given if list(tags.get("genres") or ()) == given else []
        if left:
            del tags["genres"]
        self._pending[path] = _Pending(tuple(left), standing)

    def after(self, item: Item, path: bytes) -> None:
        """Write the genres that were taken out; a listener of `after_write`."""
        pending, library = self._pending.pop(path, None), self._session.library
        if pending is None or library is None:
            return
        file = Path(os.fsdecode(path))
        try:
            if pending.standing is not None:
                keep_up(library, file, pending.standing)
            failed = _tag(library, file, pending.genres) if pending.genres else None
        except (GenrelabError, OSError) as error:
            failed = str(error)
        if failed is not None and pending.genres:
            self._log.warning("written by beets, so genrelab cannot undo it: {}", failed)
            self._write_with_beets(path, pending.genres)

    def write(self, item: Item) -> None:
        """Write the genres of a track, and no other tag."""
        tags = {"genres": written_genres(item)}
        self.before(item, item.path, tags)
        if "genres" in tags:
            self._write_with_beets(item.path, tags["genres"] or ())
        self.after(item, item.path)
        item.mtime = item.current_mtime()

    def undo(self, item: Item, *, force: bool) -> bool:
        """Take back what was written for a track, in its file and in the fields of beets; nothing is stored.

        Returns
        -------
        bool
            Whether that was possible.
        """
        library = self._session.library
        if library is None:
            return False
        (record,) = Tagger(library).undo([item.filepath], force=force)
        if record.status == "error":
            self._log.error("{}", record.note)
            return False
        in_file = genres_in_file(item)
        if in_file is None:
            self._log.error("the tags of {} cannot be read", item.filepath)
            return False
        take_back(item, in_file, force=force)
        item.mtime = item.current_mtime()
        return True

    def _write_with_beets(self, path: bytes, genres: tuple[str, ...] | list[str]) -> None:
        try:
            file = MediaFile(syspath(path), id3v23=config["id3v23"].get(bool))
            file.genres = list(genres)
            file.save()
        except UnreadableFileError as error:
            self._log.error("{}", error)


def genres_in_file(item: Item) -> list[str] | None:
    """Return the genres in the file of a track; None if it cannot be read."""
    try:
        return list(MediaFile(syspath(item.path)).genres or ())
    except UnreadableFileError:
        return None


def _tag(library: Library, file: Path, genres: tuple[str, ...]) -> str | None:
    """Write genres; return what failed."""
    policy = TagPolicy("overwrite", given=genres, damaged=True, keep_mtime=True)
    (record,) = Tagger(library).tag([file], policy, write=True)
    return record.note if record.status == "error" else None
