"""What can go wrong with the library and with tags."""

from __future__ import annotations

from genrelab.errors import GenrelabError


class LibraryError(GenrelabError):
    """The library cannot be opened, read or written."""


class TagError(GenrelabError):
    """A file's tags cannot be read or written."""
