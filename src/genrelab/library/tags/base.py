"""The interface of all tag formats: read genre, mood and grouping, change them, write a copy of the file."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, ClassVar

import mutagen
from pydantic import JsonValue

from genrelab.errors import TagError
from genrelab.library.hashing import blocks
from genrelab.library.tags.entries import GENRE, Field, Fields

Snapshot = dict[str, JsonValue]
"""The raw tags with the fields of a file that may change, for JSON."""

NEW_PADDING = 1024
"""Padding in bytes for tags that grow, so that the next change moves nothing."""

# Errors that damage causes; a wrong size, for example, requests gigabytes.
_OF_DAMAGE = (
    ValueError, LookupError, ArithmeticError, AssertionError, EOFError, MemoryError, RecursionError,
    struct.error,
)  # fmt: skip


class FileTag(ABC):
    """The tags of one file, read into memory.

    Parameters
    ----------
    file : binary file
        Open for reading.
    fields : tuple of Field
        The fields that may change. All others count as other tags.

    Raises
    ------
    TagError
        If the tags cannot be read, or not be written without loss. The message continues after the path,
        which `tag_errors` adds.
    """

    without: ClassVar[frozenset[Field]] = frozenset()
    """Fields that have no usual place in the format, and are never written."""

    id3v23_separator: str = "/"
    """Separator of several values in tags with a single text: ID3v2.3, ID3v2.2 and RIFF."""

    itunes_grouping: bool = False
    """Whether the grouping in ID3 is GRP1, as in iTunes and TagLib, and not TIT1."""

    def __init__(self, file: BinaryIO, fields: Fields = GENRE) -> None:
        self.fields = fields

    @property
    def genres(self) -> tuple[str, ...]:
        """The genres of the tag that players read first, as written."""
        return self.values("genre")

    @abstractmethod
    def values(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in the tag that players read first, as written."""

    def everywhere(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in all tags of the file."""
        return self.values(field)

    def beside(self, field: Field) -> tuple[str, ...]:
        """Return the values of a field in tags that never change but that some players show."""
        return ()

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Return the raw tags with the fields that may change."""

    @abstractmethod
    def others(self) -> Any:
        """Return all other tags, for comparison with `==`."""

    @abstractmethod
    def set(self, values: Sequence[str], field: Field = "genre") -> None:
        """Replace the values of a field, one of those that may change, in memory."""

    @abstractmethod
    def restore(self, snapshot: Snapshot) -> None:
        """Restore a snapshot of the same fields, in memory."""

    def stored(self, values: Sequence[str], field: Field = "genre") -> tuple[str, ...]:
        """Return the value of a field after `set`."""
        return tuple(values)

    @abstractmethod
    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file with the tags as they are in memory.

        Parameters
        ----------
        source : binary file
            The file that was read.
        draft : binary file
            Empty, open for reading and writing.
        """


def read_range(file: BinaryIO, place: range) -> bytes:
    """Return a part of a file."""
    file.seek(place.start)
    return file.read(len(place))


def copy(source: BinaryIO, draft: BinaryIO, start: int = 0, end: int | None = None) -> None:
    """Copy a file from an offset to another one or to its end."""
    for block in blocks(source, start, end):
        draft.write(block)


@contextmanager
def tag_errors(path: Path) -> Iterator[None]:
    """Convert errors of reading or writing tags to a `TagError` with the path.

    Raises
    ------
    TagError
        If the tags cannot be used.
    OSError
        For errors of the system, also those that mutagen wraps.
    """
    try:
        yield
    except TagError as error:
        named = TagError(f"{path} {error}")
        named.code = error.code
        raise named from error
    except mutagen.MutagenError as error:
        for cause in error.args:
            if isinstance(cause, OSError):
                raise cause from error
        raise TagError(_damaged(path, error), code="tag-damaged") from error
    except _OF_DAMAGE as error:
        raise TagError(_damaged(path, error), code="tag-damaged") from error


def _damaged(path: Path, error: Exception) -> str:
    reason = str(error) or type(error).__name__
    return f"{path} has tags that cannot be read or written ({reason}). Check them with a tag editor."
