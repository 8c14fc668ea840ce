"""Jobs: list, look at, follow and cancel them."""

from __future__ import annotations

from anyio import to_thread
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from genrelab.serve.endpoint import Call, Endpoint, Query, read_query
from genrelab.serve.jobs.answers import Job, JobList, job_of
from genrelab.serve.jobs.events import JobEvents, event_response, last_event
from genrelab.serve.jobs.runner import Jobs
from genrelab.serve.jobs.store import State
from genrelab.serve.server import Server


class JobListQuery(Query):
    """Which jobs to list.

    Attributes
    ----------
    state : {"queued", "running", "done", "failed", "cancelled"} or None
        None means all.
    limit, offset : int
    """

    state: State | None = None
    limit: int = Field(50, ge=0, le=500)
    offset: int = Field(0, ge=0, le=2**53)


class JobQuery(Query):
    """Which results of a job to return.

    Attributes
    ----------
    results : int
        How many.
    offset : int
        How many to leave out before.
    """

    results: int = Field(1000, ge=0, le=1000)
    offset: int = Field(0, ge=0, le=2**53)


class EventQuery(Query):
    """Where to begin, for clients that cannot send the header `Last-Event-ID`.

    Attributes
    ----------
    after : int or None
        The id of the last event that the client has.
    """

    after: int | None = Field(None, ge=0, le=2**53)


def list_jobs(call: Call) -> JobList:
    """Return jobs, newest first, without their results."""
    query: JobListQuery = call.query
    jobs = call.server.part(Jobs)
    rows, total = jobs.some(query.state, limit=query.limit, offset=query.offset)
    return JobList(items=[job_of(row) for row in rows], total=total, offset=query.offset)


def get_job(call: Call) -> Job:
    """Return a job with its results."""
    query: JobQuery = call.query
    jobs = call.server.part(Jobs)
    row = jobs.get(call.path["id"])
    return job_of(row, jobs.store.results(row.number, limit=query.results, offset=query.offset))


def cancel_job(call: Call) -> Job:
    """Cancel a job."""
    return job_of(call.server.part(Jobs).cancel(call.path["id"]))


async def follow_job(server: Server, request: Request) -> Response:
    """Send the events of a job."""
    query: EventQuery = read_query(EventQuery, request)
    jobs, name = server.part(Jobs), request.path_params["id"]
    await to_thread.run_sync(jobs.get, name, limiter=server.threads)
    jobs.wakeups.check_room()
    after = last_event(request.headers.get("last-event-id"))
    return event_response(JobEvents(server).of_job(name, query.after or 0 if after is None else after))


async def follow_all(server: Server, request: Request) -> Response:
    """Send the events of all jobs."""
    query: EventQuery = read_query(EventQuery, request)
    jobs = server.part(Jobs)
    jobs.wakeups.check_room()
    newest = await to_thread.run_sync(jobs.store.revision, limiter=server.threads)
    after = last_event(request.headers.get("last-event-id"))
    after = query.after if after is None else after
    return event_response(JobEvents(server).of_all(newest if after is None else min(after, newest)))


_EVENTS = (
    "The response has the media type text/event-stream. `progress` and `end` bring the job without its "
    "results, `result` brings one result. A connection that was lost continues after the event named by "
    "`Last-Event-ID`. Lines that begin with a colon only keep the connection open."
)

ENDPOINTS = [
    Endpoint(
        "GET", "/jobs", list_jobs, "List the jobs, newest first.", "jobs", answer=JobList, query=JobListQuery
    ),
    Endpoint(
        "GET", "/jobs/{id}", get_job, "Return a job with its results.", "jobs", answer=Job, query=JobQuery
    ),
    Endpoint(
        "DELETE",
        "/jobs/{id}",
        cancel_job,
        "Cancel a job.",
        "jobs",
        answer=Job,
        description="A job that runs stops after its current step. One that has ended stays as it is.",
    ),
    Endpoint(
        "GET",
        "/jobs/{id}/events",
        follow_job,
        "Follow a job.",
        "jobs",
        query=EventQuery,
        raw=True,
        media_type="text/event-stream",
        description=_EVENTS,
    ),
    Endpoint(
        "GET",
        "/events",
        follow_all,
        "Follow all jobs.",
        "jobs",
        query=EventQuery,
        raw=True,
        media_type="text/event-stream",
        description=f"{_EVENTS} There are no `result` events, and `ready` comes first.",
    ),
]
