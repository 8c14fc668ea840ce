"""Jobs of the kind `recognize`: files and folders under the roots, and uploads."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from genrelab.recognize.inputs.problem import Problem
from genrelab.recognize.inputs.sheet_track import SheetTrack
from genrelab.recognize.prefetch import map_in_order, read_ahead
from genrelab.recognize.recognition import Recognition
from genrelab.recognize.scan import Found, scan
from genrelab.serve.jobs.kinds import Progress, StoppedError
from genrelab.serve.jobs.runner import Jobs
from genrelab.serve.jobs.workers import WorkerDied
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server

UPLOAD_SECONDS = 600.0
"""The longest time for one upload."""

FILE_SECONDS = 3600.0
"""The longest time for one file of the user, which may be a recording of many hours."""

_MOST_AHEAD = 10_000  # files that are found before they are recognized
_MOST_VANISHED = 20  # in a row: then the disk is gone


@dataclass(frozen=True, slots=True)
class _Item:
    """One file to recognize.

    Attributes
    ----------
    place : int
        In the order of the files.
    key : bytes
        Distinguishes it from the other items of the job.
    path : Path
    shown : str
        What the answer calls it.
    task : dict
        The task that the process receives.
    named : Path or None
        The file or folder under which it was found; None for an upload.
    """

    place: int
    key: bytes
    path: Path
    shown: str
    task: dict[str, Any]
    named: Path | None = None


class _Upload(BaseModel):
    file: str
    name: str


class _Arguments(BaseModel):
    """What the queue stores about a job. Its file is untrusted."""

    uploads: list[_Upload] = Field(default_factory=list)
    paths: list[str] = Field(default_factory=list)
    full: bool = False
    again: bool = False


def recognize_job(server: Server, arguments: dict[str, Any], progress: Progress) -> None:
    """Run a job: recognize uploads, or what lies at some paths.

    Parameters
    ----------
    server : Server
    arguments : dict
        `uploads` (a list of objects with `file`, `name`) or `paths` (a list of texts), `full`, `again`.
    progress : Progress

    Raises
    ------
    RequestError
        If the files are gone, a path is not under a root, or no file can be recognized.
    StoppedError
        If it was cancelled.
    """
    try:
        given = _Arguments.model_validate(arguments)
    except ValidationError as error:
        raise _damaged() from error
    if not (given.uploads or given.paths):
        raise _damaged()
    items = _uploads(server, given) if given.uploads else _found(server, given, progress)
    work = _Work(server, given, progress)
    try:
        with closing(read_ahead(items, most=_MOST_AHEAD)) as ahead:
            answers = map_in_order(lambda item, _: work.do(item), ahead, jobs=server.settings.jobs)
            with closing(answers):  # type: ignore[type-var]
                for _ in answers:
                    progress.check()
    except BaseException:
        progress.stop.set()  # for the files in progress
        raise


class _Work:
    """Recognizes the items of one job; several threads share it."""

    def __init__(self, server: Server, given: _Arguments, progress: Progress) -> None:
        self._workers = server.part(Jobs).workers
        self._modes = {"full": given.full, "again": given.again}
        self._progress = progress
        self._known = progress.known()
        self._vanished = 0

    def do(self, item: _Item) -> None:
        self._progress.check()
        if item.key in self._known:  # done before the server was killed
            return
        answer = self._recognize(item)
        if answer["error"] is not None and item.named is not None:
            self._check_presence(item, item.named)
        self._progress.add(answer, key=item.key, item=item.place)

    def _recognize(self, item: _Item) -> dict[str, Any]:
        task = {**self._modes, **item.task, "path": str(item.path)}
        seconds = UPLOAD_SECONDS if item.named is None else FILE_SECONDS
        for last in (False, True):
            try:
                return self._workers.recognize(task, self._progress.stop, seconds=seconds)
            except WorkerDied as death:
                self._progress.check()
                if death.late:
                    return _failed(item, f"took longer than {seconds:.0f} s. Convert it to another format.")
                if last:
                    return _failed(item, "made the decoder crash, twice. Convert it to another format.")
        raise AssertionError

    def _check_presence(self, item: _Item, named: Path) -> None:
        """Raise if what was named is gone, instead of an error for each of thousands of files."""
        if os.path.lexists(item.path):
            self._vanished = 0
            return
        self._vanished += 1
        if not os.path.lexists(named):
            raise _gone(named)
        if self._vanished >= _MOST_VANISHED:
            raise RequestError(
                f"{_MOST_VANISHED} files below {named} in a row are gone since they were found",
                code="files-vanished",
                status=404,
                path=str(named),
                remedy="check whether the disk is connected, and start again",
            )


def _failed(item: _Item, what: str) -> dict[str, Any]:
    record = Recognition(Path(item.shown), "", error=f"{item.shown} {what}")
    return {"id": None, **record.to_dict()}


def _gone(path: Path) -> RequestError:
    return RequestError(
        f"{path} is gone",
        code="path-vanished",
        status=404,
        path=str(path),
        remedy="check whether the disk is connected, and start again",
    )


def _damaged() -> RequestError:
    return RequestError(
        "what the queue says about the job is damaged",
        code="job-damaged",
        status=500,
        remedy="send the request again",
    )


def _uploads(server: Server, given: _Arguments) -> Iterator[_Item]:
    temp = server.part(Jobs).temp
    for place, upload in enumerate(given.uploads, start=1):
        made, name = upload.file, upload.name
        path = temp.find(made)
        if path is None:
            raise RequestError(
                f"the upload {name} is gone: its server was ended",
                code="upload-gone",
                status=410,
                path=name,
                remedy="send the file again",
            )
        yield _Item(place, made.encode(), path, name, {"name": name})


def _found(server: Server, given: _Arguments, progress: Progress) -> Iterator[_Item]:
    """Yield what lies at the paths, each once; set the total at the end."""
    named = [server.roots.resolve(text) for text in given.paths]
    if not any(os.path.lexists(path) for path in named):
        raise _gone(named[0])
    seen: set[bytes] = set()
    for path in named:
        for found in scan([path], inside=server.roots.holds):
            if progress.stop.is_set():
                raise StoppedError
            item = _item(server, found, path, len(seen) + 1)
            if item.key not in seen:
                seen.add(item.key)
                yield item
    progress.update(total=len(seen))


def _item(server: Server, found: Found, named: Path, place: int) -> _Item:
    task: dict[str, Any] = {}
    path = found if isinstance(found, Path) else found.path
    number, sheet = 0, b""
    is_link = isinstance(found, Problem) and path.is_symlink()
    if not is_link and not server.roots.holds(path):  # says nothing about what is there, not even whether
        found = Problem(named, f"{named} leads to files outside of the folders of this server. Add a folder.")
        path = named
    if isinstance(found, Problem):
        task["problem"] = found.message
    elif isinstance(found, SheetTrack):
        number, sheet = found.number, os.fsencode(found.sheet)
        task["track"] = {**asdict(found), "path": None, "sheet": str(found.sheet)}
    digest = hashlib.blake2b(os.fsencode(path), digest_size=16)
    digest.update(b"\0%d\0" % number + sheet)
    return _Item(place, digest.digest(), path, str(path), task, named)
