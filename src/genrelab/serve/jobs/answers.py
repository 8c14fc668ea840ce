"""Jobs as responses show them."""

from __future__ import annotations

import datetime
from typing import Any

from pydantic import Field, ValidationError

from genrelab.serve.endpoint import Answer
from genrelab.serve.jobs.store import Row, State
from genrelab.serve.problem import Problem


class Job(Answer):
    """A job.

    Attributes
    ----------
    id : str
    kind : str
        Such as `recognize`.
    state : {"queued", "running", "done", "failed", "cancelled"}
    done : int
        Number of results so far.
    total : int or None
        How many there will be; None while this is unknown.
    created, started, ended : str or None
        ISO 8601, UTC.
    results : list
        Objects as `genrelab recognize --format json` prints them, with all genres, in the order of the files.
        `id` is the id of the track in the library, or None. Where it is given, `timeline` is None, and
        GET /tracks/{id} has it. Empty in lists and events.
    problem : Problem or None
        Why it failed.
    """

    id: str
    kind: str
    state: State
    done: int
    total: int | None = None
    created: str
    started: str | None = None
    ended: str | None = None
    results: list[dict[str, Any]] = Field(default_factory=list)
    problem: Problem | None = None


class JobList(Answer):
    """Some of the jobs, newest first.

    Attributes
    ----------
    items : list of Job
        Without their results.
    total : int
        How many there are.
    offset : int
        How many precede these.
    """

    items: list[Job]
    total: int
    offset: int


def job_of(row: Row, results: list[dict[str, Any]] | None = None) -> Job:
    """Return a job with some of its results."""
    return Job(
        id=row.id,
        kind=row.kind,
        state=row.state,
        done=row.done,
        total=row.total,
        created=_time(row.created) or "",
        started=_time(row.started),
        ended=_time(row.ended),
        results=results or [],
        problem=_problem(row.problem),
    )


def _problem(stored: dict[str, Any] | None) -> Problem | None:
    try:
        return None if stored is None else Problem.model_validate(stored)
    except ValidationError:  # the file of the queue is untrusted
        return Problem(title="the job failed", status=500, code="job-failed")


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    moment = datetime.datetime.fromtimestamp(milliseconds / 1000, datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
