"""Change the tags of a file atomically, with checks and a journal for undo."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from genrelab.drafts import Draft, new_name, remove_abandoned
from genrelab.errors import TagError
from genrelab.library.hashing import sha256_of
from genrelab.library.store.audio_digest import digest_of
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.journal import Change, Journal
from genrelab.library.store.tracks import Tracks
from genrelab.library.tags import GENRE, Fields, FileTag, Snapshot, read_tag, tag_errors


class Rewriter:
    """Changes files. Only one process per library may do so at a time.

    Parameters
    ----------
    journal : Journal
        Records the changes.
    tracks : Tracks
        Tracks with the size and time of files, which a change updates.
    """

    def __init__(self, journal: Journal, tracks: Tracks) -> None:
        self._journal = journal
        self._tracks = tracks

    def rewrite(
        self,
        path: Path,
        alter: Callable[[FileTag], None],
        *,
        undoes: Change | None = None,
        fields: Fields = GENRE,
        guard: Callable[[BinaryIO], None] | None = None,
        keep_mtime: bool = False,
    ) -> int:
        """Change the tags of a file.

        The new file is written beside the old one and replaces it in one step. Before that, it is checked:
        the audio must have the same bytes, other tags must be unchanged, and the fields must be as requested.
        It gets the permissions, owner (if the system allows it) and extended attributes of the old file.
        Links are followed.

        Parameters
        ----------
        path : Path
        alter : callable
            Changes the tags in memory.
        undoes : Change or None
            The change that this one undoes.
        fields : tuple of Field
            The fields that may change.
        guard : callable or None
            Called with the open file first; raises an error if the file must not be changed.
        keep_mtime : bool
            Whether to keep the modification time.

        Returns
        -------
        int
            Number of other names (hard links) of the file, which keep the old tags.

        Raises
        ------
        TagError
            If the file cannot be changed, or another program changed it meanwhile. It is left unchanged.
        OSError
            If the system fails. The file is left unchanged.
        LibraryError
            If the change cannot be recorded.
        """
        real = os.path.realpath(path)
        folder, name = os.path.dirname(real), new_name()
        number, replaced = None, False
        try:
            with open(real, "rb") as source:
                status = os.fstat(source.fileno())
                _check_writable(path, real, status)
                if guard is not None:
                    guard(source)
                tag = read_tag(source, path, fields)
                before, sound, others = snapshot_of(tag), digest_of(source), tag.others()
                with tag_errors(path):
                    alter(tag)
                    if tag.others() != others:
                        message = "was left unchanged: other tags would have changed."
                        raise TagError(message, code="tag-write-changes-more")
                number = self._journal.begin(
                    os.fsencode(real), os.fsencode(name), sound, before, snapshot_of(tag), undoes=undoes
                )
                with Draft(folder, name=name, mode=0o600) as draft:
                    _fill(draft.file, source, tag, sound, path)
                    _copy_metadata(draft.path, status, real, keep_mtime=keep_mtime)
                    os.fsync(draft.file.fileno())
                    self._journal.make_ready(number, sha256_of(source), sha256_of(draft.file))
                    if sys.platform == "win32":  # which cannot replace an open file
                        source.close()
                    if not _same(os.stat(real), status):
                        message = f"{path} was changed by another program meanwhile. It was left unchanged."
                        raise TagError(message, code="tag-file-changed")
                    draft.take_place(real)
                    replaced = True
            _sync_folder(folder)
        finally:
            if number is not None:
                self.settle(number, sure=replaced)
        return status.st_nlink - 1

    def settle(self, number: int, *, sure: bool = False) -> None:
        """Complete or discard a change that may have been interrupted.

        If its draft still exists, the draft is removed and the change discarded. If the draft has replaced
        the file, the change is done. A change on a missing disk, or with a draft in use, stays pending. The
        file itself is never written.

        Parameters
        ----------
        number : int
            The change.
        sure : bool
            Whether the draft has certainly replaced the file if it no longer exists.
        """
        change = self._journal.get(number)
        if change is None or not os.path.isdir(change.folder):
            return
        if change.draft_path is not None and os.path.lexists(change.draft_path):
            if remove_abandoned(change.draft_path):  # otherwise the next start tries again
                self._journal.drop(number)
        elif change.state == "begun":
            self._journal.drop(number)
        else:
            found = change.file_after if sure else _digest_at(change.path)
            if found == change.file_before:
                self._journal.drop(number)  # another program removed the draft
                return
            self._journal.finish(change)
            if found == change.file_after:
                with suppress(OSError):  # the file is gone: the next lookup hashes it
                    self._tracks.note_rewritten(change.path, change.sound)

    def recover(self) -> int:
        """Complete or discard all pending changes and return their number."""
        changes = self._journal.unfinished()
        for change in changes:
            self.settle(change.id)
        return len(changes)


def snapshot_of(tag: FileTag) -> Snapshot:
    """Return a snapshot that names its fields; without a name, as in older journals, it is the genre."""
    found = tag.snapshot()
    return found if tag.fields == GENRE else {**found, "fields": list(tag.fields)}


def _digest_at(path: bytes) -> bytes | None:
    """Return the hash of a file; None if it is missing or not regular."""
    try:
        FileSnapshot(Path(os.fsdecode(path)))
        with open(path, "rb") as file:
            return sha256_of(file)
    except OSError:
        return None


def _check_writable(path: Path, real: str, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise TagError(f"{path} is not a regular file.", code="tag-file-irregular")
    if not status.st_mode & 0o222 or not os.access(real, os.W_OK):
        raise TagError(f"{path} is write-protected. Change its permissions.", code="tag-file-read-only")
    if not os.access(os.path.dirname(real), os.W_OK | os.X_OK):
        message = f"{path} is in a write-protected folder. Change the permissions of the folder."
        raise TagError(message, code="tag-folder-read-only")


def _fill(draft: BinaryIO, source: BinaryIO, tag: FileTag, sound: bytes, path: Path) -> None:
    """Write the new file; raise unless only the fields that may change differ from the old one."""
    with tag_errors(path):
        tag.write(source, draft)
    draft.flush()
    found = read_tag(draft, path, tag.fields)
    found.itunes_grouping = tag.itunes_grouping
    if digest_of(draft) != sound:
        message = f"{path} was left unchanged: its audio would have changed. Please report this."
        raise TagError(message, code="tag-write-changes-sound")
    same = all(found.values(field) == tag.values(field) for field in tag.fields)
    if not same or found.others() != tag.others():
        message = f"{path} was left unchanged: its other tags would have changed. Save it with a tag editor."
        raise TagError(message, code="tag-write-changes-tags")


def _copy_metadata(draft: Path, status: os.stat_result, real: str, *, keep_mtime: bool) -> None:
    """Copy owner, permissions and attributes to a draft; its time is now, or that of the file."""
    if sys.platform != "win32" and (status.st_uid, status.st_gid) != (os.getuid(), os.getgid()):
        with suppress(OSError):  # only root may change owners
            os.chown(draft, status.st_uid, status.st_gid)
    shutil.copystat(real, draft)
    if keep_mtime:
        os.utime(draft, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        os.utime(draft)


def _same(now: os.stat_result, then: os.stat_result) -> bool:
    parts = ("st_dev", "st_ino", "st_size", "st_mtime_ns")
    return all(getattr(now, part) == getattr(then, part) for part in parts)


def _sync_folder(folder: str) -> None:
    """Wait until the folder is on the disk, if the system supports it."""
    if hasattr(os, "O_DIRECTORY"):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):
                os.fsync(number)
        finally:
            os.close(number)
