"""What a running server holds: the library, the model, threads, and things to close at the end."""

from __future__ import annotations

import threading

from anyio import CapacityLimiter

from genrelab.library.store.library import Library
from genrelab.recognize.recognizer import Recognizer
from genrelab.serve.settings import ServeSettings

_THREADS = 16  # of cheap requests


class Server:
    """What a running server holds. Several threads share one.

    Attributes
    ----------
    settings : ServeSettings
    library : Library
    threads : CapacityLimiter
        Bounds how many requests are computed at once.
    """

    def __init__(self, settings: ServeSettings) -> None:
        self.settings = settings
        self.library = Library(settings.library, must_write=False)
        self.threads = CapacityLimiter(_THREADS)
        self._loading = threading.Lock()
        self._recognizer: Recognizer | None = None

    @property
    def recognizer(self) -> Recognizer:
        """The recognizer, loaded at its first use."""
        with self._loading:
            if self._recognizer is None:
                self._recognizer = Recognizer.load(self.settings.model, threads=1)
            return self._recognizer

    def close(self) -> None:
        """Close the library."""
        self.library.close()
