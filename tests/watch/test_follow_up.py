"""Commands and URLs that are called after files arrived."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from raising import raises
from watching import Start, song

from genrelab.watch.calls.follow_up import Arrival, Command, FollowUp
from genrelab.watch.calls.process import run_bounded
from genrelab.watch.calls.web_call import WebCall, parse_header
from genrelab.watch.event import Event

NEVER = threading.Event()
FILES = [
    Arrival(Path("/m/a.mp3"), "jazz"),
    Arrival(Path("/m/-b $(x) {genre}.mp3"), "rock"),
    Arrival(Path("/m/c")),
]
PRINT = f"{sys.executable} -c 'import sys; open(sys.argv[1], \"a\").write(repr(sys.argv[2:]) + chr(10))'"


class TestCommand:
    def test_once_for_a_batch(self, tmp_path: Path) -> None:
        out = tmp_path / "out"
        (event,) = Command(f"{PRINT} {out} scan '{{now}}'")(FILES, NEVER)
        assert event.kind == "called"
        assert out.read_text() == "['scan', '{now}']\n"

    def test_once_for_each_recognized_file(self, tmp_path: Path) -> None:
        """Names are arguments: no shell reads them, and no placeholder in a name is filled."""
        out = tmp_path / "out"
        events = Command(f"{PRINT} {out} --file={{path}} {{genre}}")(FILES, NEVER)
        assert [event.path for event in events] == [FILES[0].path, FILES[1].path]
        assert out.read_text().splitlines() == [
            "['--file=/m/a.mp3', 'jazz']",
            "['--file=/m/-b $(x) {genre}.mp3', 'rock']",
        ]

    def test_failure_timeout_and_stop(self, tmp_path: Path) -> None:
        failing = f"{sys.executable} -c 'import sys; print(\"why \\x1b[31m\"); sys.exit(3)'"
        (event,) = Command(failing)(FILES, NEVER)
        assert (event.kind, event.code) == ("problem", "then-failed") and "exit code 3: why" in event.message
        (event,) = Command("sleep 60", timeout=0.2)(FILES, NEVER)
        assert event.code == "then-timeout"
        stopped = threading.Event()
        stopped.set()
        (event,) = Command(f"{PRINT} {tmp_path / 'out'} {{path}}")(FILES, stopped)
        assert event.code == "then-stopped" and not (tmp_path / "out").exists()

    def test_wrong_commands(self) -> None:
        with raises("then-quotes", "'a b"):
            Command("'a b")
        with raises("then-empty"):
            Command("  ")
        with raises("then-no-program", "no-such-program"):
            Command("no-such-program {path}")

    def test_output_and_children_are_bounded(self, tmp_path: Path) -> None:
        """The children of a program die with it, and much output takes no memory."""
        mark = tmp_path / "mark"
        child = f"import time; time.sleep(2); open({str(mark)!r}, 'w')"
        script = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        script += "while 1: print('x' * 999)"
        code, output = run_bounded([sys.executable, "-c", script], 1.0)
        assert code is None and 0 < len(output) <= 2000
        time.sleep(2.5)
        assert not mark.exists()


class Server:
    """A real web server on the loopback that remembers requests."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, bytes, str | None]] = []
        self.redirect: str | None = None
        self.status = 204
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.requests.append((self.command, self.path, body, self.headers.get("X-Key")))
                if server.redirect and not self.path.startswith("/new"):
                    self.send_response(302)
                    self.send_header("Location", server.redirect)
                else:
                    self.send_response(server.status)
                self.end_headers()

            do_GET = do_POST = answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


class TestUrl:
    def test_post_sends_the_files(self, server: Server) -> None:
        call = WebCall(f"{server.url}/Library/Refresh?api_key=secret", headers={"X-Key": "k"})
        (event,) = call(FILES, NEVER)
        ((method, path, body, key),) = server.requests
        assert (method, path, key) == ("POST", "/Library/Refresh?api_key=secret", "k")
        assert json.loads(body) == {
            "files": [{"path": str(each.path), "genre": each.genre} for each in FILES],
            "total": 3,
        }
        assert event.kind == "called" and "secret" not in event.message

    def test_get_sends_none(self, server: Server) -> None:
        (event,) = WebCall(f"{server.url}/rest/startScan?u=a", method="GET")(FILES, NEVER)
        assert server.requests == [("GET", "/rest/startScan?u=a", b"", None)] and event.kind == "called"

    def test_refusal(self, server: Server) -> None:
        server.status = 401
        (event,) = WebCall(f"{server.url}/?api_key=secret")(FILES, NEVER)
        assert event.code == "then-failed" and "401" in event.message and "secret" not in event.message

    def test_redirects_stay_where_they_are(self, server: Server) -> None:
        server.redirect = "/new"
        (event,) = WebCall(f"{server.url}/old")(FILES, NEVER)
        assert event.kind == "called" and [each[:2] for each in server.requests] == [
            ("POST", "/old"),
            ("GET", "/new"),
        ]
        for elsewhere in ("file:///etc/passwd", "ftp://127.0.0.1/new", "http://localhost:1/new", "/old"):
            server.redirect = elsewhere
            (event,) = WebCall(f"{server.url}/old")(FILES, NEVER)
            assert event.code == "then-redirect", elsewhere

    def test_nobody_there_and_a_server_that_drips(self) -> None:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            (event,) = WebCall(f"http://127.0.0.1:{closed.getsockname()[1]}/", timeout=5.0)(FILES, NEVER)
        assert event.code == "then-failed"
        with socket.create_server(("127.0.0.1", 0)) as listening:

            def drip() -> None:
                connection = listening.accept()[0]
                with connection:
                    try:
                        for _ in range(200):
                            connection.sendall(b"H")
                            time.sleep(0.1)
                    except OSError:
                        pass

            threading.Thread(target=drip, daemon=True).start()
            began = time.monotonic()
            (event,) = WebCall(f"http://127.0.0.1:{listening.getsockname()[1]}/", timeout=0.5)(FILES, NEVER)
            assert event.code == "then-failed" and time.monotonic() - began < 15

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "ftp://a/",
            "localhost:8096",
            "http://",
            "http://a b/",
            "http://u:p@host/",
            "http://h:x/",
        ],
    )
    def test_wrong_urls(self, url: str) -> None:
        with raises("then-url"):
            WebCall(url)

    def test_headers(self) -> None:
        assert parse_header("Authorization: MediaBrowser Token=x") == (
            "Authorization",
            "MediaBrowser Token=x",
        )
        for wrong in ("no colon", ": x", "A B: c", "X: a\r\nY: b", "X: \xe9"):
            with raises("then-header"):
                parse_header(wrong)


def test_batches_are_some_seconds_apart_and_none_is_lost() -> None:
    calls: list[tuple[float, list[Path]]] = []

    def call(arrivals: Any, _: Any) -> list[Event]:
        calls.append((time.monotonic(), [each.path for each in arrivals]))
        return []

    follow_up = FollowUp([call], 1.0, lambda _: None)
    for number in range(20):
        follow_up.add(Arrival(Path(f"/{number}")))
        time.sleep(0.1)
    follow_up.close(5.0)
    assert [path for _, paths in calls for path in paths] == [Path(f"/{number}") for number in range(20)]
    early = [second[0] - first[0] for first, second in zip(calls, calls[1:-1], strict=False)]
    assert len(calls) <= 5 and all(gap > 0.99 for gap in early)


def test_what_waits_is_called_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "out"
    events: list[Event] = []
    follow_up = FollowUp([Command(f"{PRINT} {out} {{path}}")], 3600.0, events.append)
    follow_up.add(Arrival(Path("/first"), "jazz"))
    while not events:
        time.sleep(0.05)
    for number in range(3):
        follow_up.add(Arrival(Path(f"/{number}"), "jazz"))
    follow_up.close(60.0)
    assert out.read_text().splitlines() == [f"['{path}']" for path in ("/first", "/0", "/1", "/2")]
    assert [event.kind for event in events] == ["called"] * 4


def test_what_takes_too_long_at_the_end_is_reported() -> None:
    events: list[Event] = []
    follow_up = FollowUp([Command("sh -c 'sleep 0.7' {path}")], 0.0, events.append)
    for number in range(50):
        follow_up.add(Arrival(Path(f"/{number}"), "jazz"))
    follow_up.close(0.3)
    assert [event.code for event in events][-1] == "then-stopped" and len(events) < 10


def test_a_watcher_calls(start: Start, box: Path, server: Server) -> None:
    watcher = start(box, follow_up=lambda report: FollowUp([WebCall(server.url)], 0.2, report))
    watcher.wait("watching")
    path = song(box / "a.flac", "high")
    watcher.wait("called")
    assert json.loads(server.requests[0][2])["files"] == [{"path": str(path), "genre": "high"}]
    (box / "a.flac").unlink()
    watcher.wait("called", count=2)
    assert json.loads(server.requests[1][2])["files"] == [{"path": str(path), "genre": None}]
