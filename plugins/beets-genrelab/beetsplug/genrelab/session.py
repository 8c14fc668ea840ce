"""The open library and the loaded model: one of each for a run of beets, opened when they are needed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genrelab.errors import LibraryError
from genrelab.library import CachedRecognizer, Library
from genrelab.recognize import Recognition, Recognizer
from genrelab.recognize.albums import Album, AlbumAggregator, AlbumPlace
from genrelab.vocabulary.own.file import use_file

if TYPE_CHECKING:
    from beetsplug.genrelab.settings import Settings

_MOST_JOBS = 8  # by default: each job needs memory


class Session:
    """Recognizes files. Several threads may share it, as the stages of an import do.

    Parameters
    ----------
    log : logging.Logger
    """

    def __init__(self, log: Any) -> None:
        self._log = log
        self._lock = threading.RLock()  # of what is open
        self._recognizing = threading.Lock()  # so that two stages of an import do not share the cores
        self._settings: Settings | None = None
        self._library: Library | None = None
        self._recognizer: Recognizer | CachedRecognizer | None = None
        self._failed = False  # the library cannot be used

    def use(self, settings: Settings) -> None:
        """Use the files that the settings name; what is open is closed if they name others."""
        with self._lock:
            old, self._settings = self._settings, settings
            if old is None or old.vocabulary != settings.vocabulary:
                use_file(settings.vocabulary)
            if old is not None and (old.model, old.library) != (settings.model, settings.library):
                self.close()

    @property
    def library(self) -> Library | None:
        """Genrelab's library; None if it cannot be used, which is logged once."""
        with self._lock:
            if self._library is None and not self._failed:
                try:
                    self._library = Library(None if self._settings is None else self._settings.library)
                except LibraryError as error:
                    self._failed = True
                    self._log.warning("results are not kept, and writes have no undo: {}", error)
            return self._library

    def recognize(self, paths: Sequence[Path]) -> list[Recognition]:
        """Return the results for files, in their order; what the library knows is not recognized again.

        Raises
        ------
        GenrelabError
            If the model cannot be used. A bad file is no error: its result says what is wrong.
        """
        model, jobs = (None, None) if self._settings is None else (self._settings.model, self._settings.jobs)
        jobs = jobs or min(os.cpu_count() or 1, _MOST_JOBS)
        with self._lock:
            if self._recognizer is None:
                threads = max(1, (os.cpu_count() or 1) // jobs)
                bare = Recognizer.load(model, threads=threads)
                self._recognizer = bare if self.library is None else CachedRecognizer(bare, self.library)
            recognizer = self._recognizer
        with self._recognizing:
            return list(recognizer.recognize_many(paths, jobs=min(jobs, max(1, len(paths)))))

    def album(self, folder: bytes, records: Iterable[Recognition]) -> Album:
        """Combine the results for the tracks of an album, which `recognize` returned."""
        if self._recognizer is None:
            raise RuntimeError("an album is combined before its tracks are recognized")
        path = Path(os.fsdecode(folder))
        whole = AlbumAggregator(AlbumPlace(str(path), path, "album"), self._recognizer.bundle.metadata)
        for record in records:
            whole.add(record)
        return whole.result()

    def close(self) -> None:
        """Close the library."""
        with self._lock:
            if self._library is not None:
                self._library.close()
            self._library = self._recognizer = None
            self._failed = False
