"""What a running server holds: the library, the model, threads, and things to start and to close."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from anyio import CapacityLimiter

from genrelab.library.store.library import Library
from genrelab.recognize.recognizer import Recognizer
from genrelab.serve.describe.metrics import Metrics
from genrelab.serve.guard.access import Access
from genrelab.serve.guard.limits import Limits
from genrelab.serve.guard.roots import Roots
from genrelab.serve.settings import ServeSettings

if TYPE_CHECKING:
    from genrelab.serve.watching import Watching

_THREADS = 16  # of cheap requests
_Part = TypeVar("_Part")


class Server:
    """What a running server holds. Several threads share one.

    Attributes
    ----------
    settings : ServeSettings
    roots : Roots
        Resolves every path that a request names.
    access : Access
        Checks tokens and sessions.
    limits : Limits
    metrics : Metrics
    ending : threading.Event
        Set when the server is about to end: long responses, such as events, then stop.
    library : Library
    threads : CapacityLimiter
        Bounds how many requests are computed at once.
    watching : Watching or None
        The watcher of `--watch`.
    starters, closers : list of callables without arguments
        Called in a thread when the server starts, in order, and when it ends, in reverse order. The library
        is closed last.
    """

    def __init__(self, settings: ServeSettings, limits: Limits | None = None) -> None:
        self.settings = settings
        self.limits = limits or Limits()
        self.access = Access(settings.token, settings.port, self.limits)
        self.metrics = Metrics()
        self.ending = threading.Event()
        self.roots = Roots(settings.roots)
        self.library = Library(settings.library, must_write=False)
        self.threads = CapacityLimiter(_THREADS)
        self.starters: list[Callable[[], object]] = []
        self.closers: list[Callable[[], object]] = []
        self.watching: Watching | None = None
        self._parts: dict[type[Any], Any] = {}
        self._making = threading.RLock()
        self._loading = threading.Lock()
        self._recognizer: Recognizer | None = None

    @property
    def recognizer(self) -> Recognizer:
        """The recognizer, loaded at its first use."""
        with self._loading:
            if self._recognizer is None:
                self._recognizer = Recognizer.load(self.settings.model, threads=1)
            return self._recognizer

    def part(self, kind: Callable[[Server], _Part]) -> _Part:
        """Return the only object of a class in this server, made with the server at its first use.

        Its method `close`, if any, is called when the server ends.
        """
        key: Any = kind
        with self._making:
            if key not in self._parts:
                made = self._parts[key] = kind(self)
                close = getattr(made, "close", None)
                if close is not None:
                    self.closers.append(close)
            found: _Part = self._parts[key]
            return found

    def start(self) -> None:
        """Call the `starters`, each once."""
        while self.starters:
            self.starters.pop(0)()

    def close(self) -> None:
        """Call the `closers` in reverse order, all of them even if one fails, then close the library."""
        self.ending.set()
        failure: Exception | None = None
        for close in (self.library.close, *self.closers)[::-1]:
            try:
                close()
            except Exception as error:
                failure = failure or error
        self.closers.clear()
        if failure is not None:
            raise failure
