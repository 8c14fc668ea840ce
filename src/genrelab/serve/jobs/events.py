"""Server-sent events about jobs.

An event is read from the queue when it is sent: nothing waits in memory for slow clients. The id of an event
is a position in the queue, so that a client that lost its connection, or whose server was started again,
continues after the last event that it has (`Last-Event-ID`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from starlette.responses import StreamingResponse

from genrelab.printing import json_text
from genrelab.serve.jobs.answers import job_of
from genrelab.serve.jobs.runner import Jobs
from genrelab.serve.jobs.store import ENDED, Row
from genrelab.serve.jobs.wakeups import Listener
from genrelab.serve.server import Server

HEARTBEAT_SECONDS = 10.0
_LOOK_SECONDS = 2.0  # how often to look for changes by another server
_GATHER_SECONDS = 0.2  # after a change: what follows it closely costs no look of its own
_MOST_AT_ONCE = 100
_Found = TypeVar("_Found")


class JobEvents:
    """The events of a server.

    Parameters
    ----------
    server : Server
    """

    def __init__(self, server: Server) -> None:
        self._server = server
        self._jobs = server.part(Jobs)

    async def of_job(self, name: str, after: int) -> AsyncIterator[str]:
        """Yield `progress` and `result` events of a job until its `end`.

        Parameters
        ----------
        name : str
            The id of the job.
        after : int
            How many results the client has.
        """
        store = self._jobs.store
        with self._jobs.wakeups.listener(name) as listener:
            shown = None
            silence = 0.0
            while True:
                row = await self._ask(self._jobs.get, name)
                while True:
                    found = await self._ask(store.results_after, row.number, after, _MOST_AT_ONCE)
                    for after, result in found:
                        yield _event("result", result, after)
                    if len(found) < _MOST_AT_ONCE:
                        break
                if row.state in ENDED:
                    yield _event("end", _shown(row), after)
                    return
                if _shown(row) != shown:
                    shown, silence = _shown(row), 0.0
                    yield _event("progress", shown, after)
                silence = await self._wait(listener, silence)
                if silence < 0:
                    return
                if silence == 0:
                    yield ": \n\n"

    async def of_all(self, after: int) -> AsyncIterator[str]:
        """Yield a `progress` or `end` event for each change of a job.

        Parameters
        ----------
        after : int
            The revision of the queue that the client has.
        """
        with self._jobs.wakeups.listener(None) as listener:
            silence = 0.0
            yield _event("ready", {}, after)
            while True:
                rows = await self._ask(self._jobs.store.changed_after, after, _MOST_AT_ONCE)
                for row in rows:
                    after = row.revision
                    yield _event("end" if row.state in ENDED else "progress", _shown(row), after)
                if rows:
                    silence = 0.0
                if len(rows) == _MOST_AT_ONCE:
                    continue
                silence = await self._wait(listener, silence)
                if silence < 0:
                    return
                if silence == 0:
                    yield ": \n\n"

    async def _wait(self, listener: Listener, silence: float) -> float:
        """Wait for a change; return for how long nothing was sent: 0 if it is time, below 0 at the end."""
        if self._jobs.wakeups.closed or self._server.ending.is_set():
            return -1.0
        await listener.wait(_LOOK_SECONDS)
        await anyio.sleep(_GATHER_SECONDS)
        silence += _LOOK_SECONDS
        return 0.0 if silence >= HEARTBEAT_SECONDS else silence

    async def _ask(self, read: Callable[..., _Found], *arguments: object) -> _Found:
        return await to_thread.run_sync(read, *arguments, limiter=self._server.threads)


def event_response(events: AsyncIterator[str]) -> StreamingResponse:
    """Return the response that sends events until the client leaves."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(events, media_type="text/event-stream", headers=headers)


def last_event(given: str | None) -> int | None:
    """Return the id of the last event that a client has; None if it has none, or says nonsense."""
    return int(given) if given and given.isascii() and given.isdigit() and len(given) < 19 else None


def _event(name: str, data: dict[str, Any], number: int) -> str:
    return f"id: {number}\nevent: {name}\ndata: {json_text(data)}\n\n"


def _shown(row: Row) -> dict[str, Any]:
    return job_of(row).model_dump()
