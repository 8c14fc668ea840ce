"""Watch folders: the loop."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from genrelab.errors import LibraryError
from genrelab.recognize.recognition import UNSURE
from genrelab.recognize.scan import Found, Problem, SheetTrack, scan, scan_near
from genrelab.watch.calls.follow_up import Arrival, FollowUp
from genrelab.watch.event import Event
from genrelab.watch.folders import Folder, network_type
from genrelab.watch.missing import MissingFiles
from genrelab.watch.notices import TICK_SECONDS, NoNoticesError, Notices
from genrelab.watch.settings import WatchSettings
from genrelab.watch.settling import Settling, Stamp, stamp_of
from genrelab.watch.work import PASSING, UNSTORED, Outcome, Work

_AT_ONCE = 16  # files; between two batches, notices are read
_TURN_SECONDS = 5.0  # of recognition between two looks at notices
_POLL_SECONDS = 60.0  # where the system gives no notices
_LOOK_AGAIN_SECONDS = 3600.0  # notices may get lost: such as those of folders above the system's limit
_REOPEN_SECONDS = 5.0  # until notices are asked for again after some were lost
_LONGEST_RETRY_SECONDS = 600.0
_CLOSE_SECONDS = 20.0  # for calls at the end; a service manager waits longer


class Watcher:
    """Watches folders until it is stopped.

    Parameters
    ----------
    settings : WatchSettings
    work : Work
    report : callable
        Takes each `Event`, in the thread of `run`, or in that of the calls.
    follow_up : FollowUp or None
        Receives the files that arrived; `run` closes it.
    stop : threading.Event or None
        Setting it ends `run` after the files in progress.
    """

    def __init__(
        self,
        settings: WatchSettings,
        work: Work,
        report: Callable[[Event], None],
        *,
        follow_up: FollowUp | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self.stop = stop or threading.Event()
        self.settings = settings
        self._work = work
        self._report = report
        self._follow_up = follow_up
        self._folders = [Folder(path) for path in settings.folders]
        self._polled: set[Path] = set()
        self._settling = Settling(settings.settle_seconds, together=settings.together)
        self._ready: deque[Path] = deque()
        self._backlog: deque[Path] = deque()  # what was there at the start: it comes after what is new
        self._initial: set[Path] = set()
        self._seen: dict[Path, Stamp] = {}
        self._noticed: dict[Path, float] = {}  # the complete files, and when they were noticed
        self._problems: dict[Path, str] = {}
        self._new_folders: dict[Path, float] = {}
        self._missing = MissingFiles(
            work.tracks,
            settings.folders,
            forget=settings.forget_missing,
            wait_seconds=settings.settle_seconds,
        )
        self._notices: Notices | None = None
        self._reopen_at = self._look_at = self._poll_at = self._go_on_at = 0.0
        self._retry = settings.retry_seconds

    def run(self) -> None:
        """Watch until `stop` is set.

        Raises
        ------
        LibraryError
            If the library cannot be used, and not only for the moment.
        ModelFileError
            If the network fails.
        """
        try:
            self._start()
            while not self.stop.is_set():
                self._listen()
                with _Passing(self):
                    self._turn()
                if self.settings.once and not self._busy:
                    break
        finally:
            if self._notices is not None:
                self._notices.close()
            if self._follow_up is not None:
                self._follow_up.close(
                    None if self.settings.once and not self.stop.is_set() else _CLOSE_SECONDS
                )
        left = len(self._ready) + len(self._backlog) + len(self._settling)
        more = f"{left} file{'s' * (left != 1)} left; the next start continues with them" if left else None
        self._report(Event("stopped", None, more))

    @property
    def _busy(self) -> bool:
        """Whether anything is left to do."""
        return bool(self._settling or self._ready or self._backlog or self._missing or self._new_folders)

    def _start(self) -> None:
        for folder in self._folders:
            kind = network_type(folder.path)
            if self.settings.poll_seconds is not None:
                self._poll(folder.path, None, None)
            elif kind is not None:
                reason = f"it is on a network drive ({kind}), of whose changes the system gives no notice"
                self._poll(folder.path, reason, "watch-network")
        self._open()
        for folder in self._folders:
            if folder.path not in self._polled:
                self._report(Event("watching", folder.path))
        self._look_at = time.monotonic() + _LOOK_AGAIN_SECONDS
        while not self.stop.is_set():
            with _Passing(self):
                if self.settings.initial_scan:
                    self._initial = self._look(self.settings.folders)
                else:
                    self._pass_over(self.settings.folders)
                self._missing.look(self.settings.folders, quiet=True)
                return
            self.stop.wait(max(0.0, self._go_on_at - time.monotonic()))

    def _poll(self, path: Path, reason: str | None, code: str | None) -> None:
        self._polled.add(path)
        every = f"looking at all files every {self._every:g} s"
        self._report(Event("polling", path, f"{reason}: {every}" if reason else every, code))

    @property
    def _every(self) -> float:
        return self.settings.poll_seconds or _POLL_SECONDS

    def _open(self) -> None:
        """Ask the system for notices of the folders that are there and not polled."""
        if self._notices is not None:
            self._notices.close()
            self._notices = None
        paths = [each.path for each in self._folders if each.there and each.path not in self._polled]
        if not paths:
            return
        try:
            self._notices = Notices(paths, self.stop)
        except NoNoticesError as error:
            self._do_without(error, paths)

    def _do_without(self, error: NoNoticesError, paths: Iterable[Path]) -> None:
        if self._notices is not None:
            self._notices.close()
            self._notices = None
        if error.lasting:
            for path in paths:
                self._poll(path, error.reason, error.code)
        else:  # what was lost is found by looking at all files
            self._reopen_at = time.monotonic() + _REOPEN_SECONDS

    def _listen(self) -> None:
        """Wait for notices for a moment, and note what changed."""
        if self._notices is None:
            self.stop.wait(TICK_SECONDS)
            return
        try:
            changed = self._notices.wait()
        except NoNoticesError as error:
            self._do_without(error, [each.path for each in self._folders if each.path not in self._polled])
            return
        if changed and not self.stop.is_set():
            with _Passing(self, lost=True):
                self._note(changed)

    def _turn(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        for folder in self._folders:
            if folder.check():
                self._change_of(folder)
        if self._reopen_at and now >= self._reopen_at:
            self._reopen_at = 0.0
            self._open()
            self._look_at = now
        if now >= self._look_at or (self._polled and now >= self._poll_at):
            everything = now >= self._look_at
            paths = [*self.settings.folders] if everything else sorted(self._polled)
            self._look(self._there(paths))
            self._missing.look(paths, since=now)
            self._look_at = now + _LOOK_AGAIN_SECONDS if everything else self._look_at
            self._poll_at = time.monotonic() + self._every
        late = [path for path, at in self._new_folders.items() if now >= at]
        for path in late:
            del self._new_folders[path]
        if late:
            self._look_near(late)
        for path, noticed in self._settling.complete().items():
            self._noticed[path] = noticed
            (self._backlog if path in self._initial else self._ready).append(path)
            self._initial.discard(path)
        if now >= self._go_on_at:
            self._work_off(now + _TURN_SECONDS)
        waiting = [*self._settling.noticed(), *self._noticed.values()]
        for event in self._missing.certain(waiting, self._there(self.settings.folders)):
            if event.path is not None:
                self._seen.pop(event.path, None)
            self._report(event)
            self._tell(event)

    def _change_of(self, folder: Folder) -> None:
        if not folder.there:
            message = f"{folder.path} is not there any more; it is watched again when it is back"
            self._report(Event("folder-gone", folder.path, message, "watch-folder-gone"))
            return
        self._report(Event("folder-back", folder.path))
        if folder.path not in self._polled:
            self._open()
        self._look([folder.path])
        self._missing.look([folder.path])

    def _there(self, paths: Sequence[Path]) -> list[Path]:
        there = {folder.path for folder in self._folders if folder.there}
        return [path for path in paths if path in there]

    def _note(self, changed: set[Path]) -> None:
        """Note what the system says has changed."""
        roots = set(self.settings.folders)
        changed = {path for path in changed if path not in roots}
        lost = sorted(path for path in changed if not path.exists())
        now = time.monotonic()
        for path in changed:
            if path.is_dir():  # files may come into it before the system watches it
                self._new_folders[path] = now + max(2.0, self.settings.settle_seconds)
        self._look_near(changed.difference(lost))
        if lost:
            self._missing.look(lost)

    def _look_near(self, paths: Iterable[Path]) -> None:
        paths = [*paths]
        if paths:
            self._look(self._there(self.settings.folders), near=paths)

    def _look(self, folders: Sequence[Path], *, near: Sequence[Path] | None = None) -> set[Path]:
        """Find files that are new or have changed, and wait until they are complete; return them."""
        found = set()
        for each in self._scan(folders, near):
            if self.stop.is_set():
                break
            if isinstance(each, Problem):
                self._explain(each)
            elif not isinstance(each, SheetTrack) and self._is_new(each):
                found.add(each)
        return found

    def _scan(self, folders: Sequence[Path], near: Sequence[Path] | None = None) -> Iterator[Found]:
        exclude, ignore, inside = self.settings.exclude, self.settings.ignore, self.settings.inside
        if not folders:
            return iter(())
        if near is not None:
            return scan_near(folders, near, exclude=exclude, ignore=ignore, inside=inside)
        return scan(folders, exclude=exclude, ignore=ignore, follow_lists=False, inside=inside)

    def _explain(self, problem: Problem) -> None:
        """Report a problem of a scan once; a folder without music is none here."""
        if problem.path not in self.settings.folders and problem.path not in self._problems:
            self._problems[problem.path] = "watch-scan"
            self._report(Event("problem", problem.path, problem.message, "watch-scan"))

    def _is_new(self, path: Path) -> bool:
        if self.settings.inside is not None and not self.settings.inside(path):
            return False
        stamp = stamp_of(path)
        if stamp is None or self._seen.get(path) == stamp:
            return False
        if path in self._noticed:
            return False
        if path not in self._settling and self._work.knows(path):
            self._seen[path] = stamp
            return False
        self._settling.add(path, stamp)
        return True

    def _pass_over(self, folders: Sequence[Path]) -> None:
        for path in self._scan(folders):
            stamp = stamp_of(path) if isinstance(path, Path) else None
            if isinstance(path, Path) and stamp is not None and not self._work.owes(path):
                self._seen[path] = stamp

    def _work_off(self, until: float) -> None:
        """Process complete files for some time."""
        while (self._ready or self._backlog) and time.monotonic() < until and not self.stop.is_set():
            queue = self._ready or self._backlog
            files = [*islice(queue, _AT_ONCE)]
            if self.settings.together:
                files = [path for path in queue if path.parent == files[0].parent]
            stored = True
            for outcome in self._work.process(files, self._missing.by_id(), self.stop):
                self._finish(outcome)
                queue.remove(outcome.path)
                stored = stored and not (outcome.event and outcome.event.code == UNSTORED)
            if not stored:  # recognizing more would be in vain
                self._pause()
                return
            self._retry = self.settings.retry_seconds

    def _finish(self, outcome: Outcome) -> None:
        path, event = outcome.path, outcome.event
        self._noticed.pop(path, None)
        if outcome.state == "growing" and (stamp := stamp_of(path)) is not None:
            self._settling.add(path, stamp)
        elif outcome.state == "later" and not self.settings.once and (stamp := stamp_of(path)) is not None:
            self._settling.add(path, stamp, after=self._retry)
        elif outcome.stamp is not None:
            self._seen[path] = outcome.stamp
        code = "" if event is None or outcome.state == "done" else event.code or ""
        if event is not None and not (code and self._problems.get(path) == code):
            self._report(event)
            self._tell(event)
        if code:
            self._problems[path] = code
        else:
            self._problems.pop(path, None)

    def _tell(self, event: Event) -> None:
        """Tell the calls about a file that changed."""
        if self._follow_up is None or event.path is None or event.kind in ("failed", "problem"):
            return
        genre = None if event.recognition is None else event.recognition.genre or UNSURE
        self._follow_up.add(Arrival(event.path, genre))

    def put_off(self, error: LibraryError | OSError) -> None:
        """Try again later, and say why."""
        code = error.code if isinstance(error, LibraryError) else "watch-failed"
        message = f"{error}; tried again in {self._retry:g} s"
        self._report(Event("problem", None, message, code))
        self._pause()

    def _pause(self) -> None:
        self._go_on_at = time.monotonic() + self._retry
        self._retry = min(2 * self._retry, _LONGEST_RETRY_SECONDS)

    def look_again(self) -> None:
        """Look at all files at the next opportunity."""
        self._look_at = 0.0


class _Passing:
    """A block in which the library or the disk may fail for the moment.

    Parameters
    ----------
    watcher : Watcher
    lost : bool
        Whether notices are lost then, so that all files must be looked at.
    """

    def __init__(self, watcher: Watcher, *, lost: bool = False) -> None:
        self._watcher = watcher
        self._lost = lost

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        passing = isinstance(error, LibraryError) and error.code in PASSING
        if (
            isinstance(error, BrokenPipeError)
            or self._watcher.settings.once
            or not (passing or isinstance(error, OSError))
        ):
            return False
        assert isinstance(error, LibraryError | OSError)
        self._watcher.put_off(error)
        if self._lost:
            self._watcher.look_again()
        return True
