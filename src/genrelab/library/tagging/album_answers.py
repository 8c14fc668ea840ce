"""The answers for albums that tracks get instead of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from genrelab.bundle.bundle import Bundle
from genrelab.errors import TagError
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.library.store.library import Library
from genrelab.recognize.albums import (
    Album,
    AlbumAggregator,
    OwnAnswer,
    ReadTags,
    places_by_folder,
    places_by_tags,
)
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.scan import Found


class AlbumAnswers:
    """The answers for the albums of some files, from what a library knows about them.

    Parameters
    ----------
    library : Library
    files : sequence of Path, SheetTrack or Problem
        From `genrelab.recognize.scan`. An album consists of those of its files that are given and known.
    bundle : Bundle
        The model whose results are combined; it has the thresholds.
    full : bool
        Whether to combine only results of whole files.
    read_tags : callable or None
        Reads what the tags of a file say about its album, such as
        `genrelab.library.album_tags.read_album_tags`. None: the album of a file is its folder.

    Raises
    ------
    LibraryError
        If the library cannot be used.
    """

    def __init__(
        self,
        library: Library,
        files: Sequence[Found],
        bundle: Bundle,
        *,
        full: bool = False,
        read_tags: ReadTags | None = None,
    ) -> None:
        self._bundle = bundle
        paths = [file for file in files if isinstance(file, Path)]
        places = places_by_folder(paths) if read_tags is None else places_by_tags(paths, read_tags)
        self._keys: dict[Path, str | None] = {}  # None: a track of a compilation
        collected: dict[str, AlbumAggregator] = {}
        for path, place in zip(paths, places, strict=True):
            if place is None:
                continue
            alone = place.unit == "track"
            self._keys[path] = None if alone else place.key
            record = None if alone else _known(library, path)
            if record is None or record.model != bundle.identity or (full and not record.full):
                continue
            if place.key not in collected:
                collected[place.key] = AlbumAggregator(place, bundle.metadata)
            collected[place.key].add(record)
        self._albums = {key: album.result() for key, album in collected.items()}

    def of(self, recognition: Recognition) -> Album | None:
        """Return the answer for the album of a file; None for a track of a compilation, which has its own.

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
            raise TagError(
                f"{recognition.path} was recognized with the model {recognition.model}, not with "
                f"{self._bundle.identity}. Run `genrelab recognize` on it, or name its model with --model.",
                code="tag-other-model",
            )
        key = self._keys.get(recognition.path, "")
        if key is None:
            return None
        album = self._albums.get(key)
        if album is None:
            message = f"{recognition.path} has changed since its album was read. Try again."
            raise TagError(message, code="tag-album-unknown")
        return album


def _known(library: Library, path: Path) -> Recognition | None:
    """Return what the library knows about a file; the record of tagging says what is wrong with it."""
    try:
        return library.tracks.find(FileSnapshot(path))
    except (OSError, ValueError):
        return None


def is_outlier(recognition: Recognition, album: Album) -> bool:
    """Return whether a track does not fit its album, which has a genre."""
    return OwnAnswer(recognition).outlier_in(str(album.genre)) is not None


def in_album(recognition: Recognition, album: Album) -> Recognition:
    """Return the answer for a track of an album that has a genre: genres and tags are the album's."""
    return replace(
        recognition,
        genre=album.genre,
        confidence=album.confidence,
        genres=album.genres,
        tags=album.tags,
        reason=None,
    )
