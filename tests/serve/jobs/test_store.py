"""The queue: claimed once, taken up once, kept bounded, and untrusted."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from raising import raises

from genrelab.serve.jobs import store as store_module
from genrelab.serve.jobs.store import JobStore, LostError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "library.jobs.db"


def opened(path: Path) -> JobStore:
    return JobStore(path)


def test_each_job_is_claimed_once_by_many_servers_and_threads(path: Path) -> None:
    stores = [opened(path) for _ in range(3)]
    ids = [stores[0].add("recognize", "short", {"n": n}).id for n in range(60)]
    claimed: Counter[str] = Counter()
    start = threading.Barrier(6)

    def claim(store: JobStore) -> None:
        start.wait()
        while (row := store.claim("short")) is not None:
            claimed[row.id] += 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(claim, stores * 2))
    assert claimed == Counter(ids)


def test_jobs_come_in_their_order_by_lane(path: Path) -> None:
    store = opened(path)
    first, long, second = (store.add("k", lane, {}) for lane in ("short", "long", "short"))  # type: ignore[arg-type]
    claims = [store.claim(lane) for lane in ("short", "short", "short", "long")]  # type: ignore[arg-type]
    assert [each and each.id for each in claims] == [first.id, second.id, None, long.id]


def test_the_job_of_a_killed_server_is_taken_up_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dead, first, second = (opened(path) for _ in range(3))
    job = dead.add("recognize", "long", {})
    monkeypatch.setattr(store_module, "LEASE_SECONDS", -1.0)  # what the killed server claims runs out at once
    claimed = dead.claim("long")
    assert claimed is not None
    dead.add_result(job.number, 1, b"a", {"n": 1})
    monkeypatch.undo()
    assert dead.claim("long") is None  # not by the server that has it
    taken = [each.claim("long") for each in (first, second)]
    assert [row and row.id for row in taken] == [job.id, None]
    assert first.keys(job.number) == {b"a"}
    with pytest.raises(LostError):
        dead.add_result(job.number, 2, b"b", {"n": 2})
    dead.end(job.number, "failed")
    assert first.get(job.id).state == "running"
    first.add_result(job.number, 2, b"b", {"n": 2})
    first.end(job.number, "done")
    assert [each["n"] for each in first.results(job.number, limit=10)] == [1, 2]
    assert (first.get(job.id).done, first.get(job.id).total) == (2, 2)


def test_a_renewed_claim_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alive, other = opened(path), opened(path)
    monkeypatch.setattr(store_module, "LEASE_SECONDS", -1.0)
    alive.add("k", "long", {})
    assert alive.claim("long")
    monkeypatch.undo()
    assert alive.renew() == []
    assert other.claim("long") is None


def test_uploads_wait_for_the_server_that_has_them(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, other = opened(path), opened(path)
    job = here.add("k", "short", {}, mine=True)
    assert other.claim("short") is None
    monkeypatch.setattr(store_module, "LEASE_SECONDS", -1.0)
    here.renew()
    monkeypatch.undo()
    taken = other.claim("short")
    assert taken is not None
    assert taken.id == job.id


def test_a_result_with_a_known_key_is_ignored(path: Path) -> None:
    store = opened(path)
    job = store.add("k", "long", {})
    store.claim("long")
    for number in (1, 2, 1):
        store.add_result(job.number, number, b"%d" % number, {"n": number})
    assert store.get(job.id).done == 2
    assert [each["n"] for each in store.results(job.number, limit=10)] == [1, 2]
    assert [place for place, _ in store.results_after(job.number, 1, 10)] == [2]


def test_results_are_in_the_order_of_the_files(path: Path) -> None:
    store = opened(path)
    job = store.add("k", "long", {})
    store.claim("long")
    for number in (3, 1, 2):
        store.add_result(job.number, number, b"%d" % number, {"n": number})
    assert [each["n"] for each in store.results(job.number, limit=10)] == [1, 2, 3]
    assert [each["n"] for _, each in store.results_after(job.number, 0, 10)] == [3, 1, 2]
    assert [each["n"] for each in store.results(job.number, limit=1, offset=1)] == [2]


def test_cancelling(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, other = opened(path), opened(path)
    waiting = here.add("k", "long", {})
    assert other.cancel(waiting.id).state == "cancelled"
    running = here.add("k", "long", {})
    here.claim("long")
    assert other.cancel(running.id).state == "running"
    assert here.renew() == [running.number]
    here.end(running.number, "done")
    assert other.cancel(running.id).state == "done"
    monkeypatch.setattr(store_module, "LEASE_SECONDS", -1.0)
    dead = here.add("k", "long", {})
    here.claim("long")
    assert other.cancel(dead.id).state == "cancelled"
    with raises("job-unknown"):
        here.cancel("nothing")


def test_a_job_that_ends_every_server_is_given_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MOST_ATTEMPTS", 3)
    first = opened(path)
    job = first.add("k", "long", {})
    for _ in range(3):
        assert opened(path).claim("long")
        first.free_all()
    assert first.claim("long") is None
    problem = first.get(job.id).problem
    assert problem
    assert problem["code"] == "job-ends-server"


def test_attempts_with_results_are_not_counted(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MOST_ATTEMPTS", 2)
    store = opened(path)
    job = store.add("k", "long", {})
    for number in range(8):
        assert store.claim("long")
        store.add_result(job.number, number, b"%d" % number, {})
        store.free_all()
    assert store.claim("long")


def test_what_is_kept_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MOST_ENDED", 3)
    store = opened(path)
    waiting = store.add("k", "long", {})
    ended = []
    for number in range(6):
        ended.append(store.add("k", "short", {}).id)
        row = store.claim("short")
        assert row
        store.add_result(row.number, 1, b"a", {"n": number})
        store.end(row.number, "done")
    store.prune()
    rows, total = store.some(None, limit=10, offset=0)
    assert [row.id for row in rows] == [*ended[:2:-1], waiting.id]
    assert total == 4
    with sqlite3.connect(path) as queue:
        assert queue.execute("SELECT count(*) FROM results").fetchone() == (3,)
    monkeypatch.setattr(store_module, "MOST_RESULTS", 2)
    store.prune()
    assert store.some("done", limit=10, offset=0)[1] == 2
    monkeypatch.setattr(store_module, "MOST_DAYS", -1)
    store.prune()
    assert [row.id for row in store.some("done", limit=10, offset=0)[0]] == [ended[-1]]  # the newest stays


def test_too_many_waiting_jobs_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "MOST_QUEUED", 2)
    store = opened(path)
    for _ in range(2):
        store.add("k", "long", {})
    with raises("queue-full"):
        store.add("k", "long", {})


def test_every_change_has_a_revision_of_its_own(path: Path) -> None:
    store = opened(path)
    for _ in range(5):
        store.add("k", "short", {}, mine=True)
    store.free_all()
    changed = store.changed_after(0, 100)
    assert len({row.revision for row in changed}) == 5
    assert store.changed_after(changed[2].revision, 100) == changed[3:]


@pytest.mark.parametrize(
    "change",
    [
        "PRAGMA application_id = 1",
        "PRAGMA user_version = 99",
        "CREATE VIEW v AS SELECT 1",
        "CREATE TRIGGER t AFTER INSERT ON jobs BEGIN DELETE FROM jobs; END",
        "DROP TABLE results",
        "ALTER TABLE jobs ADD COLUMN more TEXT",
    ],
)
def test_a_file_that_is_no_queue_is_refused(path: Path, change: str) -> None:
    opened(path).close()
    with sqlite3.connect(path) as queue:
        queue.execute(change)
    with raises("jobs-damaged", path):
        opened(path)


def test_garbage_is_refused(path: Path) -> None:
    path.write_bytes(b"garbage" * 1000)
    with raises("jobs-damaged", path):
        opened(path)


def test_hostile_contents_are_harmless(path: Path) -> None:
    store = opened(path)
    job = store.add("k", "long", {})
    store.claim("long")
    store.add_result(job.number, 1, b"a", {"n": 1})
    deep = "[" * 100_000
    with sqlite3.connect(path) as queue:
        queue.execute("UPDATE jobs SET arguments = ?, problem = '[1]'", (deep,))
        values = [(job.number, 2, b"b", b"not zlib"), (job.number, 3, b"c", b"")]
        queue.executemany("INSERT INTO results VALUES (?, ?, 5, ?, ?)", values)
    assert store.get(job.id).arguments == {}
    assert store.get(job.id).problem is None
    assert [each["n"] for each in store.results(job.number, limit=10)] == [1]
