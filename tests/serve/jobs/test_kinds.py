"""Jobs of other kinds: how they are run, and what becomes of their errors."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genrelab.errors import UsageError
from genrelab.serve.jobs import attach
from genrelab.serve.jobs.kinds import Progress, kinds, writing
from genrelab.serve.jobs.runner import Jobs
from genrelab.serve.jobs.store import ENDED, Row
from genrelab.serve.server import Server
from genrelab.serve.settings import ServeSettings


@pytest.fixture
def server(tmp_path: Path, tiny_model: Path) -> Iterator[Server]:
    server = Server(ServeSettings(library=tmp_path / "library.db", model=tiny_model))
    attach(server)
    server.start()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def few_kinds() -> Iterator[None]:
    known = dict(kinds)
    yield
    kinds.clear()
    kinds.update(known)
    writing.discard("count")


def run(server: Server, kind: str, arguments: dict[str, Any] | None = None) -> Row:
    jobs = server.part(Jobs)
    row = jobs.submit(kind, arguments or {})
    end = time.monotonic() + 20
    while row.state not in ENDED:
        assert time.monotonic() < end
        time.sleep(0.02)
        row = jobs.get(row.id)
    return row


def test_a_kind_counts_and_gives_results(server: Server) -> None:
    def count(_: Server, arguments: dict[str, Any], progress: Progress) -> None:
        progress.update(0, arguments["to"])
        for number in range(arguments["to"]):
            progress.add({"number": number})

    kinds["count"] = count
    row = run(server, "count", {"to": 3})
    assert (row.state, row.done, row.total) == ("done", 3, 3)
    results = server.part(Jobs).store.results(row.number, limit=10)
    assert [each["number"] for each in results] == [0, 1, 2]


def test_the_last_progress_is_stored(server: Server) -> None:
    def count(_: Server, arguments: dict[str, Any], progress: Progress) -> None:
        progress.update(0, 500)
        for number in range(500):
            progress.update(number + 1)

    kinds["count"] = count
    row = run(server, "count")
    assert (row.done, row.total) == (500, 500)


def test_the_queue_is_in_the_metrics(server: Server) -> None:
    kinds["count"] = lambda *_: None
    run(server, "count")
    assert 'genrelab_jobs{state="done"} 1' in server.metrics.text()


def test_errors_become_problems(server: Server, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Server, arguments: dict[str, Any], progress: Progress) -> None:
        if arguments:
            raise UsageError("no such thing", code="too-few-jobs")
        raise ZeroDivisionError("a secret")

    kinds["count"] = fail
    known = run(server, "count", {"a": 1})
    assert (known.state, known.problem and known.problem["code"]) == ("failed", "too-few-jobs")
    unknown = run(server, "count")
    assert (unknown.state, unknown.problem and unknown.problem["code"]) == ("failed", "job-defect")
    assert "secret" not in str(unknown.problem)
    assert "a secret" in caplog.text
    missing = run(server, "nothing")
    assert (missing.problem or {})["code"] == "job-kind-unknown"


def test_a_kind_that_writes_needs_permission(server: Server) -> None:
    ran = []
    kinds["count"] = lambda *_: ran.append(1)
    writing.add("count")
    assert (run(server, "count").problem or {})["code"] == "job-would-write"
    assert ran == []


def test_a_kind_is_cancelled(server: Server) -> None:
    def wait(_: Server, arguments: dict[str, Any], progress: Progress) -> None:
        progress.stop.wait(20)
        progress.check()

    kinds["count"] = wait
    jobs = server.part(Jobs)
    row = jobs.submit("count", {})
    while jobs.get(row.id).state != "running":
        time.sleep(0.01)
    jobs.cancel(row.id)
    while jobs.get(row.id).state == "running":
        time.sleep(0.01)
    assert jobs.get(row.id).state == "cancelled"


def test_a_second_server_leaves_the_jobs_of_the_first_alone(server: Server, tiny_model: Path) -> None:
    started: list[int] = []

    def wait(_: Server, arguments: dict[str, Any], progress: Progress) -> None:
        started.append(1)
        progress.stop.wait(20)
        progress.check()

    kinds["count"] = wait
    jobs = server.part(Jobs)
    row = jobs.submit("count", {})
    while not started:
        time.sleep(0.01)
    second = Server(ServeSettings(library=server.library.path, model=tiny_model))
    attach(second)
    second.start()
    time.sleep(3)  # it looks for jobs every two seconds
    assert second.part(Jobs).get(row.id).state == "running"
    second.part(Jobs).cancel(row.id)
    second.close()
    end = time.monotonic() + 30
    while jobs.get(row.id).state == "running":
        assert time.monotonic() < end
        time.sleep(0.05)
    assert jobs.get(row.id).state == "cancelled"
    assert started == [1]


def test_hostile_arguments_in_the_queue_harm_nothing(server: Server, tmp_path: Path) -> None:
    precious = tmp_path / "precious.mp3"
    precious.write_bytes(b"x")
    for arguments in (
        {"uploads": [{"file": str(precious), "name": "a"}]},
        {"uploads": [{"file": "../../precious.mp3", "name": "a"}]},
        {"uploads": "x"},
        {"uploads": [1, None]},
        {"paths": ["/etc"]},
        {"paths": 7},
        {"paths": []},
        {},
    ):
        row = run(server, "recognize", arguments)
        assert row.state == "failed", arguments
        assert row.problem
        assert row.problem["code"] != "job-defect", arguments
    assert precious.exists()


def test_a_read_only_library_needs_no_file_beside_it(tmp_path: Path, tiny_model: Path) -> None:
    folder = tmp_path / "library"
    folder.mkdir()
    Server(ServeSettings(library=folder / "library.db", model=tiny_model)).close()
    before = sorted(folder.iterdir())
    settings = ServeSettings(library=folder / "library.db", model=tiny_model)
    server = Server(settings)
    server.library.database.writable = False  # root may write anywhere
    attach(server)
    server.start()
    assert server.part(Jobs).store.path.parent == server.part(Jobs).temp.path
    server.close()
    assert [path for path in sorted(folder.iterdir()) if "jobs" in path.name] == []
    assert before
