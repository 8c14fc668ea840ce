"""The answers for albums that tracks get instead of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from genrelab.bundle.bundle import Bundle
from genrelab.errors import TagError
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.library import Library
from genrelab.recognize.albums import Album, AlbumAggregator, PlaceFinder
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.scan import Found


class AlbumAnswers:
    """The answers for the albums of some files, from what a library knows about them.

    Parameters
    ----------
    library : Library
    files : iterable of Path, SheetTrack or Problem
        From `genrelab.recognize.scan`. An album consists of those of its files that are given and known.
    bundle : Bundle
        The model whose results are combined; it has the thresholds.
    full : bool
        Whether to combine only results of whole files.

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """

    def __init__(
        self, library: Library, files: Iterable[Found], bundle: Bundle, *, full: bool = False
    ) -> None:
        self._bundle = bundle
        self._finder = PlaceFinder()
        collected: dict[str, AlbumAggregator] = {}
        for file in files:
            if not isinstance(file, Path):
                continue
            try:
                record = library.tracks.find(FileSnapshot(file))
            except (OSError, ValueError):
                continue  # the record of tagging says what is wrong
            if record is None or record.model != bundle.identity or (full and not record.full):
                continue
            place = self._finder.of(file)
            if place.key not in collected:
                collected[place.key] = AlbumAggregator(place, bundle.metadata)
            collected[place.key].add(record)
        self._albums = {key: album.result() for key, album in collected.items()}

    def of(self, recognition: Recognition) -> Album:
        """Return the answer for the album of a file.

        Parameters
        ----------
        recognition : Recognition
            The answer for the file, without an error.

        Raises
        ------
        TagError
            If another model recognized the file, or the file was not given.
        """
        if recognition.model != self._bundle.identity:
            raise other_model(recognition, self._bundle.identity)
        album = self._albums.get(self._finder.of(recognition.path).key)
        if album is None:
            message = f"{recognition.path} has changed since its album was read. Try again."
            raise TagError(message, code="tag-album-unknown")
        return album


def other_model(recognition: Recognition, wanted: str) -> TagError:
    """Return the error about a file that another model recognized."""
    return TagError(
        f"{recognition.path} was recognized with the model {recognition.model}, not with {wanted}. Run "
        "`genrelab recognize` on it, or name its model with --model.",
        code="tag-other-model",
    )


def in_album(recognition: Recognition, album: Album) -> Recognition:
    """Return the answer for a track of an album that has a genre: genres and tags are the album's."""
    return replace(
        recognition,
        genre=album.genre,
        confidence=album.confidence,
        genres=album.genres,
        tags=album.tags,
        reason="low confidence" if album.guess else None,
        guess=album.guess,
    )
