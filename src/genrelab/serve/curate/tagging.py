"""Plan, write and undo tags for requests; all rules are those of `genrelab.library.tagging`."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from genrelab.errors import LibraryError, TagError
from genrelab.library.album_tags import read_album_tags
from genrelab.library.store.file_snapshot import real_path
from genrelab.library.tagging.album_answers import AlbumAnswers
from genrelab.library.tagging.planned import plan_digest
from genrelab.library.tagging.tag_plan import TagPolicy
from genrelab.library.tagging.tag_record import TagRecord
from genrelab.library.tagging.tagger import Tagger
from genrelab.library.tagging.undo.history import WrittenChange, history
from genrelab.recognize.scan import Found
from genrelab.serve.curate.chosen import clean, described, file_of, files_of, outside
from genrelab.serve.curate.tag_request import TagBody, TagWriteBody, UndoBody
from genrelab.serve.guard.roots import Roots
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server

_WAIT_SECONDS = 60.0
_AT_ONCE = 2  # plans: each may read thousands of files


class Tagging:
    """Writes the tags of a server, one request after the other.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._writing = threading.Lock()
        self._planning = threading.BoundedSemaphore(_AT_ONCE)

    def plan(self, body: TagBody) -> tuple[str, list[TagRecord]]:
        """Return the id of a plan and its records; nothing is written."""
        if not self._planning.acquire(timeout=_WAIT_SECONDS):
            message = "too many plans are made now"
            raise RequestError(message, code="tagging-busy", status=503, remedy="try again soon")
        try:
            files, policy, albums = self._read(body)
            records = list(Tagger(self._server.library).tag(files, policy, albums=albums))
        finally:
            self._planning.release()
        return plan_digest(records, policy), records

    def write(self, body: TagWriteBody) -> list[TagRecord]:
        """Write what a plan showed.

        Raises
        ------
        RequestError
            If files or answers have changed since the plan was made (409); nothing is written then.
        """
        files, policy, albums = self._read(body)
        with self._alone():
            tagger = Tagger(self._server.library)
            try:
                return list(tagger.tag(files, policy, write=True, albums=albums, planned=body.plan_id))
            except TagError as error:
                if error.code != "tag-plan-outdated":
                    raise
                raise RequestError(
                    str(error), code="plan-outdated", status=409, remedy="POST /tags/plan again"
                ) from error

    def undo(self, body: UndoBody) -> list[TagRecord]:
        """Undo writes, by tracks or by numbers of changes."""
        if bool(body.ids) == bool(body.changes):
            message = "name `ids` of tracks or `changes`: one of them"
            raise RequestError(message, code="undo-unnamed", status=422)
        tagger, options = Tagger(self._server.library), body.model_dump(exclude={"ids", "changes"})
        if body.ids:
            files = [file_of(self._server, text) for text in dict.fromkeys(body.ids)]
            with self._alone():
                return list(tagger.undo(files, **options))
        for number in body.changes:
            change = self._server.library.journal.get(number)
            if change is not None and not self._server.roots.holds(change.path):
                raise outside(change.path)
        with self._alone():
            try:
                return list(tagger.undo_changes(body.changes, **options))
            except TagError as error:
                if error.code != "tag-change-unknown":
                    raise
                raise RequestError(
                    str(error), code="change-unknown", status=404, remedy="read /tags/history again"
                ) from error

    def history(self, *, limit: int, offset: int) -> tuple[list[WrittenChange], int]:
        """Return the changes of files under the roots that can be undone, the latest first."""
        folders = [os.fsencode(folder) for folder in self._server.roots.folders]
        if not folders:  # the server may read no file
            return [], 0
        return history(self._server.library, limit=limit, offset=offset, folders=folders)

    def _read(self, body: TagBody) -> tuple[list[Found], TagPolicy, AlbumAnswers | None]:
        policy = body.policy()
        files = files_of(self._server, body.ids, body.paths)
        albums = None
        if body.by:
            read_tags = read_album_tags if body.by == "album" else None
            bundle = self._server.recognizer.bundle
            albums = AlbumAnswers(self._server.library, files, bundle, full=body.full, read_tags=read_tags)
        return files, policy, albums

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait for other requests that write tags."""
        busy = RequestError(
            "other tags are written now", code="tagging-busy", status=409, remedy="try again when it is done"
        )
        if not self._writing.acquire(timeout=_WAIT_SECONDS):
            raise busy
        try:
            yield
        except LibraryError as error:
            if error.code == "library-tagging-elsewhere":
                raise busy from error
            raise
        finally:
            self._writing.release()


def record_of(record: TagRecord, roots: Roots) -> dict[str, Any]:
    """Return a record for an answer; it does not tell where a link out of the roots leads."""
    inside = roots.holds(record.path)
    about = described(real_path(record.path) if inside else os.fsencode(record.path), None)
    values = {**record.to_dict(), "code": record.code}
    return {**clean(values), **{name: about[name] for name in ("id", "path", "name")}}


def change_of(change: WrittenChange) -> dict[str, Any]:
    """Return a change of the history for an answer."""
    about = described(os.fsencode(change.path), None)
    found: dict[str, Any] = {name: about[name] for name in ("id", "path", "name")}
    for each in change.fields:
        before, after = ("before", "after") if each.field == "genre" else each.columns(each.field)
        found |= {before: clean(each.before), after: clean(each.after)}
    values = change.to_dict()
    return {**found, **{name: clean(values[name]) for name in ("change", "when", "undoable", "note")}}
