"""Write recognized genres to files, and undo it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Literal

from genrelab.errors import GenrelabError, LibraryError, TagError
from genrelab.files import only_one
from genrelab.library.hashing import sha256_of
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.journal import Change
from genrelab.library.store.library import Library
from genrelab.library.tagging.safe_write import Rewriter
from genrelab.library.tagging.tag_plan import TagPolicy, plan_tags
from genrelab.library.tags import GenreTag, Snapshot, read_tag
from genrelab.recognize.scan import Found, Problem, SheetTrack

Status = Literal["would write", "written", "left", "undone", "error"]


@dataclass(frozen=True, slots=True)
class TagRecord:
    """The result of tagging one file.

    Parameters
    ----------
    path : Path
        As named by the user.
    status : {"would write", "written", "left", "undone", "error"}
    before : tuple of str
        Genres before the write.
    after : tuple of str
        Genres after the write, or what they would be.
    confidence : float or None
        Of the recognition.
    note : str or None
        Why the file was left, what failed, or a remark.
    code : str or None
        The code of the error, for programs: that of a `GenrelabError`, or the system's, such as `EACCES`.
    """

    path: Path
    status: Status
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    confidence: float | None = None
    note: str | None = None
    code: str | None = None

    COLUMNS: ClassVar = ("path", "status", "before", "after", "confidence", "note")

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a JSON object."""
        return {
            "path": os.fspath(self.path),
            "status": self.status,
            "before": list(self.before),
            "after": list(self.after),
            "confidence": None if self.confidence is None else round(self.confidence, 6),
            "note": self.note,
        }


class Tagger:
    """Writes genres to files, and undoes it.

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

    def tag(self, files: Iterable[Found], policy: TagPolicy, *, write: bool = False) -> Iterator[TagRecord]:
        """Write genres, or show what would be written.

        Parameters
        ----------
        files : iterable of Path, SheetTrack or Problem
            From `genrelab.recognize.scan`. Tracks of CUE sheets are left unchanged. A file that occurs twice
            is written once.
        policy : TagPolicy
            What to write.
        write : bool
            Whether to write; otherwise no file is changed.

        Yields
        ------
        TagRecord
            One per file, as soon as it is done. If a file fails, its record has the error.

        Raises
        ------
        LibraryError
            If the library cannot be used, or another process writes tags with it.
        """
        if not write:
            yield from self._each(files, lambda path: self._tag(path, policy, write=False))
            return
        with self.alone():
            yield from self._each(files, lambda path: self._tag(path, policy, write=True))

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
            Also restore the genre of files that another program changed since; its changes stay.
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
                record = TagRecord(file, "error", note=_explain(file, error), code=code)
            yield record

    def _tag(self, path: Path, policy: TagPolicy, *, write: bool) -> TagRecord:
        recognition = self._library.tracks.find(FileSnapshot(path))
        if recognition is None:
            message = f"{path} is not in the library, or has changed since. Run `genrelab recognize` on it."
            raise TagError(message, code="tag-not-in-library")
        if recognition.error is not None:
            raise TagError(recognition.error, code="tag-not-recognized")
        if policy.full and not recognition.full:
            message = f"{path} was recognized from segments only. Recognize it with --full, or omit --full."
            raise TagError(message, code="tag-not-full")
        with path.open("rb") as file:
            tag, links = read_tag(file, path), os.fstat(file.fileno()).st_nlink - 1
        tag.id3v23_separator = policy.id3v23_separator
        plan = plan_tags(recognition, tag, policy)
        before, genres = tag.genres, plan.genres
        if genres is None:
            return TagRecord(path, "left", before, before, recognition.confidence, plan.note)
        if links and policy.skip_hard_links:
            return TagRecord(path, "left", before, before, recognition.confidence, _note_of_skipped(links))
        after = tag.stored(genres)
        if write:

            def put(tag: GenreTag) -> None:
                tag.id3v23_separator = policy.id3v23_separator
                tag.set(genres)

            links = self._rewriter.rewrite(path, put, keep_mtime=policy.keep_mtime)
        notes = [plan.note, _note_of_others(tag.beside, after), _note_of_links(links, written=write)]
        note = "; ".join(filter(None, notes)) or None
        status: Status = "written" if write else "would write"
        return TagRecord(path, status, before, after, recognition.confidence, note)

    def _undo(self, path: Path, *, force: bool, keep_mtime: bool, skip_hard_links: bool) -> TagRecord:
        snapshot = FileSnapshot(path)
        change = self._library.journal.last(snapshot.real)
        if change is None:
            change = self._library.journal.last_of_moved(snapshot.hash_sound())
            if change is not None:
                self._library.journal.move(change.id, snapshot.real)
        with path.open("rb") as file:
            before, links = read_tag(file, path).genres, os.fstat(file.fileno()).st_nlink - 1
        if change is None:
            return TagRecord(path, "left", before, before, note="nothing to undo")
        if links and skip_hard_links:
            return TagRecord(path, "left", before, before, note=_note_of_skipped(links))
        links = self._rewriter.rewrite(
            path,
            lambda tag: _put_back(tag, change.tag_before),
            undoes=change,
            guard=None if force else lambda file: _check_unchanged(file, path, change),
            keep_mtime=keep_mtime,
        )
        with path.open("rb") as file:
            after = read_tag(file, path).genres
        return TagRecord(path, "undone", before, after, note=_note_of_links(links, written=True))


def _put_back(tag: GenreTag, before: Snapshot) -> None:
    """Restore a tag without making it larger than it is now."""
    size, now = before.get("size", 0), tag.snapshot().get("size", 0)
    if not isinstance(size, int) or not isinstance(now, int):
        raise TagError("cannot be restored: the library is damaged.", code="tag-undo-damaged")
    try:
        tag.restore({**before, "size": min(size, now)} if "size" in before else before)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        message = f"cannot be restored: the library is damaged ({error})."
        raise TagError(message, code="tag-undo-damaged") from error


def _check_unchanged(file: BinaryIO, path: Path, change: Change) -> None:
    if sha256_of(file) != change.file_after:
        raise TagError(
            f"{path} was changed by another program after its genre was written, and was left unchanged. "
            "--force restores the genre and keeps the other changes.",
            code="tag-undo-changed",
        )


def _note_of_links(others: int, *, written: bool) -> str | None:
    if not others:
        return None
    return f"{_names(others)} of this file (hard links) {'' if written else 'would '}keep the old tags"


def _note_of_skipped(others: int) -> str:
    return f"has {_names(others)} (hard links), which would keep the old tags"


def _names(others: int) -> str:
    return f"{others} other name{'s' * (others > 1)}"


def _note_of_others(beside: tuple[str, ...], after: tuple[str, ...]) -> str | None:
    if not beside or beside == after:
        return None
    return f"its APEv2 tag keeps {', '.join(beside)}, which some players show"


def _explain(path: Path, error: OSError) -> str:
    """Return an error of the system as a message with a remedy."""
    what = error.strerror or str(error)
    remedies = {
        errno.ENOSPC: "Free some space.",
        errno.EDQUOT: "Free some space.",
        errno.EFBIG: "The file is too large for its disk or a limit of this process.",
        errno.EACCES: "Change the permissions of the file and its folder.",
        errno.EPERM: "Change the permissions of the file and its folder.",
        errno.EROFS: "Its disk is read-only.",
        errno.EINVAL: "Name a file.",
        errno.ENOENT: "It disappeared during the run.",
        errno.ELOOP: "It is a link that points to itself.",
    }
    remedy = remedies.get(error.errno or 0, "Try again.")
    return f"{path} could not be read or written: {what}. It was left unchanged. {remedy}"
