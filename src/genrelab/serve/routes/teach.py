"""Teach a model with the user's genres."""

from __future__ import annotations

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from genrelab.serve.curate.teach_request import TeachBody
from genrelab.serve.curate.teaching import check_teaching
from genrelab.serve.endpoint import PREFIX, Endpoint, read_body
from genrelab.serve.jobs.answers import Job, job_of
from genrelab.serve.jobs.runner import Jobs
from genrelab.serve.jobs.store import Row
from genrelab.serve.server import Server


async def teach(server: Server, request: Request) -> Response:
    """Queue a job that teaches a model, and return it."""
    body = await read_body(TeachBody, request)
    row = await to_thread.run_sync(_queue, server, body, limiter=server.threads)
    headers = {"Location": f"{PREFIX}/jobs/{row.id}"}
    return Response(job_of(row).model_dump_json(), 202, headers, media_type="application/json")


def _queue(server: Server, body: TeachBody) -> Row:
    check_teaching(server, body)
    return server.part(Jobs).submit("teach", body.model_dump(by_alias=True))


ENDPOINTS = [
    Endpoint(
        "POST",
        "/teach",
        teach,
        "Teach a model with the user's genres, as a job.",
        "review",
        answer=Job,
        body=TeachBody,
        status=202,
        writes=True,
        raw=True,
        description=(
            "The job has one result with `model`, the figures and what was left out. Files that the library "
            "does not know are recognized first."
        ),
        example={"from": "corrections", "to": "mine.onnx"},
    ),
]
