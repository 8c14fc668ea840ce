"""The library: stored recognitions, and the journal of changes to files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Self

from genrelab.library.store.database import Database, default_path
from genrelab.library.store.journal import Journal
from genrelab.library.store.schema.derived import Report, complete
from genrelab.library.store.tracks import Tracks


class Library:
    """An open library. Several processes may share the file, and several threads the object.

    Parameters
    ----------
    path : str, path-like or None
        The file, created if missing; None means `genrelab.library.store.database.default_path()`.
    must_write : bool
        Whether a read-only library is an error. Otherwise its contents can be used, for example from a
        read-only disk.
    report : callable or None
        Called with what is done, how much of it and how much there is, while a large library of an older
        format is upgraded, or its embeddings are read for the first time.

    Attributes
    ----------
    path : Path
    report : callable or None
    tracks : Tracks
        The recognition of each file.
    journal : Journal
        The changes to files.
    database : Database
        The open file.

    Raises
    ------
    LibraryError
        If the file cannot be opened, is not a library, is damaged, or was made by a newer genrelab.

    Examples
    --------
    >>> with Library("music.db") as library:  # doctest: +SKIP
    ...     for record in library.tracks.all():
    ...         print(record.path, record.genre)
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        must_write: bool = True,
        report: Report | None = None,
    ) -> None:
        self.path = default_path() if path is None else Path(path)
        self.report = report
        self.database = Database(self.path, must_write=must_write)
        if self.database.writable:
            try:
                complete(self.database, report)
            except BaseException:
                self.database.close()
                raise
        self.tracks = Tracks(self.database)
        self.journal = Journal(self.database)

    @property
    def writable(self) -> bool:
        """Whether the library can be written."""
        return self.database.writable

    def be_durable(self) -> None:
        """Make later changes survive a power cut."""
        self.database.be_durable()

    def close(self) -> None:
        """Close the file."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
