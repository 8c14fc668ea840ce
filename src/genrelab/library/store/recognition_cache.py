"""A recognizer that remembers: what the library knows is not recognized again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path

from genrelab.bundle.bundle import Bundle
from genrelab.errors import LibraryError
from genrelab.library.store.file_snapshot import FileSnapshot, RealFolders
from genrelab.library.store.library import Library
from genrelab.library.store.schema.shown import EVERYTHING
from genrelab.library.store.track_row import RecordFilter
from genrelab.recognize.given import as_path
from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.prefetch import map_in_order
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.recognizer import File, Recognizer, Source
from genrelab.recognize.span import about_track

_MOST_AT_ONCE = 512  # files


class CachedRecognizer:
    """A recognizer that takes results from a library and stores new ones there.

    Use it like a `Recognizer`. It stores each result before it returns it: a killed process loses at most
    the files in progress. Several threads may share one. It does not store arrays and tracks that are only
    a section of a file.

    Parameters
    ----------
    recognizer : Recognizer
    library : Library
        If it is read-only, results are taken from it and new ones are not stored.
    settings : str
        How the recognizer is used, as `RecordFilter` takes it.
    probabilities : bool
        Whether to use only stored results that have the probabilities of each segment, which `cut_parts`
        needs.
    again : bool
        Whether to recognize known files again.
    any_model : bool
        Whether to use stored results of other models too.

    Attributes
    ----------
    recalled : int
        How many results came from the library.
    shown : Shown
        What of the stored results `recognize_many` reads: everything, unless it is set.

    Examples
    --------
    >>> with Library("music.db") as library:  # doctest: +SKIP
    ...     recognizer = CachedRecognizer(Recognizer.load(), library)
    ...     for record in recognizer.recognize_many(scan(["music"]), jobs=4):
    ...         print(record.path, record.genre)
    ...     print(recognizer.recalled, "known")
    """

    def __init__(
        self,
        recognizer: Recognizer,
        library: Library,
        *,
        settings: str = "",
        probabilities: bool = False,
        again: bool = False,
        any_model: bool = False,
    ) -> None:
        self.recognizer = recognizer
        self.library = library
        self.recalled = 0
        self._settings = settings
        self._probabilities = probabilities
        self._again = again
        self._any_model = any_model
        self.shown = EVERYTHING
        self._lock = threading.Lock()

    @property
    def bundle(self) -> Bundle:
        """The model."""
        return self.recognizer.bundle

    @property
    def full(self) -> bool:
        """Whether whole files are processed."""
        return self.recognizer.full

    def __call__(
        self, source: Source, *, sample_rate: int | None = None, full: bool | None = None
    ) -> Recognition:
        """Recognize one file or array; see `Recognizer`.

        If `full` is true, a stored result that was computed from segments spread over the file is not used.
        """
        path = as_path(source)
        if path is not None and sample_rate is None:
            return self.recognize_found(path, full=full)
        if isinstance(source, SheetTrack):
            return self.recognize_found(source, full=full)
        return self.recognizer(source, sample_rate=sample_rate, full=full)

    def recognize_many(self, files: Iterable[File], *, jobs: int = 1) -> Iterator[Recognition]:
        """Recognize files, in the order given; see `Recognizer.recognize_many`.

        Known files are looked up many at once: while all are known, up to `_MOST_AT_ONCE` are read ahead.
        """
        found = (file if isinstance(file, Path) else as_path(file) or file for file in files)
        items = found if self._again else self._look_up(found, least=2 * jobs)
        return map_in_order(self._recognize_item, items, jobs=jobs, ready=_as_record)

    def _recognize_item(self, item: File | Recognition, stop: threading.Event) -> Recognition:
        return item if isinstance(item, Recognition) else self.recognize_found(item, stop)

    def _look_up(self, files: Iterable[File], *, least: int) -> Iterator[File | Recognition]:
        """Yield the results of known files, and the other files."""
        rest, size = iter(files), least
        while block := list(islice(rest, size)):
            known = self._known(block)
            self._count_recalled(len(known))
            for number, file in enumerate(block):
                yield known.get(number, file)
            size = min(2 * size, _MOST_AT_ONCE) if len(known) == len(block) else least

    def _known(self, files: Sequence[File]) -> dict[int, Recognition]:
        """Return the results of the known files among some, by their position."""
        snapshots: dict[int, FileSnapshot] = {}
        folders = RealFolders()
        for number, file in enumerate(files):
            if not isinstance(file, SheetTrack | Problem):
                with suppress(OSError, ValueError):  # its record will say what is wrong
                    path = file if isinstance(file, Path) else Path(file)
                    snapshots[number] = FileSnapshot(path, folders)
        wanted = self._wanted(self.recognizer.full)
        found: dict[bytes, Recognition] = {}
        with suppress(LibraryError):  # if storing fails too, the record says so
            found = self.library.tracks.find_known([*snapshots.values()], wanted, self.shown)
        known: dict[int, Recognition] = {}
        for number, snapshot in snapshots.items():
            record = found.get(snapshot.real)
            if record is not None:  # the path may be named in several ways
                same = record.path is snapshot.path
                known[number] = record if same else replace(record, path=snapshot.path)
        return known

    def _wanted(self, full: bool) -> RecordFilter:
        model = None if self._any_model else self.recognizer.bundle.identity
        return RecordFilter(model, self._settings, full, self._probabilities)

    def _count_recalled(self, count: int) -> None:
        with self._lock:
            self.recalled += count

    def recognize_found(
        self, file: File, stop: threading.Event | None = None, *, full: bool | None = None
    ) -> Recognition:
        """Return the stored result for a file, or recognize the file and store the result.

        Returns
        -------
        Recognition
            If the file changed while it was read, `error` is set and nothing is stored. The error of a file
            that the system cannot read is not stored either: reading may work the next time. If the library
            cannot store a result, the result has a notice of the kind `output`.
        """
        if isinstance(file, SheetTrack) and file.whole:
            return about_track(self.recognize_found(file.path, stop, full=full), file)
        if isinstance(file, SheetTrack | Problem):
            return self.recognizer.recognize_found(file, stop, full=full)
        path, known = Path(file), None
        is_full = self.recognizer.full if full is None else full
        wanted = self._wanted(is_full)
        try:
            snapshot = FileSnapshot(path)
            if not self._again:
                with suppress(LibraryError):  # if storing fails too, the record says so
                    known = self.library.tracks.find(snapshot, wanted)
            snapshot.hash_sound()  # before recognition: a change in between must not look known
        except (OSError, ValueError):
            return self.recognizer.recognize_found(path, stop, full=full)  # its record says what is wrong
        if known is not None:
            self._count_recalled(1)
            return known
        record = self.recognizer.recognize_found(path, stop, full=full)
        if not snapshot.is_still():
            message = f"{path} changed while it was read. Recognize it again when it is complete."
            return Recognition(path, record.model, error=record.error or message)
        if self.library.writable:
            try:
                self.library.tracks.store(snapshot, record, self._settings)
            except LibraryError as error:
                return record.with_notice("output", f"its result is not stored: {error}")
        return record


def _as_record(item: File | Recognition) -> Recognition | None:
    return item if isinstance(item, Recognition) else None
