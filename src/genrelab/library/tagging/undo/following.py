"""Keep changes undoable while a program that works with genrelab writes other tags.

An undo without `force` refuses a file that is not as genrelab left it. A tagger that knows when it writes,
such as a plugin of beets, calls `standing_change` before and `keep_up` afterwards.

>>> standing = standing_change(library, path)  # doctest: +SKIP
>>> write_the_title(path)  # doctest: +SKIP
>>> keep_up(library, path, standing)  # doctest: +SKIP
True
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from genrelab.library.hashing import sha256_of
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.journal import Change
from genrelab.library.store.library import Library
from genrelab.library.tagging.undo.restoring import fields_of
from genrelab.library.tags import Fields, read_tag


@dataclass(frozen=True, slots=True)
class StandingChange:
    """The last change to a file that is still as the change left it.

    Attributes
    ----------
    change : Change
    values : tuple of tuple of str
        The values of the fields that it changed.
    """

    change: Change
    values: tuple[tuple[str, ...], ...]


def standing_change(library: Library, path: Path) -> StandingChange | None:
    """Return the last change to a file, if the file is still as the change left it.

    Parameters
    ----------
    library : Library
    path : Path

    Returns
    -------
    StandingChange or None

    Raises
    ------
    OSError
        If the file cannot be read.
    TagError
        If its tags cannot be read.
    LibraryError
        If the library cannot be used.
    """
    change = library.journal.last(FileSnapshot(path).real)
    if change is None:
        return None
    with path.open("rb") as file:
        if sha256_of(file) != change.file_after:
            return None
    return StandingChange(change, _values(path, fields_of(change.tag_before, path)))


def keep_up(library: Library, path: Path, standing: StandingChange) -> bool:
    """Record that another program wrote other tags of a file, so that its change can still be undone.

    Parameters
    ----------
    library : Library
    path : Path
    standing : StandingChange
        From before that program wrote.

    Returns
    -------
    bool
        Whether it was recorded: not if the fields of the change have other values now, or the audio changed.

    Raises
    ------
    OSError
        If the file cannot be read.
    TagError
        If its tags cannot be read.
    LibraryError
        If the library cannot be used.
    """
    change = standing.change
    if _values(path, fields_of(change.tag_before, path)) != standing.values:
        return False
    if FileSnapshot(path).hash_sound() != change.sound:
        return False
    with path.open("rb") as file:
        library.journal.keep_up(change.id, sha256_of(file))
    library.tracks.note_rewritten(change.path, change.sound)
    return True


def _values(path: Path, fields: Fields) -> tuple[tuple[str, ...], ...]:
    with path.open("rb") as file:
        tag = read_tag(file, path, fields)
    return tuple(tag.values(field) for field in fields)
