"""A client of `genrelab serve`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self, TypedDict, Unpack

from genrelab.client.answers import (
    Event,
    Health,
    Job,
    Page,
    Recognition,
    State,
    TagPlan,
    TagRecord,
    Track,
)
from genrelab.client.connection import Body, Connection, ProblemError, form_body, json_body

_MOST_WAIT = 60.0  # of the server, for one request
_POLL_SECONDS = (0.2, 2.0)  # between two looks at a job: at first, and at most
_RECONNECT_SECONDS = 1.0

PathLike = str | os.PathLike[str]


class TrackFilter(TypedDict, total=False):
    """Which tracks of the library to list; what is omitted does not matter.

    `search` is for words, `where` a condition such as `mood:calm`, `sort` a column such as `-confidence`.
    """

    search: str
    genre: str | list[str]
    tag: str | list[str]
    folder: str
    min_confidence: float
    max_confidence: float
    unsure: bool
    error: bool
    where: str | list[str]
    sort: str


class Client:
    """A client of `genrelab serve`, for one thread.

    Parameters
    ----------
    url : str
    token : str or None
        What the server wants if it was started with `--token-file`.
    timeout : float, in seconds
        How long the server may be silent.

    Raises
    ------
    ValueError
        If `url` is not the address of a server.

    Notes
    -----
    Every method raises `ProblemError` if the server refuses the request or does not answer.

    Examples
    --------
    >>> client = Client("http://127.0.0.1:8765")
    >>> client.recognize("song.mp3", wait=60).results[0].genre  # doctest: +SKIP
    'jazz'
    """

    def __init__(
        self, url: str = "http://127.0.0.1:8765", token: str | None = None, *, timeout: float = 90.0
    ) -> None:
        self._connection = Connection(url, token, timeout)

    def health(self) -> Health:
        """Return the state of the server."""
        return Health.of(self._connection.json("GET", "/health"))

    def recognize(
        self,
        files: PathLike | Iterable[PathLike],
        *,
        wait: float = 0.0,
        full: bool = False,
        again: bool = False,
    ) -> Job:
        """Send files to the server and recognize them.

        Parameters
        ----------
        files : path or iterable of paths
            On this machine. They are read while they are sent.
        wait : float, in seconds
            How long to wait for the end of the job; `math.inf` means until it ends.
        full : bool
            Whether to process whole files. Otherwise segments of long files are sampled.
        again : bool
            Whether to recognize sound that the library knows again.

        Returns
        -------
        Job
            Perhaps still running. One result per file.

        Raises
        ------
        OSError
            If a file cannot be read.
        """
        values = {name: "true" for name, given in (("full", full), ("again", again)) if given}
        return self._recognize(form_body(map(Path, _several(files)), values), wait)

    def recognize_on_server(
        self,
        paths: PathLike | Iterable[PathLike],
        *,
        wait: float = 0.0,
        full: bool = False,
        again: bool = False,
    ) -> Job:
        """Recognize files and folders that the server has; see `recognize`.

        Parameters
        ----------
        paths : path or iterable of paths
            Under the folders that the server was started with.
        """
        named = [os.fspath(path) for path in _several(paths)]
        return self._recognize(json_body({"paths": named, "full": full, "again": again}), wait)

    def _recognize(self, body: Body, wait: float) -> Job:
        end = time.monotonic() + wait
        query = {"wait": min(wait, _MOST_WAIT)} if wait else {}
        job = Job.of(self._connection.json("POST", "/recognize", query=query, body=body))
        return job if job.has_ended else self._wait(job, end)

    def wait(self, job: Job | str, seconds: float = float("inf")) -> Job:
        """Wait for the end of a job, for some time."""
        return self._wait(self.job(job), time.monotonic() + seconds)

    def _wait(self, job: Job, end: float) -> Job:
        pause, most = _POLL_SECONDS
        while not job.has_ended and (left := end - time.monotonic()) > 0:
            time.sleep(min(pause, left))
            pause = min(2 * pause, most)
            job = Job.of(self._connection.json("GET", f"/jobs/{job.id}", query={"results": 0}))
        return self.job(job)

    def jobs(self, state: State | None = None, *, limit: int = 50, offset: int = 0) -> Page[Job]:
        """Return jobs, newest first, without their results."""
        query = {"state": state, "limit": limit, "offset": offset}
        found = self._connection.json("GET", "/jobs", query=query)
        return Page(tuple(map(Job.of, found["items"])), found["total"], found["offset"])

    def job(self, job: Job | str, *, results: int = 1000, offset: int = 0) -> Job:
        """Return a job with some of its results, at most 1,000 at once; `offset` skips earlier ones."""
        query = {"results": results, "offset": offset}
        return Job.of(self._connection.json("GET", f"/jobs/{_id(job)}", query=query))

    def results(self, job: Job | str) -> Iterator[Recognition]:
        """Yield all results that a job has, however many."""
        offset = 0
        while found := self.job(job, offset=offset).results:
            yield from found
            offset += len(found)

    def cancel(self, job: Job | str) -> Job:
        """Cancel a job; it may need a moment to stop."""
        return Job.of(self._connection.json("DELETE", f"/jobs/{_id(job)}"))

    def events(self, job: Job | str | None = None, *, after: str | None = None) -> Iterator[Event]:
        """Yield what happens to a job until it ends, or to all jobs without end.

        If the connection breaks, it is opened again and nothing is missed or repeated; `ProblemError` is
        raised only if that fails.

        Parameters
        ----------
        job : Job, str or None
            None means all jobs, which have no `result` events.
        after : str or None
            The id of an event: what came before it and the event itself are skipped.
        """
        path = "/events" if job is None else f"/jobs/{_id(job)}/events"
        last = after
        while True:
            came = False
            try:
                headers = {} if last is None else {"Last-Event-ID": last}
                for name, number, data in _parsed(self._connection.lines(path, headers=headers)):
                    last, came = number or last, True
                    if name in ("progress", "end"):
                        yield Event(name, number, job=Job.of(data))
                    elif name == "result":
                        yield Event(name, number, result=Recognition.of(data))
                    if name == "end" and job is not None:
                        return
            except ProblemError as error:
                if error.status or not came:
                    raise
            time.sleep(_RECONNECT_SECONDS)

    def tracks(self, *, limit: int = 100, offset: int = 0, **where: Unpack[TrackFilter]) -> Page[Track]:
        """Return tracks of the library."""
        query = {**where, "limit": limit, "offset": offset}
        return _tracks(self._connection.json("GET", "/tracks", query=query))

    def track(self, id: str) -> dict[str, Any]:
        """Return all that the library has about a track: ranked genres, timeline, tags."""
        return self._object("GET", f"/tracks/{id}")

    def similar(self, id: str, *, k: int = 10) -> Page[Track]:
        """Return the tracks of the library that sound like a track, most similar first."""
        return _tracks(self._connection.json("GET", f"/tracks/{id}/similar", query={"k": k}))

    def statistics(self) -> dict[str, Any]:
        """Return counts of the library: by genre, model and tags."""
        return self._object("GET", "/statistics")

    def plan_tags(
        self, *, ids: Iterable[str] = (), paths: Iterable[PathLike] = (), **options: Any
    ) -> TagPlan:
        """Return what `write_tags` would write.

        Parameters
        ----------
        ids, paths : iterable of str
            Tracks of the library, or files and folders of the server.
        **options
            Those of POST /tags/plan, such as `fields=["genre", "mood"]`, `min_confidence=0.6`.
        """
        given = {"ids": list(ids), "paths": [os.fspath(path) for path in paths]}
        request = {**{name: values for name, values in given.items() if values}, **options}
        found = self._post("/tags/plan", request)
        return TagPlan(found["plan_id"], tuple(map(TagRecord.of, found["items"])), request)

    def write_tags(self, plan: TagPlan) -> tuple[TagRecord, ...]:
        """Write what a plan says; the server must have been started with `--allow-write`."""
        found = self._post("/tags/write", plan.request, {"plan_id": plan.id})
        return tuple(map(TagRecord.of, found["items"]))

    def undo_tags(self, *, ids: Iterable[str] = (), changes: Iterable[int] = ()) -> tuple[TagRecord, ...]:
        """Undo writes of tags.

        Parameters
        ----------
        ids : iterable of str
            Tracks whose last write is undone, or
        changes : iterable of int
            numbers from GET /tags/history.
        """
        given = {"ids": list(ids), "changes": list(changes)}
        found = self._post("/tags/undo", {name: values for name, values in given.items() if values})
        return tuple(map(TagRecord.of, found["items"]))

    def preview_playlist(self, kind: str, **options: Any) -> Any:
        """Return what a playlist would contain; see `playlist`."""
        return self._post("/playlists/preview", {"kind": kind}, options)

    def playlist(self, kind: str, **options: Any) -> Any:
        """Write a playlist; the server must have been started with `--allow-write`.

        Parameters
        ----------
        kind : str
            `genre`, `mood`, `similar`, `path` or `tracks`.
        **options
            Such as `genres=["jazz"]`, `seeds=[ID]`, `length=30`, `max_per_artist=2`, `to="calm.m3u8"`.
        """
        return self._post("/playlists", {"kind": kind}, options)

    def _post(self, path: str, *parts: dict[str, Any]) -> Any:
        data = {name: value for part in parts for name, value in part.items()}
        return self._connection.json("POST", path, body=json_body(data))

    def _object(self, method: str, path: str) -> dict[str, Any]:
        found: dict[str, Any] = self._connection.json(method, path)
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _several(given: PathLike | Iterable[PathLike]) -> list[PathLike]:
    return [given] if isinstance(given, str | os.PathLike) else list(given)


def _id(job: Job | str) -> str:
    return job if isinstance(job, str) else job.id


def _tracks(found: dict[str, Any]) -> Page[Track]:
    items = tuple(map(Track.of, found["items"]))
    return Page(items, found.get("total", len(items)), found.get("offset", 0))


def _parsed(lines: Iterator[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, id and data of server-sent events."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if line and name:
            fields[name] = value.removeprefix(" ")
        elif not line and fields:
            yield fields.get("event", ""), fields.get("id", ""), json.loads(fields.get("data") or "{}")
            fields = {}
