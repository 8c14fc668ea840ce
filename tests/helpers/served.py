"""Real servers for tests: the command in a process of its own, or one in a thread with small limits."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genrelab.serve.guard.limits import Limits
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.address import bind
from genrelab.serve.start.run import Runner

SECONDS = 60.0
TOKEN = "a-token-that-is-long-enough"


@dataclass(frozen=True)
class Response:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


def request(
    port: int, method: str, path: str, body: bytes | None = None, host: str = "127.0.0.1", **headers: str
) -> Response:
    """Send a request without any change to its path."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.putrequest(method, path, skip_host=True)
        connection.putheader("host", host)
        if body is not None:
            headers.setdefault("content-length", str(len(body)))
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        endless = found.get("content-type", "").startswith("text/event-stream")
        return Response(response.status, found, b"" if endless else response.read())
    finally:
        connection.close()


@contextmanager
def running(settings: ServeSettings, limits: Limits | None = None) -> Iterator[Runner]:
    """A server in a thread, on a free port: `runner.genrelab.settings.port`."""
    ready = threading.Event()
    runner = Runner(settings, bind("127.0.0.1", 0, has_token=True), limits, on_ready=ready.set)
    thread = threading.Thread(target=runner.run_until_told)
    thread.start()
    try:
        assert ready.wait(SECONDS)
        yield runner
    finally:
        runner.end()
        thread.join(SECONDS)
        assert not thread.is_alive()


@dataclass
class Process:
    process: subprocess.Popen[str]
    port: int
    log: Path

    def end(self, how: int = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(SECONDS)


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[Process]:
    """`genrelab serve` in a process of its own, with its library and log in a folder."""
    log = folder / "log.txt"
    command = [sys.executable, "-m", "genrelab", "serve", "--port=0", f"--library={folder / 'library.db'}"]
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [*command, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert url, log.read_text()
        yield Process(process, int(url.rstrip("/").rpartition(":")[2]), log)
    finally:
        process.kill()
        process.communicate()


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def until_closed(connection: socket.socket) -> bytes:
    """Return what arrives until the server closes the connection."""
    content = b""
    try:
        while piece := connection.recv(65536):
            content += piece
    except ConnectionError:
        pass
    return content
