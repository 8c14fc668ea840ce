"""Slow, many and broken connections to a real server, by raw sockets."""

from __future__ import annotations

import resource
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from served import connect, request, running, serving, until_closed

from genrelab.serve.endpoint import PREFIX
from genrelab.serve.guard.limits import Limits
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.run import Runner

HASTY = Limits(
    header_seconds=0.4,
    body_seconds=0.4,
    body_bytes=100,
    linger_seconds=0.4,
    write_seconds=0.6,
    keep_alive_seconds=1,
    connections=20,
)
HEALTH = f"{PREFIX}/health"
HEAD = f"POST {PREFIX}/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    settings = ServeSettings(library=tmp_path_factory.mktemp("shelf") / "library.db")
    with running(settings, HASTY) as runner:
        yield runner


@pytest.fixture
def port(runner: Runner) -> int:
    return runner.genrelab.settings.port


def dribble(connection: socket.socket, piece: bytes, stop: threading.Event) -> None:
    """Send a piece every tenth of a second, without end."""
    while not stop.wait(0.1):
        try:
            connection.sendall(piece)
        except OSError:
            return


def cut_off(port: int, begin: bytes, piece: bytes) -> bytes:
    """Return what a client gets that begins a request and goes on slowly."""
    stop = threading.Event()
    with connect(port) as connection:
        connection.sendall(begin)
        sender = threading.Thread(target=dribble, args=(connection, piece, stop))
        sender.start()
        try:
            return until_closed(connection)
        finally:
            stop.set()
            sender.join()


def test_slow_headers_are_cut_off(port: int) -> None:
    got = cut_off(port, f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n".encode(), b"x-a: b\r\n")
    assert got.startswith(b"HTTP/1.1 408") and b"request-slow" in got and b"nosniff" in got


def test_silence_is_cut_off(port: int) -> None:
    with connect(port) as connection:
        assert until_closed(connection).startswith(b"HTTP/1.1 408")


def test_slow_headers_of_a_second_request_are_cut_off(port: int) -> None:
    first = f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    got = cut_off(port, first, b"G")
    assert got.startswith(b"HTTP/1.1 200") and b"HTTP/1.1 408" in got


def test_slow_bodies_are_cut_off(port: int) -> None:
    assert cut_off(port, f"{HEAD}Content-Length: 100000\r\n\r\n".encode(), b"x") == b""


def test_slow_chunks_are_cut_off(port: int) -> None:
    assert cut_off(port, f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode(), b"1\r\nx\r\n") == b""


def test_a_steady_body_may_take_longer_than_the_limit_of_headers(port: int) -> None:
    body = b'{"token": "' + b"x" * 900 + b'"}'
    with connect(port) as connection:
        connection.sendall(f"{HEAD}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        pause = threading.Event()
        for start in range(0, len(body), 100):
            connection.sendall(body[start : start + 100])
            pause.wait(0.1)
        assert until_closed(connection).startswith(b"HTTP/1.1 204")


def test_the_rest_of_a_refused_body_is_read_for_a_while_and_not_longer(port: int) -> None:
    """The client sees why, although it still sends."""
    got = cut_off(port, f"{HEAD}Content-Length: 99999999999\r\n\r\n".encode() + b"x" * 100_000, b"x" * 1000)
    assert got.startswith(b"HTTP/1.1 413") and b"body-too-long" in got


def test_an_endless_body_is_refused_while_it_streams(port: int) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    begin = f"{HEAD}Transfer-Encoding: chunked\r\n\r\n".encode()
    assert cut_off(port, begin + chunk * 17, chunk).startswith(b"HTTP/1.1 413")


def test_a_client_that_takes_nothing_is_cut_off(port: int, runner: Runner) -> None:
    """Its requests follow each other, and none of the answers is read."""
    one = b"GET /static/vendor/wavesurfer.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.settimeout(30)
        with pytest.raises(ConnectionError):
            for _ in range(100_000):
                connection.sendall(one * 100)
    assert request(port, "GET", HEALTH).status == 200


@pytest.mark.parametrize(
    "sent",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost\r\n\r\n", b"GET / GOPHER/1.1\r\nHost: localhost\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
     b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: localhost\r\nx: " + b"y" * 1_000_000 + b"\r\n\r\n",
     b"GET / HTTP/1.1\r\nHost: localhost\r\nx: a\nb: c\x00\r\n\r\n",
     b"GET /\xff\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_request_is_refused(port: int, sent: bytes) -> None:
    with connect(port) as connection:
        connection.sendall(sent)
        got = until_closed(connection)
    assert got.startswith(b"HTTP/1.1 400") and b"request-damaged" in got and b"content-security-policy" in got


def test_two_lengths_cannot_smuggle_a_request(port: int) -> None:
    hidden = f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    begin = f"{HEAD}Content-Length: {len(hidden) + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"
    with connect(port) as connection:
        connection.sendall(begin.encode())
        connection.shutdown(socket.SHUT_WR)
        assert b'"status":"ok"' not in until_closed(connection)


def test_requests_without_a_host_are_refused(port: int) -> None:
    with connect(port) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 421")


def test_idle_connections_make_room_for_new_ones(port: int, runner: Runner) -> None:
    idle = [connect(port) for _ in range(3 * HASTY.connections)]
    try:
        assert request(port, "GET", HEALTH).status == 200
        assert len(runner.server_state.connections) <= HASTY.connections
    finally:
        for each in idle:
            each.close()


def test_kept_connections_answer_again(port: int) -> None:
    one = f"GET {HEALTH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    with connect(port) as connection:
        for _ in range(3):
            connection.sendall(one)
            got = b""
            while b"needs_token" not in got:
                got += connection.recv(65536)
        connection.sendall(one * 5)
        assert until_closed(connection).count(b"HTTP/1.1 200") == 5


@pytest.fixture
def more_files() -> Iterator[Callable[[], int]]:
    """Raises this process's limit of open files as far as it may, and returns it; not that of the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)

    def more() -> int:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(20_000, hard), hard))
        return min(20_000, hard)

    yield more
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def memory(process: int) -> int:
    """Return the kilobytes that a process holds."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@pytest.mark.slow
def test_ten_thousand_connections(tmp_path: Path, more_files: Callable[[], int]) -> None:
    """As many as the limit of files admits; clients are still answered, and memory stays bounded."""
    with serving(tmp_path, "--quiet") as server, ExitStack() as open_ones:
        wanted = min(10_000, more_files() - 500)
        assert wanted > Limits().connections
        assert request(server.port, "GET", HEALTH).status == 200
        before = memory(server.process.pid)
        for number in range(wanted):
            connection = open_ones.enter_context(connect(server.port))
            connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nx-slow: ")
            if number % 1000 == 0:
                assert request(server.port, "GET", HEALTH).status == 200
        assert request(server.port, "GET", HEALTH).status == 200
        assert len(list(Path(f"/proc/{server.process.pid}/fd").iterdir())) < Limits().connections + 200
        assert memory(server.process.pid) - before < 100_000
        assert server.end() == 0


def test_limits_are_those_of_one_server(tmp_path: Path) -> None:
    settings = ServeSettings(library=tmp_path / "library.db")
    with running(settings, replace(HASTY, header_seconds=30)) as other:
        port = other.genrelab.settings.port
        with connect(port) as connection:
            connection.settimeout(0.8)
            with pytest.raises(TimeoutError):
                connection.recv(1)
