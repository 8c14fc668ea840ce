"""The queue of jobs: what is to be done, who does it, and what came of it."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from genrelab.serve.jobs.database import QueueDatabase
from genrelab.serve.problem import RequestError

State = Literal["queued", "running", "done", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
ENDED: tuple[State, ...] = ("done", "failed", "cancelled")
Lane = Literal["short", "long"]

LEASE_SECONDS = 30.0
"""How long a job stays with a server that does not renew its claim."""

MOST_QUEUED = 1000
MOST_ENDED = 1000
"""How many ended jobs are kept; older ones are removed."""

MOST_RESULTS = 200_000
"""How many results of ended jobs are kept, approximately."""

MOST_DAYS = 30
MOST_ATTEMPTS = 50
"""How often a job is tried without a new result, in case it is what ends the server."""

_LONGEST_RESULT = 2**24  # bytes
_COLUMNS = "number, id, kind, arguments, state, stop, done, total, created, started, ended, problem, revision"
_NEXT = "(SELECT coalesce(max(revision), 0) + 1 FROM jobs)"


@dataclass(frozen=True, slots=True)
class Row:
    """A job as the queue stores it. Times are milliseconds since 1970."""

    number: int
    id: str
    kind: str
    arguments: dict[str, Any]
    state: State
    stop: bool
    done: int
    total: int | None
    created: int
    started: int | None
    ended: int | None
    problem: dict[str, Any] | None
    revision: int


class LostError(Exception):
    """The job now belongs to another server, or was removed."""


class JobStore:
    """The queue. Several threads and servers may use it.

    Parameters
    ----------
    path : Path
        The file, created if missing.

    Attributes
    ----------
    me : str
        Distinguishes this server from others with the same queue.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.me = secrets.token_hex(8)
        self._database = QueueDatabase(path)

    def add(
        self,
        kind: str,
        lane: Lane,
        arguments: dict[str, Any],
        *,
        total: int | None = None,
        mine: bool = False,
    ) -> Row:
        """Append a job.

        Parameters
        ----------
        kind : str
        lane : {"short", "long"}
            Jobs of one lane do not wait for those of the other.
        arguments : dict
            JSON.
        total : int or None
            How much there is to do, if known.
        mine : bool
            Whether only this server may run it while it lives, since it has the files.

        Raises
        ------
        RequestError
            If too many jobs wait, or the disk is full.
        """
        text = json.dumps(arguments)
        owner = (self.me, _now() + _lease()) if mine else (None, None)
        with self._database.transaction():
            waiting = self._database.rows("SELECT count(*) FROM jobs WHERE state = 'queued'")[0][0]
            if waiting >= MOST_QUEUED:
                raise RequestError(
                    f"{waiting} jobs are waiting; no more are accepted",
                    code="queue-full",
                    status=503,
                    remedy="try again when some are done, or cancel some",
                )
            rows = self._database.rows(
                "INSERT INTO jobs (id, kind, lane, arguments, state, total, created, owner, lease, revision) "
                f"VALUES (?, ?, ?, ?, 'queued', ?, ?, ?, ?, {_NEXT}) RETURNING {_COLUMNS}",
                (secrets.token_hex(8), kind, lane, text, total, _now(), *owner),
            )
        return _row(rows[0])

    def claim(self, lane: Lane) -> Row | None:
        """Claim the oldest job that nobody runs; one statement, so that no two servers get the same.

        A running job whose lease has ended was left by a killed server.
        """
        now = _now()
        found = (
            "SELECT number FROM jobs WHERE lane = ? AND ("
            "(state = 'queued' AND (owner IS NULL OR owner = ? OR lease < ?)) OR "
            "(state = 'running' AND owner IS NOT ? AND lease < ?)) ORDER BY number LIMIT 1"
        )
        free = (lane, self.me, now, self.me, now)
        if not self._database.rows(found, free):  # waits for no writer
            return None
        rows = self._database.rows(
            "UPDATE jobs SET state = 'running', owner = ?, lease = ?, attempts = attempts + 1, "
            f"started = coalesce(started, ?), revision = {_NEXT} WHERE number = ({found}) "
            f"RETURNING {_COLUMNS}, attempts",
            (self.me, now + _lease(), now, *free),
        )
        if not rows:
            return None
        row = _row(rows[0][:-1])
        if row.stop:  # cancelled while the server that ran it was dead
            self.end(row.number, "cancelled")
            return self.claim(lane)
        if rows[0][-1] > MOST_ATTEMPTS:
            message = f"the server ended {MOST_ATTEMPTS} times while it ran this job"
            self.end(row.number, "failed", {"title": message, "status": 500, "code": "job-ends-server"})
            return self.claim(lane)
        return row

    def renew(self) -> list[int]:
        """Extend the leases of this server; return the numbers of its jobs that someone cancelled."""
        rows = self._database.rows(
            "UPDATE jobs SET lease = ? WHERE owner = ? AND state IN ('queued', 'running') "
            "RETURNING number, stop",
            (_now() + _lease(), self.me),
        )
        return [number for number, stop in rows if stop]

    def free_all(self) -> None:
        """Give the jobs of all servers back to the queue; for when no other server runs."""
        owned = "state IN ('queued', 'running') AND owner IS NOT NULL"
        free = f"state = 'queued', owner = NULL, lease = NULL, revision = {_NEXT}"
        self._change_each(owned, (), free, ())

    def _change_each(
        self, where: str, values: tuple[object, ...], change: str, new: tuple[object, ...]
    ) -> None:
        """Change jobs one by one, so that each has a revision of its own."""
        with self._database.transaction():
            for (number,) in self._database.rows(f"SELECT number FROM jobs WHERE {where}", values):
                self._database.rows(f"UPDATE jobs SET {change} WHERE number = ?", (*new, number))

    def give_back(self, number: int) -> None:
        """Give a job of this server back to the queue."""
        self._database.rows(
            f"UPDATE jobs SET state = 'queued', owner = NULL, lease = NULL, attempts = 0, revision = {_NEXT} "
            "WHERE number = ? AND owner = ? AND state = 'running'",
            (number, self.me),
        )

    def end(self, number: int, state: State, problem: dict[str, Any] | None = None) -> None:
        """End a job of this server; without effect if it is no longer this server's."""
        self._database.rows(
            "UPDATE jobs SET state = ?, problem = ?, ended = ?, owner = NULL, lease = NULL, "
            f"total = CASE WHEN ? = 'done' THEN max(done, coalesce(total, 0)) ELSE total END, "
            f"revision = {_NEXT} WHERE number = ? AND owner = ? AND state = 'running'",
            (state, None if problem is None else json.dumps(problem), _now(), state, number, self.me),
        )

    def end_waiting(self, problem: dict[str, Any]) -> None:
        """Fail the jobs that wait for this server alone."""
        failed = f"state = 'failed', problem = ?, ended = ?, owner = NULL, lease = NULL, revision = {_NEXT}"
        waiting = "owner = ? AND state = 'queued'"
        self._change_each(waiting, (self.me,), failed, (json.dumps(problem), _now()))

    def counts(self) -> dict[State, int]:
        """Return how many jobs are in each state."""
        found = dict(self._database.rows("SELECT state, count(*) FROM jobs GROUP BY state"))
        return {state: found.get(state, 0) for state in STATES}

    def cancel(self, name: str) -> Row:
        """Cancel a job: at once if nobody runs it, otherwise its server stops it.

        Raises
        ------
        RequestError
            If there is no such job.
        """
        now = _now()
        self._database.rows(
            "UPDATE jobs SET stop = 1, "
            "ended = CASE WHEN state = 'queued' OR lease < ? THEN ? ELSE ended END, "
            "state = CASE WHEN state = 'queued' OR lease < ? THEN 'cancelled' ELSE state END, "
            f"revision = {_NEXT} WHERE id = ? AND state IN ('queued', 'running')",
            (now, now, now, name),
        )
        return self.get(name)

    def progress(self, number: int, done: int | None, total: int | None) -> None:
        """Store how much is done; None leaves a value as it is.

        Raises
        ------
        LostError
            If the job is no longer this server's.
        """
        rows = self._database.rows(
            "UPDATE jobs SET done = coalesce(?, done), total = coalesce(?, total), "
            f"revision = {_NEXT} WHERE number = ? AND owner = ? AND state = 'running' RETURNING number",
            (done, total, number, self.me),
        )
        if not rows:
            raise LostError

    def add_result(self, number: int, item: int, key: bytes, result: dict[str, Any]) -> None:
        """Store a result and count it; without effect if there is one with this key.

        Raises
        ------
        LostError
            If the job is no longer this server's.
        """
        content = zlib.compress(json.dumps(result, separators=(",", ":")).encode(), 1)
        try:
            with self._database.transaction():
                rows = self._database.rows(
                    f"UPDATE jobs SET done = done + 1, attempts = 0, revision = {_NEXT} "
                    "WHERE number = ? AND owner = ? AND state = 'running' RETURNING done",
                    (number, self.me),
                )
                if not rows:
                    raise LostError
                self._database.rows(
                    "INSERT INTO results (job, position, item, key, content) VALUES (?, ?, ?, ?, ?)",
                    (number, rows[0][0], item, key, content),
                )
        except sqlite3.IntegrityError:
            return

    def keys(self, number: int) -> set[bytes]:
        """Return the keys of the results of a job."""
        return {key for (key,) in self._database.rows("SELECT key FROM results WHERE job = ?", (number,))}

    def get(self, name: str) -> Row:
        """Return a job.

        Raises
        ------
        RequestError
            If there is none with this id.
        """
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (name,))
        if not rows:
            message = "there is no such job, or it ended long ago"
            raise RequestError(message, code="job-unknown", status=404, remedy="GET /api/v1/jobs lists them")
        return _row(rows[0])

    def results(self, number: int, *, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        """Return results of a job, in the order of its files."""
        rows = self._database.rows(
            "SELECT content FROM results WHERE job = ? ORDER BY item, position LIMIT ? OFFSET ?",
            (number, limit, offset),
        )
        return [found for (content,) in rows if (found := _content(content)) is not None]

    def results_after(self, number: int, position: int, limit: int) -> list[tuple[int, dict[str, Any]]]:
        """Return later results of a job with their positions, in the order in which they were found."""
        rows = self._database.rows(
            "SELECT position, content FROM results WHERE job = ? AND position > ? ORDER BY position LIMIT ?",
            (number, position, limit),
        )
        return [(place, found) for place, content in rows if (found := _content(content)) is not None]

    def some(self, state: State | None, *, limit: int, offset: int) -> tuple[list[Row], int]:
        """Return some jobs, newest first, and how many there are."""
        where, values = ("1", ()) if state is None else ("state = ?", (state,))
        total = self._database.rows(f"SELECT count(*) FROM jobs WHERE {where}", values)[0][0]
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM jobs WHERE {where} ORDER BY number DESC LIMIT ? OFFSET ?",
            (*values, limit, offset),
        )
        return [_row(row) for row in rows], total

    def changed_after(self, revision: int, limit: int) -> list[Row]:
        """Return the jobs that changed after a revision of the queue, in the order of their last change."""
        rows = self._database.rows(
            f"SELECT {_COLUMNS} FROM jobs WHERE revision > ? ORDER BY revision LIMIT ?", (revision, limit)
        )
        return [_row(row) for row in rows]

    def revision(self) -> int:
        """Return the revision of the queue."""
        return int(self._database.rows("SELECT coalesce(max(revision), 0) FROM jobs")[0][0])

    def unfinished(self) -> list[Row]:
        """Return the jobs that are queued or running."""
        rows = self._database.rows(f"SELECT {_COLUMNS} FROM jobs WHERE state IN ('queued', 'running')")
        return [_row(row) for row in rows]

    def prune(self) -> None:
        """Remove the oldest ended jobs, beyond a number of jobs, of results, and of days."""
        ended = self._database.rows(
            "SELECT number, done, ended FROM jobs WHERE state IN ('done', 'failed', 'cancelled') "
            "ORDER BY ended DESC, number DESC"
        )
        oldest, results, old = _now() - MOST_DAYS * 86_400_000, 0, []
        for place, (number, done, when) in enumerate(ended):
            results += done
            if place and (place >= MOST_ENDED or results > MOST_RESULTS or when < oldest):
                old.append(number)
        self._remove(old)

    def _remove(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            with self._database.transaction():
                self._database.rows("DELETE FROM results WHERE job = ?", (number,))
                self._database.rows("DELETE FROM jobs WHERE number = ?", (number,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def _now() -> int:
    return time.time_ns() // 1_000_000


def _lease() -> int:
    return round(LEASE_SECONDS * 1000)


def _row(values: tuple[Any, ...]) -> Row:
    """Return a row of the table; the file is untrusted, so what is not as it should be becomes empty."""
    known: dict[str, Any] = dict(zip(_COLUMNS.split(", "), values, strict=True))
    known["arguments"] = _object(known["arguments"]) or {}
    known["problem"] = _object(known["problem"])
    known["stop"] = bool(known["stop"])
    return Row(**known)


def _object(text: str | None) -> dict[str, Any] | None:
    try:
        found = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _content(content: bytes) -> dict[str, Any] | None:
    try:
        text = zlib.decompressobj().decompress(content, _LONGEST_RESULT)
    except zlib.error:
        return None
    return _object(text.decode("utf-8", "replace"))
