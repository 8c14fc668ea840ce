"""Live audio over a WebSocket, from a real server."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import loops
import numpy as np
import pytest
import threaded_server
import websockets
from tiny_onnx import TONES, tiny_model, tone
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from genrelab.serve.live.socket import Live, LiveLimits

__all__ = ["tiny_model"]

RATE = 48_000
TOKEN = "a-token-that-is-long-enough"
START = json.dumps({"sample_rate": RATE})


def pcm(genre: str, seconds: float, rate: int = RATE) -> bytes:
    return (tone(TONES[genre], seconds, rate=rate) * 32767).astype("<i2").tobytes()


class Running(threaded_server.Running):
    """A real server in a thread, and its clients."""

    def __init__(self, model: Path, library: Path, limits: LiveLimits | None, **settings: Any) -> None:
        super().__init__(model, library, **settings)
        self.live = self.server.part(Live)
        self.live.limits = limits or self.live.limits

    @contextmanager
    def client(self, host: str = "127.0.0.1", **options: Any) -> Iterator[ClientConnection]:
        url = f"ws://{host}:{self.port}/api/v1/live"
        through = socket.create_connection(("127.0.0.1", self.port))
        with through, connect(url, sock=through, open_timeout=30, close_timeout=5, **options) as client:
            yield client

    def refused(self, host: str = "127.0.0.1", **options: Any) -> tuple[int, dict[str, Any]]:
        with pytest.raises(websockets.InvalidStatus) as caught, self.client(host, **options):
            pass
        response = caught.value.response
        return response.status_code, json.loads(response.body or b"{}")

    def wait_for_none(self) -> None:
        deadline = time.monotonic() + 60
        while self.live.sessions and time.monotonic() < deadline:
            time.sleep(0.05)
        assert self.live.sessions == 0


Serve = Callable[..., Running]


@pytest.fixture
def serve(tiny_model: Path, tmp_path: Path) -> Iterator[Serve]:
    running: list[Running] = []

    def begin(limits: LiveLimits | None = None, **settings: Any) -> Running:
        running.append(Running(tiny_model, tmp_path / "library.db", limits, **settings))
        return running[-1]

    yield begin
    for each in running:
        each.end()


def answers(client: ClientConnection) -> list[dict[str, Any]]:
    """Return all messages until the server closes."""
    found = []
    try:
        while True:
            found.append(json.loads(client.recv(timeout=30)))
    except websockets.ConnectionClosed:
        return found


def send(client: ClientConnection, sound: bytes, size: int = 9600) -> None:
    for place in range(0, len(sound), size):
        client.send(sound[place : place + size])


def test_answers_come_about_once_a_second(serve: Serve) -> None:
    with serve().client() as client:
        client.send(START)
        send(client, pcm("low", 3.0) + pcm("high", 3.0))
        client.send('{"end": true}')
        found = answers(client)
    assert [round(each["seconds"]) for each in found] == [1, 2, 3, 4, 5, 6]
    assert (found[1]["genre"], found[-1]["genre"]) == ("low", "high")
    assert list(found[0]) == ["seconds", "genre", "confidence", "reason", "ranked", "level", "behind"]
    assert found[-1]["ranked"][0] == {"genre": "high", "probability": found[-1]["confidence"]}
    level = 0.3 / np.sqrt(2)
    assert all(each["level"] == pytest.approx(level, abs=0.02) for each in found if each["level"])
    assert client.close_code == 1000


def test_a_defect_is_told_and_not_described(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> Iterator[Any]:
        yield 1 / 0

    monkeypatch.setattr("genrelab.serve.live.stream._moments", fail)
    with serve().client() as client:
        client.send(START)
        (told,) = answers(client)
    assert (told["status"], told["code"], client.close_code) == (500, "live-defect", 1008)
    assert "division" not in str(told)


def test_an_answer_comes_while_the_sound_goes_on(serve: Serve) -> None:
    running = serve()
    with running.client() as client:
        client.send(START)
        send(client, pcm("low", 1.5))
        assert json.loads(client.recv(timeout=30))["genre"] == "low"
        assert running.live.sessions == 1
    running.wait_for_none()


def test_frames_of_any_size_at_any_rate(serve: Serve) -> None:
    """A sample may span two frames; empty frames do nothing."""
    running = serve()
    for rate, size in ((8000, 777), (44_100, 1), (192_000, 100_001)):
        seconds = 0.02 if size == 1 else 2.5
        with running.client() as client:
            client.send(json.dumps({"sample_rate": rate}))
            client.send(b"")
            send(client, pcm("low", seconds, rate), size)
            client.send('{"end": true}')
            found = answers(client)
        assert client.close_code == 1000
        assert size == 1 or found[-1]["genre"] == "low"


def test_silence_and_nothing(serve: Serve) -> None:
    running = serve()
    with running.client() as client:
        client.send(START)
        send(client, bytes(RATE * 4))
        client.send('{"end": true}')
        assert [(each["genre"], each["level"]) for each in answers(client)] == [("unsure", 0.0)] * 2
    with running.client() as client:
        client.send(START)
        client.send('{"end": true}')
        assert answers(client) == [] and client.close_code == 1000


@pytest.mark.parametrize(
    "frames",
    [
        [b"\x00\x00"],
        ["no JSON"],
        ["[" * 10_000],
        ["[]"],
        ["{}"],
        ['{"sample_rate": 7999}'],
        ['{"sample_rate": 192001}'],
        ['{"sample_rate": "48000"}'],
        ['{"sample_rate": 48000.5}'],
        ['{"sample_rate": 1e400}'],
        ['{"sample_rate": 48000, "more": 1}'],
        [START, START],
        [START, '{"end": false}'],
        [START, "{}"],
        [START, b"\x00\x00", "\x1b[31m"],
        [START, *[b""] * 200],
    ],
)
def test_wrong_frames_are_explained(frames: list[str | bytes], serve: Serve) -> None:
    running = serve()
    with running.client() as client:
        with suppress(ConnectionClosed):  # the server may refuse before the last frame is sent
            for frame in frames:
                client.send(frame)
        (problem,) = answers(client)
    assert (problem["code"], problem["status"], client.close_code) == ("live-frame", 400, 1008)
    assert "sample_rate" in problem["remedy"]
    running.wait_for_none()


def test_a_long_frame(serve: Serve) -> None:
    running = serve(LiveLimits(frame_bytes=1000))
    with running.client() as client:
        client.send(START)
        client.send(bytes(1001))
        (problem,) = answers(client)
    assert problem["code"] == "live-frame-long"
    with running.client() as client:
        client.send(START)
        client.send(bytes(2 << 20))  # more than the server reads at all
        assert answers(client) == [] and client.close_code == 1009


def test_silent_and_endless_clients_are_cut_off(serve: Serve) -> None:
    running = serve(LiveLimits(silent_seconds=0.5))
    for first in ([], [START]):
        with running.client() as client:
            for frame in first:
                client.send(frame)
            (problem,) = answers(client)
        assert (problem["code"], client.close_code) == ("live-silent", 1008)
    running.live.limits = LiveLimits(longest_seconds=0.5)
    with running.client() as client:
        client.send(START)
        time.sleep(0.7)
        client.send(b"\x00\x00")
        (problem,) = answers(client)
    assert problem["code"] == "live-long"
    running.wait_for_none()


@pytest.mark.slow
def test_a_client_that_floods_waits(serve: Serve) -> None:
    """Ten minutes of sound sent at once take no memory: the client waits until it is time for them."""
    running = serve()
    with running.client() as client:
        client.send(START)
        sent = 0
        sound = pcm("low", 1.0)

        def flood() -> None:
            nonlocal sent
            try:
                for _ in range(600):
                    client.send(sound)
                    sent += 1
            except websockets.ConnectionClosed:
                pass

        began = time.monotonic()
        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        assert json.loads(client.recv(timeout=30))["genre"] == "low"
        thread.join(5.0)
        on_the_way = 200  # in the buffers of the system, and the seconds that a client may be ahead
        assert sent < on_the_way + time.monotonic() - began
    running.wait_for_none()


def test_too_many_sessions(serve: Serve) -> None:
    running = serve(LiveLimits(sessions=2))
    with running.client() as one, running.client() as two:
        one.send(START), two.send(START)
        status, problem = running.refused()
        assert (status, problem["code"]) == (503, "live-too-many")
    running.wait_for_none()
    with running.client() as client:
        client.send(START)
    running.wait_for_none()


def test_clients_that_vanish_leave_nothing(serve: Serve) -> None:
    running = serve()
    before = threading.active_count()
    for _ in range(12):  # more than there are sessions at once
        with running.client() as client:
            client.send(START)
            send(client, pcm("low", 0.5))
            client.socket.shutdown(socket.SHUT_RDWR)
        running.wait_for_none()
    deadline = time.monotonic() + 60
    while threading.active_count() > before + 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert threading.active_count() <= before + 2


def test_the_guard_stands_before_it(serve: Serve) -> None:
    running = serve(token=TOKEN)
    assert running.refused()[0] == 401
    assert running.refused(additional_headers={"Authorization": "Bearer wrong"})[0] == 401
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert running.refused(additional_headers=right, origin="http://evil.example")[0] == 403
    assert running.refused("evil.example", additional_headers=right)[0] == 421
    with running.client(additional_headers=right) as client:
        client.send(START)
    running.wait_for_none()


def test_the_server_ends_while_sound_comes(serve: Serve) -> None:
    running = serve()
    with running.client() as client:
        client.send(START)
        send(client, pcm("low", 1.5))
        client.recv(timeout=30)
        running.end()
        answers(client)
    assert client.close_code in (1001, 1006, 1008, 1012)


def test_the_loop_is_not_blocked(serve: Serve) -> None:
    """While sound is recognized, other requests are answered."""
    import httpx

    running = serve()

    async def both() -> list[int]:
        async with (
            websockets.connect(f"ws://127.0.0.1:{running.port}/api/v1/live") as live,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as http,
        ):
            await live.send(START)
            for _ in range(30):
                await live.send(pcm("low", 0.1))
            statuses = [(await http.get("/api/v1/health")).status_code for _ in range(20)]
            assert json.loads(await live.recv())["genre"] == "low"
            return statuses

    assert loops.run(both()) == [200] * 20
