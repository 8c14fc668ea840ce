"""Recognition through a real server: uploads, paths, waiting, events, cancelling."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile
from raising import raises
from serving import Running, genre_of, server, write_songs
from tiny_onnx import RATE, tone

from genrelab.client import Job, ProblemError
from genrelab.library.store.library import Library
from genrelab.serve.track_id import decode

GENRES = {"low", "middle", "high"}


def ended(running: Running, job: Job, seconds: float = 60.0) -> Job:
    return running.client.wait(job, seconds)


def test_uploads_are_recognized_in_their_order_and_leave_nothing(running: Running, songs: list[Path]) -> None:
    job = running.client.recognize(songs, wait=60)
    assert (job.state, job.done, job.total, job.problem) == ("done", 6, 6, None)
    assert [result.path for result in job.results] == [song.name for song in songs]
    assert [result.genre for result in job.results] == [genre_of(song.name) for song in songs]
    assert {result.id for result in job.results} == {None}
    assert all(len(result.data["timeline"]) == 3 for result in job.results)
    assert running.uploads() == []
    with Library(running.library) as library:
        assert not any(str(running.temp) in str(record.path) for record in library.tracks.all())


def test_a_folder_is_recognized_into_the_library(running: Running, songs: list[Path]) -> None:
    job = running.client.recognize_on_server(".", wait=60)
    assert (job.state, job.done, job.total) == ("done", 6, 6)
    assert [result.path for result in job.results] == [str(song) for song in sorted(songs)]
    assert [decode(result.id or "") for result in job.results] == [os.fsencode(s) for s in sorted(songs)]
    with Library(running.library) as library:
        assert len(list(library.tracks.all())) == 6


def test_an_upload_of_known_sound_takes_the_answer_of_the_library_and_changes_nothing_there(
    running: Running, songs: list[Path], tmp_path: Path
) -> None:
    running.client.recognize_on_server(".", wait=60)
    with Library(running.library) as library:
        library.database.execute(
            "UPDATE tracks SET confidence = 0.25 WHERE path = ?", (os.fsencode(songs[0]),)
        )
        before = library.database.rows("SELECT * FROM tracks ORDER BY id")
    copy = tmp_path / "copy.mp3"
    copy.write_bytes(songs[0].read_bytes())
    assert running.client.recognize(copy, wait=60).results[0].confidence == 0.25
    assert running.client.recognize(copy, again=True, wait=60).results[0].confidence != 0.25
    with Library(running.library) as library:
        assert library.database.rows("SELECT * FROM tracks ORDER BY id") == before


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\music\\song.mp3", "song.mp3"),
        ("a\x1b[31m\u202eb.mp3", "a\\x1b[31m\\u202eb.mp3"),
        ("<script>.mp3", "<script>.mp3"),
        ("/", "upload"),
        ("n" * 1000 + ".mp3", "n" * 180 + "..." + "n" * 6 + ".mp3"),
    ],
)
def test_the_name_of_an_upload_is_for_display_only(running: Running, given: str, shown: str) -> None:
    answer = post_form(running, [("file", given, b"no sound")])
    assert answer["results"][0]["path"] == shown
    assert shown in answer["results"][0]["error"]
    assert str(running.temp) not in str(answer)
    assert running.uploads() == []


def test_what_is_no_sound_is_an_error_of_its_file_alone(running: Running, songs: list[Path]) -> None:
    answer = post_form(
        running, [("file", "bad.mp3", b"\xff\xfb" * 50), ("file", "good", songs[0].read_bytes())]
    )
    assert answer["state"] == "done"
    assert [result["genre"] for result in answer["results"]] == [None, "low"]


def test_full_processes_the_whole_file(running: Running, tmp_path: Path) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, np.tile(tone(200.0, 1.0), 120), RATE)
    sampled, whole = (running.client.recognize(long, full=full, wait=60).results[0] for full in (False, True))
    assert (sampled.data["full"], whole.data["full"]) == (False, True)
    assert len(whole.data["timeline"]) == 120


def post_form(
    running: Running, parts: list[tuple[str, str | None, bytes]], *, boundary: str = "b", end: str = "--"
) -> dict:
    """Send a form by hand, wait, and return the JSON of the response."""
    body = b""
    for name, filename, content in parts:
        named = "" if filename is None else f'; filename="{filename}"'
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'.encode()
        body += content + b"\r\n"
    body += f"--{boundary}{end}\r\n".encode()
    return post(running, body, f"multipart/form-data; boundary={boundary}")


def post(running: Running, body: bytes, kind: str, path: str = "/api/v1/recognize?wait=60") -> dict:
    import json

    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=90)
    connection.request("POST", path, body, {"Content-Type": kind})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    return answer


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([], "upload-missing"),
        ([("full", None, b"true")], "upload-missing"),
        ([("file", None, b"a")], "upload-field"),
        ([("other", "a", b"a")], "upload-field"),
        ([("full", None, b"true")] * 2, "upload-field"),
        ([("full", None, b"perhaps"), ("file", "a", b"a")], "upload-switch"),
        ([("full", None, b"x" * 17), ("file", "a", b"a")], "upload-field-long"),
        ([("file", "a", b"a")] * 101, "upload-too-many"),
        ([("file", "a", bytes(1_500_000)), ("file", "b", bytes(600_000))], "upload-too-large"),
    ],
)
def test_a_form_that_is_refused_leaves_nothing(
    running: Running, parts: list[tuple[str, str | None, bytes]], code: str
) -> None:
    assert post_form(running, parts)["code"] == code
    assert running.uploads() == []


def test_a_damaged_form_leaves_nothing(running: Running) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nabc'
    for kind in ("multipart/form-data", "multipart/form-data; boundary=" + 71 * "b"):
        assert post(running, part, kind)["code"] == "upload-damaged"
    for body in (part, part + b"\r\n--b\r\n", b"--c\r\n", b"--b\r\nno colon\r\n\r\n"):
        assert post(running, body, "multipart/form-data; boundary=b")["code"] == "upload-damaged"
    long_header = b"--b\r\nX: " + b"x" * 5000 + b"\r\n\r\n"
    assert post(running, long_header, "multipart/form-data; boundary=b")["code"] == "upload-damaged"
    assert running.uploads() == []


def test_an_upload_that_breaks_off_leaves_nothing(running: Running) -> None:
    host, port = urlsplit(running.url).hostname, urlsplit(running.url).port
    before = running.client.jobs().total
    with socket.create_connection((host, port)) as connection:
        head = "POST /api/v1/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1900000\r\n"
        head += "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        part = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp3"\r\n\r\n'
        connection.sendall((head + part).encode() + bytes(1_400_000))
        wait_until(running.uploads)
    wait_until(lambda: not running.uploads())
    assert running.client.jobs().total == before


def wait_until(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_paths_outside_the_roots_and_missing_ones_are_refused(running: Running) -> None:
    with raises("outside-roots"):
        running.client.recognize_on_server("/etc")
    with raises("path-missing", "nothing.mp3") as caught:
        running.client.recognize_on_server(["nothing.mp3"])
    assert isinstance(caught.value, ProblemError)
    assert (caught.value.status, caught.value.remedy) == (404, "check the path")
    with raises("request-invalid"):
        running.client.recognize_on_server([])


@pytest.mark.slow
def test_links_and_playlists_do_not_lead_out_of_the_roots(tmp_path: Path, tiny_model: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    songs = write_songs(outside / "secret", 2)
    own = write_songs(root, 1)
    (root / "folder").symlink_to(outside)
    (root / "link.mp3").symlink_to(songs[0])
    (root / "list.m3u8").write_text(f"{songs[1]}\n{outside}/missing.mp3\n{own[0]}\n")
    with server(tmp_path, tiny_model, roots=(root,)) as running:
        folder = running.client.recognize_on_server(".", wait=60)
        playlist = running.client.recognize_on_server("list.m3u8", wait=60)
    for job in (folder, playlist):
        assert job.state == "done"
        assert [result.path for result in job.results if result.genre] == [str(own[0])]
        assert not any(str(outside) in str(result.data) for result in job.results)
    assert any(str(root / "folder") in (result.error or "") for result in folder.results)
    assert len(playlist.results) == 2  # one song, one remark about all that lies outside


def test_wait_returns_at_its_end_or_at_once(running: Running, songs: list[Path]) -> None:
    answer = post(running, b'{"paths": ["."]}', "application/json", "/api/v1/recognize")
    assert answer["state"] in ("queued", "running", "done")
    for wait in ("61", "-1", "nan", "x"):
        assert post(running, b'{"paths": ["."]}', "application/json", f"/api/v1/recognize?wait={wait}")[
            "code"
        ] == ("request-invalid")
    assert ended(running, Job.of(answer)).state == "done"


def test_events_of_a_job(running: Running, songs: list[Path]) -> None:
    job = running.client.recognize(songs)
    events = list(running.client.events(job))
    results = [event.result.path for event in events if event.result]
    assert sorted(results) == sorted(song.name for song in songs)
    assert events[-1].name == "end"
    assert events[-1].job and (events[-1].job.state, events[-1].job.done) == ("done", 6)
    third = [event for event in events if event.result][2]
    later = [event.result.path for event in running.client.events(job, after=third.id) if event.result]
    assert later == results[3:]


def test_events_of_all_jobs(running: Running, songs: list[Path]) -> None:
    seen: list[tuple[str, str]] = []
    listening = threading.Event()
    jobs: list[str] = []

    def listen() -> None:
        with running.client as client:
            last = client.jobs(limit=1)
            listening.set()
            for event in client.events(after=str(revision(running))):
                assert event.job is not None
                seen.append((event.job.id, event.name))
                if event.name == "end" and len({job for job, name in seen if name == "end"}) == 2:
                    return
            assert last

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    listening.wait(10)
    jobs += [running.client.recognize(song, wait=60).id for song in songs[:2]]
    thread.join(30)
    assert [job for job, name in seen if name == "end"] == jobs


def revision(running: Running) -> int:
    import sqlite3

    from serving import queue_of

    with sqlite3.connect(queue_of(running)) as queue:
        return int(queue.execute("SELECT coalesce(max(revision), 0) FROM jobs").fetchone()[0])


@pytest.mark.slow
def test_too_many_listeners_are_refused_and_those_that_left_count_no_more(
    running: Running, songs: list[Path]
) -> None:
    address = (urlsplit(running.url).hostname, urlsplit(running.url).port)
    request = b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
    connections = [socket.create_connection(address) for _ in range(200)]
    for connection in connections:
        connection.sendall(request)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
    with raises("too-many-listeners"):
        next(running.client.events())
    for connection in connections:
        connection.close()
    wait_until(lambda: _listens(running))


def _listens(running: Running) -> bool:
    host = urlsplit(running.url).netloc
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", "/api/v1/events")
    status = connection.getresponse().status
    connection.close()
    return status == 200


@pytest.mark.slow
def test_a_running_job_is_cancelled(tmp_path: Path, tiny_model: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    sound = np.tile(tone(200.0, 1.0), 3600)
    for number in range(4):
        soundfile.write(root / f"{number}.flac", sound, RATE)
    with server(tmp_path, tiny_model, roots=(root,)) as running:
        job = running.client.recognize_on_server(".", full=True)
        wait_until(lambda: running.client.job(job).state == "running")
        running.client.cancel(job)
        after = running.client.wait(job, 30)
        assert after.state == "cancelled"
        assert after.done < 4
        assert running.client.cancel(job).state == "cancelled"
        assert running.client.recognize(write_songs(tmp_path / "more", 1), wait=60).state == "done"


@pytest.mark.slow
def test_a_waiting_upload_is_cancelled_and_removed(
    tmp_path: Path, tiny_model: Path, songs: list[Path]
) -> None:
    long = tmp_path / "long.flac"
    soundfile.write(long, np.tile(tone(200.0, 1.0), 20_000), RATE)
    with server(tmp_path, tiny_model) as running:
        busy = [running.client.recognize(long, full=True) for _ in range(4)]  # more than run at once
        job = running.client.recognize(songs[0])
        assert running.client.job(job).state == "queued"
        before = len(running.uploads())
        assert running.client.cancel(job).state == "cancelled"
        assert len(running.uploads()) == before - 1
        for each in busy:
            running.client.cancel(each)
        wait_until(lambda: not running.uploads())


@pytest.mark.slow
def test_a_short_job_does_not_wait_for_a_long_one(
    tmp_path: Path, tiny_model: Path, songs: list[Path]
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    for number in range(40):
        soundfile.write(root / f"{number}.wav", tone(200.0 + number, 300.0), RATE)
    with server(tmp_path, tiny_model, roots=(root,)) as running:
        jobs = [running.client.recognize_on_server(".", full=True, again=True) for _ in range(3)]
        assert running.client.recognize(songs[0], wait=60).state == "done"
        assert running.client.job(jobs[-1]).state == "queued"


def test_jobs_are_listed_newest_first(running: Running, songs: list[Path]) -> None:
    first = running.client.recognize(songs[0], wait=60)
    second = running.client.recognize(songs[1], wait=60)
    newest = running.client.jobs(limit=2)
    assert [job.id for job in newest] == [second.id, first.id]
    assert running.client.jobs(limit=1, offset=1).items[0].id == first.id
    assert running.client.jobs("failed").total == 0
    assert all(job.results == () for job in newest)
    with raises("job-unknown"):
        running.client.job("nothing")


def test_results_of_a_job_come_in_parts(running: Running, songs: list[Path]) -> None:
    job = running.client.recognize(songs, wait=60)
    assert [each.path for each in running.client.job(job, results=2, offset=3).results] == [
        song.name for song in songs[3:5]
    ]
    assert len(list(running.client.results(job))) == 6
