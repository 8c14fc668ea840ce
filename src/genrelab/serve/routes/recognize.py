"""Recognize uploaded files, and files and folders under the roots."""

from __future__ import annotations

import time
from typing import Any

import anyio
from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from genrelab.serve.endpoint import PREFIX, Body, Endpoint, Query, read_body, read_query
from genrelab.serve.jobs.answers import Job, job_of
from genrelab.serve.jobs.runner import Jobs
from genrelab.serve.jobs.store import ENDED, Lane, Row
from genrelab.serve.problem import RequestError
from genrelab.serve.server import Server
from genrelab.serve.uploads.multipart import receive_form

_MOST_WAIT = 60.0
_MOST_PATHS = 1000
_LOOK_SECONDS = 2.0  # how often to look for the end of a job that another server runs
_MULTIPART = "multipart/form-data"
_SWITCHES = {"true": True, "false": False, "1": True, "0": False}


class RecognizeQuery(Query):
    """How long to wait.

    Attributes
    ----------
    wait : float, in seconds
        For the end of the job; otherwise the job is returned as it is then.
    """

    wait: float = Field(0.0, ge=0.0, le=_MOST_WAIT)


class RecognizeBody(Body):
    """What to recognize.

    Attributes
    ----------
    paths : list of str
        Files, folders, playlists and CUE sheets under the roots.
    full : bool
        Whether to process whole files. Otherwise segments of long files are sampled.
    again : bool
        Whether to recognize known files again.
    """

    paths: list[str] = Field(min_length=1, max_length=_MOST_PATHS)
    full: bool = False
    again: bool = False


async def recognize(server: Server, request: Request) -> Response:
    """Queue a job and return it: with status 200 if it has ended, else 202."""
    query: RecognizeQuery = read_query(RecognizeQuery, request)
    if query.wait:
        server.part(Jobs).wakeups.check_room()  # before an upload
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == _MULTIPART:
        row = await _take_uploads(server, request)
    else:
        body = await read_body(RecognizeBody, request)
        row = await to_thread.run_sync(_queue_paths, server, body, limiter=server.threads)
    if query.wait:
        row = await _wait(server, request, row, query.wait)
    answer = await to_thread.run_sync(_answer, server, row, limiter=server.threads)
    place = f"{PREFIX}/jobs/{row.id}"
    status = 200 if row.state in ENDED else 202
    return Response(answer, status, {"Location": place}, media_type="application/json")


def _answer(server: Server, row: Row) -> str:
    return job_of(row, server.part(Jobs).store.results(row.number, limit=1000)).model_dump_json()


async def _take_uploads(server: Server, request: Request) -> Row:
    jobs = server.part(Jobs)
    fields = frozenset(("full", "again"))
    most = server.settings.most_upload
    form = await receive_form(request, jobs.temp, most_bytes=most, fields=fields, threads=server.threads)
    try:
        arguments: dict[str, Any] = {name: _switch(name, value) for name, value in form.values.items()}
        uploads = [{"file": each.made, "name": each.name} for each in form.uploads]
        arguments["uploads"] = uploads
        return await to_thread.run_sync(
            lambda: jobs.submit("recognize", arguments, lane="short", total=len(uploads), mine=True),
            limiter=server.threads,
        )
    except BaseException:
        for upload in form.uploads:
            jobs.temp.remove(upload.made)
        raise


def _switch(name: str, value: str) -> bool:
    if value.lower() not in _SWITCHES:
        raise RequestError(f"the field {name!r} must be true or false", code="upload-switch", status=422)
    return _SWITCHES[value.lower()]


def _queue_paths(server: Server, body: RecognizeBody) -> Row:
    paths = [server.roots.existing(text) for text in body.paths]
    lane: Lane = "long" if len(paths) > 1 or paths[0].is_dir() else "short"
    arguments = {**body.model_dump(), "paths": [str(path) for path in paths]}
    return server.part(Jobs).submit("recognize", arguments, lane=lane)


async def _wait(server: Server, request: Request, row: Row, seconds: float) -> Row:
    """Wait for the end of a job, for some time, or until the client leaves."""
    jobs, end = server.part(Jobs), time.monotonic() + seconds
    failure: RequestError | None = None
    with jobs.wakeups.listener(row.id) as listener:
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_gone, request, group.cancel_scope)
            try:
                while True:
                    row = await to_thread.run_sync(jobs.get, row.id, limiter=server.threads)
                    left = end - time.monotonic()
                    if row.state in ENDED or left <= 0 or server.ending.is_set():
                        break
                    await listener.wait(min(left, _LOOK_SECONDS))
            except RequestError as error:  # raised after the group, which would wrap it
                failure = error
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure
    return row


async def _cancel_when_gone(request: Request, scope: anyio.CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


ENDPOINTS = [
    Endpoint(
        "POST",
        "/recognize",
        recognize,
        "Recognize the genre of uploaded files, or of files and folders under the roots.",
        "recognition",
        answer=Job,
        query=RecognizeQuery,
        body=RecognizeBody,
        status=202,
        further=(200,),
        raw=True,
        consumes=(_MULTIPART, "application/json"),
        description=(
            "The status is 200 if the job has ended, otherwise 202, and `Location` names the job. With "
            "multipart/form-data, one or several fields `file` bring files, and `full` and `again` may be "
            "`true`. Uploads are removed when their job has ended, and are not stored in the library; if the "
            "library has a result for the same sound, it is used."
        ),
        example={"paths": ["album"], "full": False, "again": False},
    )
]
