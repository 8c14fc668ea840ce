"""The library: what was recognized, and what was written into files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from genrelab.library.store.database import Database, default_path
from genrelab.library.store.journal import Journal
from genrelab.library.store.tracks import Tracks


class Library:
    """An open library. Several processes may share its file, several threads an object.

    Parameters
    ----------
    path : str, path-like or None
        The file, made if it is not there; None means what `genrelab.library.store.database.default_path`
        says.
    must_write : bool
        Whether a library that can only be read is an error. Else what is in it can be used, for instance
        from a disk that cannot be written.

    Attributes
    ----------
    path : Path
    tracks : Tracks
        What was said about each file.
    journal : Journal
        What was written into files.
    database : Database
        The file itself.

    Raises
    ------
    LibraryError
        If the file cannot be opened, is no library, is damaged, or was made by a newer genrelab.

    Examples
    --------
    >>> with Library("music.db") as library:  # doctest: +SKIP
    ...     for said in library.tracks.all():
    ...         print(said.path, said.genre)
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, *, must_write: bool = True) -> None:
        self.path = default_path() if path is None else Path(path)
        self.database = Database(self.path, must_write=must_write)
        self.tracks = Tracks(self.database)
        self.journal = Journal(self.database)

    @property
    def writable(self) -> bool:
        """Whether anything can be kept here."""
        return self.database.writable

    def be_durable(self) -> None:
        """Make what is written down from now on outlive a power cut."""
        self.database.be_durable()

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
