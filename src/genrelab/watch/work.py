"""Recognize complete files and write their tags."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from genrelab.errors import LibraryError
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.recognition_cache import CachedRecognizer
from genrelab.library.store.track_row import RecordFilter
from genrelab.library.tagging.tag_record import TagRecord
from genrelab.recognize.recognition import Recognition
from genrelab.watch.event import Event
from genrelab.watch.owed import Owed
from genrelab.watch.settling import Stamp, is_written, stamp_of

PASSING = frozenset(
    (
        *("library-locked", "library-disk-full", "library-disk-fault", "library-read-only"),
        *("library-tagging-elsewhere", "library-lock"),
    )
)
"""Codes of a `LibraryError` that may be gone the next time."""

UNSTORED = "watch-unstored"
"""Code of the event about a result that the library could not store."""

_PASSING_OF_FILES = frozenset(("ENOSPC", "EDQUOT", "EIO", "ETXTBSY", "EBUSY", "ESTALE"))

WriteTags = Callable[[Sequence[Path]], Iterator[TagRecord]]
"""Writes the tags of recognized files, or says what it would write; one record per file."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    Parameters
    ----------
    path : Path
    state : {"done", "growing", "later"}
        Growing: it has changed again. Later: it must be tried again, because of something that may pass.
    stamp : Stamp or None
        The state of the file that was processed.
    event : Event or None
        What to report.
    """

    path: Path
    state: Literal["done", "growing", "later"]
    stamp: Stamp | None = None
    event: Event | None = None


class Work:
    """Recognizes files into the library and writes their tags.

    Parameters
    ----------
    recognizer : CachedRecognizer
    jobs : int > 0
        Files recognized at once.
    any_model : bool
        Whether results of other models count.
    write_tags : WriteTags or None
    owed : Owed or None
        Remembers the files whose tags are not written yet. None if no tags are written.
    """

    def __init__(
        self,
        recognizer: CachedRecognizer,
        *,
        jobs: int = 1,
        any_model: bool = True,
        write_tags: WriteTags | None = None,
        owed: Owed | None = None,
    ) -> None:
        self._recognizer = recognizer
        self._jobs = jobs
        self._wanted = RecordFilter(None if any_model else recognizer.bundle.identity, full=recognizer.full)
        self._write_tags = write_tags
        self._owed = owed
        self.tracks = recognizer.library.tracks

    def knows(self, path: Path) -> bool:
        """Whether a file needs nothing: its result is in the library and its tags are not owed."""
        try:
            return not self.owes(path) and self.tracks.knows(FileSnapshot(path), self._wanted)
        except (OSError, ValueError):
            return False

    def owes(self, path: Path) -> bool:
        """Whether a file still needs its tags."""
        return self._owed is not None and path in self._owed

    def process(
        self, files: Sequence[Path], gone: Mapping[int, Path], stop: threading.Event
    ) -> Iterator[Outcome]:
        """Recognize files and write their tags.

        Parameters
        ----------
        files : sequence of Path
        gone : mapping of int to Path
            Ids and paths of tracks whose file has vanished: one that appears elsewhere was moved.
        stop : threading.Event
            If it is set, the rest of the files has no outcome; they are processed at the next start.

        Raises
        ------
        LibraryError
            If the library cannot be used.
        """
        stamps = {path: stamp_of(path) for path in files}
        before = {path: self.tracks.entry(real_path(path)) for path in files}
        owed_before = {path for path in files if self.owes(path)}
        self._owe(files)
        fresh: list[tuple[Path, Event]] = []
        settled = set()
        with closing(self._recognize(files)) as records:
            for path, record in zip(files, records, strict=False):
                now = stamp_of(path)
                if now is None or now != stamps[path]:
                    settled.add(path)
                    yield Outcome(path, "done" if now is None else "growing")
                elif record.error is not None:
                    settled.add(path)
                    yield Outcome(path, "done", now, Event("failed", path, record.error, recognition=record))
                elif any(notice.kind == "output" for notice in record.notices):
                    yield Outcome(path, "later", now, _unstored(path, record))
                else:
                    entry = self.tracks.entry(real_path(path))
                    is_known = entry is not None and entry == before[path]
                    was = gone.get(entry[0]) if entry is not None and not is_known else None
                    moved = Event("moved", path, recognition=record, before=was)
                    event = moved if was is not None else Event("recognized", path, recognition=record)
                    if self._write_tags is None or (
                        path not in owed_before and (is_known or was is not None)
                    ):
                        settled.add(path)
                        yield Outcome(path, "done", now, None if is_known else event)
                    else:
                        fresh.append((path, event))
                if stop.is_set():
                    break
        self._settle(settled)
        yield from self._tag(fresh, stamps)

    def _recognize(self, files: Sequence[Path]) -> Generator[Recognition, None, None]:
        yield from self._recognizer.recognize_many(files, jobs=self._jobs)

    def _tag(
        self, fresh: Sequence[tuple[Path, Event]], stamps: Mapping[Path, Stamp | None]
    ) -> Iterator[Outcome]:
        """Write tags; files whose tags cannot be written now stay owed."""
        if not fresh or self._write_tags is None:
            return
        written: dict[Path, TagRecord] = {}
        free = [path for path, _ in fresh if self._owed is None or not is_written(path)]
        fault: LibraryError | None = None
        try:
            for record in self._write_tags(free) if free else ():
                written[record.path] = record
        except LibraryError as error:
            if error.code not in PASSING:
                raise
            fault = error
        done = set()
        for path, event in fresh:
            tags = written.get(path)
            if tags is None or (tags.code in _PASSING_OF_FILES):
                yield Outcome(path, "later", None, _untagged(event, tags, fault))
                continue
            done.add(path)
            own = tags.status == "written"
            yield Outcome(path, "done", stamp_of(path) if own else stamps[path], _with_tags(event, tags))
        self._settle(done)

    def _owe(self, files: Sequence[Path]) -> None:
        if self._owed is not None:
            self._owed.add(files)

    def _settle(self, files: set[Path]) -> None:
        if self._owed is not None:
            self._owed.settle(files)


def _with_tags(event: Event, tags: TagRecord) -> Event:
    return Event(event.kind, event.path, recognition=event.recognition, tags=tags, before=event.before)


def _unstored(path: Path, record: Recognition) -> Event:
    text = next(notice.text for notice in record.notices if notice.kind == "output")
    return Event("problem", path, text, UNSTORED, recognition=record)


def _untagged(event: Event, tags: TagRecord | None, fault: LibraryError | None) -> Event:
    if fault is not None:
        return Event(
            "problem", event.path, f"its tags wait: {fault}", fault.code, recognition=event.recognition
        )
    if tags is not None:
        return Event(
            "problem", event.path, f"its tags wait: {tags.note}", tags.code, recognition=event.recognition
        )
    message = "its tags wait: another program has it open for writing"
    return Event("problem", event.path, message, "watch-open", recognition=event.recognition)
