"""The watcher inside a server: `genrelab serve --watch`."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from genrelab.bundle.find import is_model_named
from genrelab.errors import GenrelabError, UsageError
from genrelab.library.store.recognition_cache import CachedRecognizer
from genrelab.serve.guard.log import LOGGER
from genrelab.serve.guard.roots import Roots
from genrelab.serve.server import Server
from genrelab.watch.event import Event
from genrelab.watch.folders import check_folders
from genrelab.watch.owed import watching_alone
from genrelab.watch.settings import WatchSettings
from genrelab.watch.watcher import Watcher
from genrelab.watch.work import Work

_MOST_EVENTS = 500
_END_SECONDS = 30.0  # for the files in progress
_LOGGED = frozenset(("problem", "folder-gone", "folder-back", "polling"))


class Watching:
    """A watcher that recognizes files into the library of a server. It writes no tags.

    Parameters
    ----------
    server : Server
    folders : sequence of Path

    Raises
    ------
    UsageError
        If a folder cannot be watched, or the library is read-only.
    LibraryError
        If another process watches the same folders with the same library.
    """

    def __init__(self, server: Server, folders: Sequence[Path]) -> None:
        if not server.library.writable:
            message = f"the library {server.library.path} is read-only, so that --watch could store nothing"
            raise UsageError(message, code="watch-read-only")
        self._server = server
        self._settings = WatchSettings(tuple(check_folders(folders)), inside=_inside(server, folders))
        self._held = ExitStack()
        self._held.enter_context(watching_alone(server.library.path, self._settings.folders))
        self._lock = threading.Lock()
        self._events: deque[tuple[int, Event]] = deque(maxlen=_MOST_EVENTS)
        self._number = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    @property
    def folders(self) -> tuple[Path, ...]:
        """The watched folders."""
        return self._settings.folders

    @property
    def is_running(self) -> bool:
        """Whether the watcher works; otherwise its last event says why not."""
        return self._thread.is_alive()

    def events(self, after: int = 0) -> list[tuple[int, Event]]:
        """Return the numbers and events after one, oldest first; at most the last 500 are kept."""
        with self._lock:
            return [(number, event) for number, event in self._events if number > after]

    def close(self) -> None:
        """End after the files in progress."""
        self._stop.set()
        self._thread.join(_END_SECONDS)
        self._held.close()

    def _run(self) -> None:
        try:
            any_model = not is_model_named(self._server.settings.model)
            cached = CachedRecognizer(self._server.recognizer, self._server.library, any_model=any_model)
            work = Work(cached, jobs=self._server.settings.jobs, any_model=any_model)
            Watcher(self._settings, work, self._report, stop=self._stop).run()
        except GenrelabError as error:
            self._report(Event("problem", None, f"{error} The watcher has ended.", error.code))
        except Exception:
            LOGGER.exception("watch: the watcher failed")
            message = "the watcher has ended through a defect of genrelab; the log of the server says more"
            self._report(Event("problem", None, message, "watch-defect"))

    def _report(self, event: Event) -> None:
        if event.kind in _LOGGED:
            LOGGER.warning("watch: %s: %s", event.path or "", event.message or event.kind)
        with self._lock:
            self._number += 1
            self._events.append((self._number, event))


def _inside(server: Server, folders: Sequence[Path]) -> Callable[[Path], bool]:
    """Return what tells whether a file lies under a root, or under a watched folder, without links out."""
    watched = Roots(folders)
    return lambda path: server.roots.holds(path) or watched.holds(path)


def start(server: Server, folders: Sequence[Path]) -> Watching:
    """Watch folders until the server ends; new and changed files are recognized into its library.

    Parameters
    ----------
    server : Server
    folders : sequence of Path

    Returns
    -------
    Watching
        Its `close` is called when the server ends.
    """
    watching = Watching(server, folders)
    server.watching = watching
    server.closers.append(watching.close)
    return watching


def attach(server: Server) -> None:
    """Let a server watch its roots if its settings say so."""
    if server.settings.watch:
        server.starters.append(lambda: start(server, server.settings.roots))
