"""The interface of all tag formats: read the genre, change it, write a copy of the file."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import mutagen
from pydantic import JsonValue

from genrelab.errors import TagError
from genrelab.library.hashing import blocks

Snapshot = dict[str, JsonValue]
"""The raw tags with the genre of a file, for JSON."""

NEW_PADDING = 1024
"""Padding in bytes for tags that grow, so that the next change moves nothing."""

# Errors that damage causes; a wrong size, for example, requests gigabytes.
_OF_DAMAGE = (
    ValueError, LookupError, ArithmeticError, AssertionError, EOFError, MemoryError, RecursionError,
    struct.error,
)  # fmt: skip


class GenreTag(ABC):
    """The tags of one file, read into memory.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Raises
    ------
    TagError
        If the tags cannot be read, or not be written without loss. The message continues after the path,
        which `tag_errors` adds.
    """

    id3v23_separator: str = "/"
    """Separator of several genres in tags with a single text: ID3v2.3, ID3v2.2 and RIFF."""

    @abstractmethod
    def __init__(self, file: BinaryIO) -> None: ...

    @property
    @abstractmethod
    def genres(self) -> tuple[str, ...]:
        """The genres of the tag that players read first, as written."""

    @property
    def everywhere(self) -> tuple[str, ...]:
        """The genres of all tags of the file."""
        return self.genres

    @property
    def beside(self) -> tuple[str, ...]:
        """The genres of tags that never change but that some players show."""
        return ()

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Return the raw tags with the genre."""

    @abstractmethod
    def others(self) -> Any:
        """Return all other tags, for comparison with `==`."""

    @abstractmethod
    def set(self, genres: Sequence[str]) -> None:
        """Replace the genres, in memory."""

    @abstractmethod
    def restore(self, snapshot: Snapshot) -> None:
        """Restore a snapshot, in memory."""

    def stored(self, genres: Sequence[str]) -> tuple[str, ...]:
        """Return the value of `genres` after `set`."""
        return tuple(genres)

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
