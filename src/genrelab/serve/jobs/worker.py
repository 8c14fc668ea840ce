"""A process that recognizes files for the server: `python -m genrelab.serve.jobs.worker`.

It has a process of its own because a decoder that hangs or crashes must not take the server with it, and
because recognition in threads of the server would make every request wait. It reads one JSON object per line
from standard input and writes one per line to standard output, and ends when its input ends: when the server
is killed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from genrelab.bundle.bundle import Bundle
from genrelab.bundle.find import find_model
from genrelab.errors import GenrelabError
from genrelab.library.store.file_snapshot import FileSnapshot, real_path
from genrelab.library.store.library import Library
from genrelab.library.store.recognition_cache import CachedRecognizer
from genrelab.library.store.track_row import RecordFilter
from genrelab.printing import plain
from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.recognizer import Recognizer
from genrelab.serve.track_id import encode

_BATCH_SECONDS = 10.0  # takes half the memory of the default, and no more time
_NICENESS = 5  # requests come first
_MOST_SEGMENTS = 5000  # of a timeline in an answer


class _Work:
    """What the process recognizes with."""

    def __init__(self, model: str | None, library: str | None, threads: int) -> None:
        bundle = Bundle.load(find_model(model), threads=threads)
        self.recognizer = Recognizer(bundle, batch_seconds=_BATCH_SECONDS)
        self.library = None if library is None else Library(library, must_write=False)
        self._cached: dict[bool, CachedRecognizer] = {}
        if self.library is not None:
            for again in (False, True):
                self._cached[again] = CachedRecognizer(self.recognizer, self.library, again=again)

    def do(self, task: dict[str, Any], stop: threading.Event) -> dict[str, Any]:
        """Return the answer for one task."""
        path, full = Path(task["path"]), bool(task["full"])
        if task.get("name") is not None:
            return self._upload(path, task, stop)
        found = _found(path, task)
        recognize = self._cached.get(bool(task["again"]), self.recognizer)
        record = recognize.recognize_found(found, stop, full=full)
        known = self._id(path) if isinstance(found, Path) and record.error is None else None
        return _answer(record, known)

    def _upload(self, path: Path, task: dict[str, Any], stop: threading.Event) -> dict[str, Any]:
        """Recognize an upload. It is not stored in the library, but a known answer for its sound is used."""
        known, full, again = None, bool(task["full"]), bool(task["again"])
        if self.library is not None and not again:
            wanted = RecordFilter(self.recognizer.bundle.identity, "", full, False)
            with suppress(OSError, GenrelabError):  # recognition says what is wrong with the file
                known = self.library.tracks.find(FileSnapshot(path), wanted, adopt=False)
        record = known or self.recognizer.recognize_found(path, stop, full=full)
        answer: dict[str, Any] = _renamed(_answer(record, None), str(path), task["name"])
        return answer

    def _id(self, path: Path) -> str | None:
        """Return the id of a track of the library."""
        if self.library is None:
            return None
        real = real_path(path)
        with suppress(GenrelabError):
            if self.library.database.rows("SELECT 1 FROM tracks WHERE path = ?", (real,)):
                return encode(real)
        return None


def _found(path: Path, task: dict[str, Any]) -> Path | SheetTrack | Problem:
    if task.get("problem") is not None:
        return Problem(path, task["problem"])
    if task.get("track") is not None:
        track = task["track"]
        return SheetTrack(**{**track, "path": path, "sheet": Path(track["sheet"])})
    return path


def _answer(record: Recognition, known: str | None) -> dict[str, Any]:
    """Return the JSON object of a result; with its timeline only where the library does not have it."""
    is_short = known is None and len(record.timeline) <= _MOST_SEGMENTS
    answer: dict[str, Any] = {"id": known, **record.to_dict(timeline=is_short)}
    return answer


def _renamed(value: Any, path: str, name: str) -> Any:
    """Put the name that the user gave in the place of the path that only the server knows."""
    if isinstance(value, str):
        return value.replace(path, name)
    if isinstance(value, dict):
        return {key: _renamed(each, path, name) for key, each in value.items()}
    return [_renamed(each, path, name) for each in value] if isinstance(value, list) else value


class _Channel:
    """Standard input and output, as messages."""

    def __init__(self) -> None:
        self._input = sys.stdin.buffer
        own = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what libraries print is no message
        self._output: IO[bytes] = open(own, "wb")  # noqa: SIM115
        self.tasks: queue.Queue[dict[str, Any]] = queue.Queue()
        self._stops: dict[int, threading.Event] = {}
        self._lock = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        line = self._input.readline()
        message: dict[str, Any] | None = json.loads(line) if line.endswith(b"\n") else None
        return message

    def send(self, message: dict[str, Any]) -> None:
        self._output.write(json.dumps(message).encode() + b"\n")
        self._output.flush()

    def stop_of(self, number: int) -> threading.Event:
        with self._lock:
            return self._stops.setdefault(number, threading.Event())

    def forget(self, number: int) -> None:
        with self._lock:
            self._stops.pop(number, None)

    def listen(self) -> None:
        """Put tasks into the queue until the input ends; then end the process, whatever it does."""
        while (message := self.receive()) is not None:
            if "stop" in message:
                self.stop_of(message["stop"]).set()
            else:
                self.stop_of(message["number"])
                self.tasks.put(message)
        os._exit(0)


def _be_modest() -> None:
    """Let requests come first, and leave no memory on the disk after a crash: it holds uploads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the server, which ends this process
    if sys.platform == "win32":
        return
    import resource

    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(OSError):  # if memory is short, this process ends, not the server
        Path("/proc/self/oom_score_adj").write_text("500", encoding="ascii")
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main() -> None:
    """Recognize until the input ends."""
    channel = _Channel()
    _be_modest()
    setup = channel.receive()
    if setup is None:
        return
    try:
        work = _Work(setup["model"], setup["library"], setup["threads"])
    except GenrelabError as error:
        channel.send({"fault": plain(str(error)), "code": error.code})
        return
    channel.send({"ready": True})
    threading.Thread(target=channel.listen, daemon=True).start()
    while True:
        task = channel.tasks.get()
        number = task["number"]
        stop = channel.stop_of(number)
        try:
            answer: dict[str, Any] = {"answer": _printable(work.do(task, stop))}
        except GenrelabError as error:
            answer = {"fault": plain(str(error)), "code": error.code}
        except Exception:
            if not stop.is_set():
                raise
            answer = {"stopped": True}
        channel.forget(number)
        channel.send({"number": number, **answer})


def _printable(value: Any) -> Any:
    """Escape what is no valid Unicode, such as bytes of file names."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _printable(each) for key, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
