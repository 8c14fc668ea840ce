"""Write recognized genres, moods and styles to files, and undo it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from genrelab.errors import GenrelabError, LibraryError, TagError
from genrelab.files import only_one
from genrelab.library.hashing import sha256_of
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.journal import Change
from genrelab.library.store.library import Library
from genrelab.library.tagging.album_answers import AlbumAnswers, in_album, is_outlier, other_model
from genrelab.library.tagging.notes import explain, note_of_links, note_of_others, note_of_skipped
from genrelab.library.tagging.planned import check_planned, state_of
from genrelab.library.tagging.safe_write import Rewriter
from genrelab.library.tagging.tag_plan import TagPolicy, notes_of, plan_tags
from genrelab.library.tagging.tag_record import FieldChange, Status, TagRecord
from genrelab.library.tagging.undo.restoring import check_last, fields_of, find_change, put_back
from genrelab.library.tags import FIELDS, GENRE, Field, Fields, FileTag, read_tag
from genrelab.recognize.recognition import UNSURE, Recognition
from genrelab.recognize.scan import Found, Problem, SheetTrack

__all__ = ["FieldChange", "Status", "TagRecord", "Tagger"]


class Tagger:
    """Writes genres, moods and styles to files, and undoes it.

    Parameters
    ----------
    library : Library
        Contains the recognitions, and records the changes.

    Examples
    --------
    >>> tagger = Tagger(library)  # doctest: +SKIP
    >>> for record in tagger.tag(scan(["music"]), TagPolicy(min_confidence=0.6)):  # doctest: +SKIP
    ...     print(record.path, record.status, record.after)
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._rewriter = Rewriter(library.journal, library.tracks)

    def tag(
        self,
        files: Iterable[Found],
        policy: TagPolicy,
        *,
        write: bool = False,
        albums: AlbumAnswers | None = None,
        planned: str | None = None,
    ) -> Iterator[TagRecord]:
        """Write tags, or show what would be written.

        Parameters
        ----------
        files : iterable of Path, SheetTrack or Problem
            From `genrelab.recognize.scan`. Tracks of CUE sheets are left unchanged. A file that occurs twice
            is written once.
        policy : TagPolicy
            What to write.
        write : bool
            Whether to write; otherwise no file is changed.
        albums : AlbumAnswers or None
            If given, each file gets the genres and tags of its album; those of an album that is `unsure` are
            left unchanged. Tracks of compilations keep their own.
        planned : str or None
            If given, write exactly what was shown: `genrelab.library.tagging.planned.plan_digest` of the
            records that were shown for the same files and policy.

        Yields
        ------
        TagRecord
            One per file, as soon as it is done. If a file fails, its record has the error.

        Raises
        ------
        LibraryError
            If the library cannot be used, or another process writes tags with it.
        TagError
            With `planned`, before anything is written: if files or answers have changed since. A file that
            changes during the run is left unchanged, and its record has the error.
        """
        act = partial(self._tag, policy=policy, write=write, albums=albums)
        if not write:
            yield from self._each(files, act)
            return
        with self.alone():
            if planned is not None:
                files = list(files)
                act = self._as_planned(files, act, policy, planned)
            yield from self._each(files, act)

    def _as_planned(
        self, files: list[Found], write: partial[TagRecord], policy: TagPolicy, planned: str
    ) -> partial[TagRecord]:
        """Return what writes a file only if it and its answer are as when the plan was made."""
        show = partial(write, write=False)
        records = list(self._each(files, show))
        check_planned(records, policy, planned)
        shown = {record.path: (record, state_of(record.path)) for record in records}

        def act(path: Path) -> TagRecord:
            if (show(path), state_of(path)) != shown[path]:
                message = f"{path} has changed since its plan was made, and was left unchanged. Plan again."
                raise TagError(message, code="tag-plan-outdated")
            return write(path)

        return partial(act)

    def undo(
        self,
        files: Iterable[Found],
        *,
        force: bool = False,
        keep_mtime: bool = False,
        skip_hard_links: bool = False,
    ) -> Iterator[TagRecord]:
        """Undo the last change to each file.

        Parameters
        ----------
        files : iterable of Path, SheetTrack or Problem
            From `genrelab.recognize.scan`. Tracks of CUE sheets are left unchanged.
        force : bool
            Also restore the old values of files that another program changed since; its changes stay.
        keep_mtime : bool
            Keep the modification time of files.
        skip_hard_links : bool
            Skip files with other names (hard links).

        Yields
        ------
        TagRecord
            One per file, as soon as it is done.

        Raises
        ------
        LibraryError
            If the library cannot be used, or another process writes tags with it.
        """
        with self.alone():
            undo = partial(self._undo, force=force, keep_mtime=keep_mtime, skip_hard_links=skip_hard_links)
            yield from self._each(files, undo)

    def undo_changes(
        self,
        numbers: Iterable[int],
        *,
        force: bool = False,
        keep_mtime: bool = False,
        skip_hard_links: bool = False,
    ) -> Iterator[TagRecord]:
        """Undo changes by their numbers in the journal, the latest first; see `undo`.

        Raises
        ------
        TagError
            If there is no such change; nothing is undone then. A change after which the same file was changed
            again is left, and its record has the error.
        """
        with self.alone():
            undo = partial(self._undo, force=force, keep_mtime=keep_mtime, skip_hard_links=skip_hard_links)
            chosen = {number: find_change(self._library.journal, number) for number in numbers}
            for _, change in sorted(chosen.items(), reverse=True):

                def act(path: Path, change: Change = change) -> TagRecord:
                    check_last(self._library.journal, change)
                    return undo(path)

                yield from self._each([Path(os.fsdecode(change.path))], act)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Lock tagging with this library for this process, and complete pending changes.

        Raises
        ------
        LibraryError
            If another process has the lock, or it cannot be created.
        """
        lock = self._library.path.with_name(f"{self._library.path.name}.tagging")
        with ExitStack() as held:
            try:
                held.enter_context(only_one(lock))
            except BlockingIOError as error:
                raise LibraryError(
                    f"another process is writing tags with the library {self._library.path}. Wait for it to "
                    "end.",
                    code="library-tagging-elsewhere",
                ) from error
            except OSError as error:
                raise LibraryError(
                    f"the lock {lock} beside the library cannot be taken: {error.strerror}. Change the "
                    "permissions of its folder, or name another --library FILE.",
                    code="library-lock",
                ) from error
            self._library.be_durable()
            self._rewriter.recover()
            yield

    def recover(self) -> None:
        """Complete pending changes, unless another process is tagging."""
        if self._library.journal.unfinished():
            try:
                with self.alone():
                    pass
            except LibraryError:
                return  # the other process completes them

    def _each(self, files: Iterable[Found], act: Any) -> Iterator[TagRecord]:
        seen: set[bytes] = set()
        for file in files:
            if isinstance(file, Problem):
                yield TagRecord(file.path, "error", note=file.message)
                continue
            if isinstance(file, SheetTrack):
                note = f"track {file.number} of {file.sheet}: tags apply to whole files"
                yield TagRecord(file.path, "left", note=note)
                continue
            real = real_path(file)
            if real in seen:
                yield TagRecord(file, "left", note="already processed under another name")
                continue
            seen.add(real)
            try:
                record: TagRecord = act(file)
            except LibraryError:
                raise
            except GenrelabError as error:
                record = TagRecord(file, "error", note=str(error), code=error.code)
            except OSError as error:
                code = errno.errorcode.get(error.errno or 0)
                record = TagRecord(file, "error", note=explain(file, error), code=code)
            yield record

    def _tag(self, path: Path, policy: TagPolicy, *, write: bool, albums: AlbumAnswers | None) -> TagRecord:
        recognition = self._library.tracks.find(FileSnapshot(path))
        if recognition is None:
            message = f"{path} is not in the library, or has changed since. Run `genrelab recognize` on it."
            raise TagError(message, code="tag-not-in-library")
        if recognition.error is not None:
            raise TagError(recognition.error, code="tag-not-recognized")
        if policy.full and not recognition.full:
            message = f"{path} was recognized from segments only. Recognize it with --full, or omit --full."
            raise TagError(message, code="tag-not-full")
        if policy.model is not None and recognition.model != policy.model:
            raise other_model(recognition, policy.model)
        own, album = recognition.genre, None if albums is None else albums.of(recognition)
        with path.open("rb") as file:
            tag, links = read_tag(file, path, policy.fields), os.fstat(file.fileno()).st_nlink - 1
        if policy.guess:
            recognition, album = recognition.with_guess(), album and album.with_guess()
        if album is not None and not album.has_genre:
            note = f"its album is unsure: {album.reason}"
            recognition = replace(recognition, confidence=album.confidence)
            return _record(path, "left", _values(tag, policy.fields), {}, recognition, [note])
        if album is not None and policy.skip_outliers and is_outlier(recognition, album):
            note = f"does not fit its album, which is {album.genre}: {recognition.reason or own}"
            return _record(path, "left", _values(tag, policy.fields), {}, recognition, [note])
        if album is not None:
            recognition = in_album(recognition, album)
        _follow(tag, policy)
        plans = plan_tags(recognition, tag, policy)
        new = {field: plan.values for field, plan in plans.items() if plan.values is not None}
        notes: list[str | None] = [*notes_of(plans)]
        if recognition.genre != own and own != UNSURE:
            notes.append(f"its own genre is {own}")
        skips = bool(links) and policy.skip_hard_links
        if skips and new:
            notes = [note_of_skipped(links)]
        if skips or not new:
            return _record(path, "left", _values(tag, policy.fields), {}, recognition, notes)
        after = {field: tag.stored(values, field) for field, values in new.items()}
        if write:

            def put(tag: FileTag) -> None:
                _follow(tag, policy)
                for field, values in new.items():
                    tag.set(values, field)

            fields = tuple(new)
            links = self._rewriter.rewrite(path, put, fields=fields, keep_mtime=policy.keep_mtime)
        notes += [_about(field, note_of_others(tag.beside(field), after[field])) for field in after]
        notes.append(note_of_links(links, written=write))
        is_guess = recognition.guess and "genre" in new and not policy.given
        if is_guess:
            notes.insert(0, "a guess: below the threshold of the model")
        status: Status = "written" if write else "would write"
        record = _record(path, status, _values(tag, policy.fields), after, recognition, notes)
        return replace(record, guess=is_guess)

    def _undo(self, path: Path, *, force: bool, keep_mtime: bool, skip_hard_links: bool) -> TagRecord:
        snapshot = FileSnapshot(path)
        change = self._library.journal.last(snapshot.real)
        if change is None:
            change = self._library.journal.last_of_moved(snapshot.hash_sound())
            if change is not None:
                self._library.journal.move(change.id, snapshot.real)
        if change is None:
            return _record(path, "left", _genre_if_readable(path), {}, None, ["nothing to undo"])
        fields = fields_of(change.tag_before, path)
        with path.open("rb") as file:
            before, links = _values(read_tag(file, path), fields), os.fstat(file.fileno()).st_nlink - 1
        if links and skip_hard_links:
            return _record(path, "left", before, {}, None, [note_of_skipped(links)])
        links = self._rewriter.rewrite(
            path,
            lambda tag: put_back(tag, change.tag_before),
            undoes=change,
            fields=fields,
            guard=None if force else lambda file: _check_unchanged(file, path, change),
            keep_mtime=keep_mtime,
        )
        with path.open("rb") as file:
            after = _values(read_tag(file, path), fields)
        return _record(path, "undone", before, after, None, [note_of_links(links, written=True)])


def _genre_if_readable(path: Path) -> dict[Field, tuple[str, ...]]:
    """Return the genre of a file to which nothing was written; none if its tags cannot be read."""
    with path.open("rb") as file:
        try:
            return _values(read_tag(file, path), GENRE)
        except TagError:
            return {"genre": ()}


def _follow(tag: FileTag, policy: TagPolicy) -> None:
    """Set the conventions of ID3 that the policy chooses."""
    tag.id3v23_separator = policy.id3v23_separator
    tag.itunes_grouping = policy.itunes_grouping


def _about(field: Field, note: str | None) -> str | None:
    """Return a note that names its field, unless that is the genre."""
    return f"{field}: {note}" if note and field != "genre" else note


def _values(tag: FileTag, fields: Fields) -> dict[Field, tuple[str, ...]]:
    """Return the values of the genre and of some fields."""
    return {field: tag.values(field) for field in FIELDS if field in (*GENRE, *fields)}


def _record(
    path: Path,
    status: Status,
    before: dict[Field, tuple[str, ...]],
    after: dict[Field, tuple[str, ...]],
    recognition: Recognition | None,
    notes: list[str | None],
) -> TagRecord:
    """Return a record; fields that `after` lacks do not change."""
    changed = {**before, **after}
    return TagRecord(
        path,
        status,
        before["genre"],
        changed["genre"],
        None if recognition is None else recognition.confidence,
        "; ".join(filter(None, notes)) or None,
        more=tuple(FieldChange(field, before[field], changed[field]) for field in before if field != "genre"),
        unsure=recognition is not None and recognition.below_threshold,
    )


def _check_unchanged(file: BinaryIO, path: Path, change: Change) -> None:
    if sha256_of(file) != change.file_after:
        raise TagError(
            f"{path} was changed by another program after its tags were written, and was left unchanged. "
            "--force restores the old values and keeps the other changes.",
            code="tag-undo-changed",
        )
