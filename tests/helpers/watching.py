"""A watcher that runs in a thread, and music for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from tiny_onnx import TONES, tone

from genrelab.library import CachedRecognizer, Library, Tagger, TagPolicy
from genrelab.recognize import Recognizer
from genrelab.watch.event import Event
from genrelab.watch.folders import check_folders
from genrelab.watch.owed import Owed
from genrelab.watch.settings import WatchSettings
from genrelab.watch.watcher import Watcher
from genrelab.watch.work import Work

PATIENCE = 60.0  # seconds until a test gives up


class Running:
    """A watcher in a thread, and what it reported."""

    def __init__(self, library: Library, model: Path, folders: list[Path], **options: Any) -> None:
        write = options.pop("write", False)
        policy = options.pop("policy", TagPolicy("overwrite") if write else None)
        follow_up = options.pop("follow_up", None)
        self.library = library
        self.events: list[Event] = []
        self.error: BaseException | None = None
        self._changed = threading.Condition()
        tagger = Tagger(library)

        def write_tags(paths: Any) -> Any:
            return tagger.tag(paths, policy, write=write)

        owed = Owed(library.path.with_name("owed")) if write else None
        cached = CachedRecognizer(Recognizer.load(model, threads=1), library, any_model=True)
        work = Work(cached, write_tags=write_tags if policy else None, owed=owed)
        settings = WatchSettings(
            tuple(check_folders(folders)), **{"settle_seconds": 0.3, "retry_seconds": 0.5, **options}
        )
        self.watcher = Watcher(settings, work, self.report, follow_up=follow_up and follow_up(self.report))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.watcher.run()
        except BaseException as error:
            self.error = error

    def report(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait(self, kind: str, path: Path | None = None, *, code: str | None = None, count: int = 1) -> Event:
        """Return the event of a kind, of a file and of a code, when there are so many."""

        def found() -> list[Event]:
            return [
                event
                for event in self.events
                if event.kind == kind
                and (path is None or event.path == path)
                and (code is None or event.code == code)
            ]

        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while len(found()) < count:
                assert self.error is None and time.monotonic() < deadline, (self.error, self.events)
                self._changed.wait(0.2)
            return found()[count - 1]

    def kinds(self, path: Path | None = None) -> list[str]:
        """Return the kinds of the events about a file, or about all files."""
        about = ("watching", "polling", "stopped", "folder-gone", "folder-back")
        return [
            event.kind
            for event in self.events
            if event.kind not in about and (path is None or event.path == path)
        ]

    def end(self) -> None:
        self.watcher.stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive() and self.error is None, self.error


Start = Callable[..., Running]


@pytest.fixture
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with Library(tmp_path_factory.mktemp("library") / "library.db") as found:
        yield found


@pytest.fixture
def start(library: Library, tiny_model: Path) -> Iterator[Start]:
    """Start watchers, which end with the test."""
    running: list[Running] = []

    def begin(*folders: Path, **options: Any) -> Running:
        running.append(Running(library, tiny_model, [*folders], **options))
        return running[-1]

    yield begin
    for each in running:
        each.end()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A folder to watch."""
    (tmp_path / "music").mkdir()
    return tmp_path / "music"


def song(path: Path, genre: str = "low", seconds: float = 2.0) -> Path:
    """Write a file of a known genre."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone(TONES[genre], seconds, rate=22050), 22050)
    return path
