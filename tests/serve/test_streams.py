"""Events, ranges and WebSockets pass through the guard as they are, on a real server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from served import TOKEN, connect, request, running, until_closed
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect as connect_websocket

from genrelab.serve import app as app_module
from genrelab.serve.guard.limits import Limits
from genrelab.serve.routes import health
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.run import Runner

go_on = threading.Event()


async def events(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"data: one\n\n"
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        yield b"data: two\n\n"

    return StreamingResponse(parts(), media_type="text/event-stream")


async def endless(_: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        while True:
            yield b"data: again\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(parts(), media_type="text/event-stream")


async def file(_: Request) -> Response:
    return FileResponse(Path(__file__))


async def redirect(given: Request) -> Response:
    return RedirectResponse("/x?" + given.query_params["to"])


async def header(given: Request) -> Response:
    return Response(headers={"x-name": given.query_params["name"]})


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        await socket.send_text(str(len(message.get("bytes") or b"")))


def routes(_: object) -> list[Any]:
    return [
        Route("/events", events),
        Route("/endless", endless),
        Route("/file", file),
        Route("/redirect", redirect),
        Route("/header", header),
        WebSocketRoute("/api/v1/echo", echo),
    ]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "routes", routes, raising=False)
        assert health in list(app_module._modules())
        settings = ServeSettings(library=tmp_path_factory.mktemp("shelf") / "library.db", token=TOKEN)
        with running(settings, Limits(header_seconds=0.5, keep_alive_seconds=1)) as runner:
            yield runner


@pytest.fixture
def port(runner: Runner) -> int:
    return runner.genrelab.settings.port


BEARER = f"Bearer {TOKEN}"


def test_events_arrive_one_by_one(port: int) -> None:
    go_on.clear()
    with connect(port) as connection:
        ask = (
            f"GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {BEARER}\r\nConnection: close\r\n\r\n"
        )
        connection.sendall(ask.encode())
        got = b""
        while b"data: one" not in got:
            got += connection.recv(65536)
        assert b"text/event-stream" in got and b"data: two" not in got
        go_on.set()
        assert b"data: two" in until_closed(connection)


def test_ranges(port: int) -> None:
    answer = request(port, "GET", "/file", authorization=BEARER, range="bytes=3-9")
    content = Path(__file__).read_bytes()
    assert answer.status == 206 and answer.body == content[3:10]
    assert answer.headers["content-range"] == f"bytes 3-9/{len(content)}"
    assert answer.headers["content-security-policy"]


def test_a_web_socket_lives_longer_than_the_limit_of_headers(port: int) -> None:
    address = f"ws://127.0.0.1:{port}/api/v1/echo"
    headers = {"Authorization": BEARER, "Origin": f"http://127.0.0.1:{port}"}
    with connect_websocket(address, additional_headers=headers) as socket:
        for size in (1, 100_000):
            socket.send(b"x" * size)
            assert socket.recv() == str(size)
            threading.Event().wait(0.8)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "token-missing"),
        ({"Authorization": "Bearer wrong"}, 401, "token-wrong"),
        ({"Authorization": BEARER, "Origin": "http://evil.example"}, 403, "origin-foreign"),
    ],
)
def test_web_sockets_are_refused_with_the_reason(
    port: int, headers: dict[str, str], status: int, code: str
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect_websocket(f"ws://127.0.0.1:{port}/api/v1/echo", additional_headers=headers)
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body)["code"] == code


@pytest.mark.parametrize("path", ["/redirect?to=", "/header?name="])
def test_line_breaks_make_no_headers(port: int, path: str) -> None:
    for end in ("%0d%0a", "%0a", "%0d", "%00"):
        answer = request(port, "GET", f"{path}a{end}Set-Cookie:%20evil=1", authorization=BEARER)
        assert "set-cookie" not in answer.headers and answer.status in (200, 307)


def test_the_end_of_the_server_ends_long_responses(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "routes", routes, raising=False)
        with running(ServeSettings(library=tmp_path / "library.db")) as runner:
            connection = connect(runner.genrelab.settings.port)
            connection.sendall(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(10)
    until_closed(connection)
    connection.close()
    assert runner.genrelab.ending.is_set()
