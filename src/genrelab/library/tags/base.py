"""What the tag formats have in common: read the genre, change it, write it into a copy of the file."""

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
"""All of a file's tags that hold its genre, as they are, for JSON."""

NEW_PADDING = 1024
"""Bytes of room left in tags that grow, so that the next change moves nothing."""

# What damage leads to: a size that is wrong, for example, to a request for gigabytes.
_OF_DAMAGE = (
    *(ValueError, LookupError, ArithmeticError, AssertionError, EOFError, MemoryError, struct.error),
)


class GenreTag(ABC):
    """The tags of one file, read into memory.

    Parameters
    ----------
    file : binary file
        Open for reading.

    Raises
    ------
    TagError
        If the tags cannot be read, or cannot be written without loss; the message goes on from the
        file's name. Within `tag_errors` that is so for whatever is raised.
    """

    id3v23_separator: str = "/"
    """What stands between several genres where a tag has one text for all: ID3v2.3, ID3v2.2 and RIFF."""

    @abstractmethod
    def __init__(self, file: BinaryIO) -> None: ...

    @property
    @abstractmethod
    def genres(self) -> tuple[str, ...]:
        """The genres that the file has, as they are written, where players look first."""

    @property
    def everywhere(self) -> tuple[str, ...]:
        """The genres in all tags of the file."""
        return self.genres

    @property
    def beside(self) -> tuple[str, ...]:
        """The genres in tags that stay as they are, which some players show."""
        return ()

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Return all that holds the genre, as it is."""

    @abstractmethod
    def others(self) -> Any:
        """Return all other tags, to be compared with `==`."""

    @abstractmethod
    def set(self, genres: Sequence[str]) -> None:
        """Put genres in place of those that are there, in memory."""

    @abstractmethod
    def restore(self, snapshot: Snapshot) -> None:
        """Put back what `snapshot` gave, in memory."""

    def stored(self, genres: Sequence[str]) -> tuple[str, ...]:
        """Return what `genres` would be after `set`."""
        return tuple(genres)

    @abstractmethod
    def write(self, source: BinaryIO, draft: BinaryIO) -> None:
        """Write the file with the tags as they are in memory.

        Parameters
        ----------
        source : binary file
            What was read.
        draft : binary file
            Empty, open for reading and writing.
        """


def read_range(file: BinaryIO, place: range) -> bytes:
    """Return a part of a file."""
    file.seek(place.start)
    return file.read(len(place))


def copy_from(source: BinaryIO, start: int, draft: BinaryIO) -> None:
    """Copy a file from an offset to its end."""
    for block in blocks(source, start):
        draft.write(block)


def copy_range(source: BinaryIO, start: int, end: int, draft: BinaryIO) -> None:
    """Copy a part of a file."""
    for block in blocks(source, start, end):
        draft.write(block)


@contextmanager
def tag_errors(path: Path) -> Iterator[None]:
    """Turn what reading or writing tags raises into a `TagError` that names the file.

    Raises
    ------
    TagError
        If the tags cannot be used.
    OSError
        If the system refuses, also where mutagen tells of it.
    """
    try:
        yield
    except TagError as error:
        named = TagError(f"{path} {error}")
        named.code = error.code
        raise named from error
    except mutagen.MutagenError as error:
        for said in error.args:
            if isinstance(said, OSError):
                raise said from error
        raise TagError(_damaged(path, error), code="tag-damaged") from error
    except _OF_DAMAGE as error:
        raise TagError(_damaged(path, error), code="tag-damaged") from error


def _damaged(path: Path, error: Exception) -> str:
    what = str(error) or type(error).__name__
    return f"{path} has tags that cannot be read or written ({what}). Look at them with a tag editor."
