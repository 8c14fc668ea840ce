"""Whatever arrives at the HTTP interface, no request fails with a defect."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loops
import pytest
from fuzzed_requests import Drawn, requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served import Response, request, running
from serving import write_songs

from genrelab.serve.app import endpoints
from genrelab.serve.describe.openapi import openapi
from genrelab.serve.endpoint import PREFIX, Endpoint
from genrelab.serve.guard.limits import Limits
from genrelab.serve.routes import health
from genrelab.serve.settings import ServeSettings
from genrelab.serve.start.run import Runner

DOCUMENT = openapi(endpoints(), needs_token=False, cookie="none")
OPERATIONS = [(method, path) for path, operations in DOCUMENT["paths"].items() for method in operations]
GENEROUS = Limits(burst=1e9, rate=1e9)
EXAMPLES = 40
SETTINGS = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Iterator[Runner]:
    """A server that may write, with music, a library that knows it, and a damaged file."""
    music = tmp_path_factory.mktemp("music")
    write_songs(music, 4)
    (music / "<img src=x onerror=alert(1)>.mp3").write_bytes(b"ID3 no sound")
    shelf = tmp_path_factory.mktemp("shelf")
    given = ServeSettings(library=shelf / "library.db", roots=(music,), allow_write=True, model=tiny_model)
    with running(given, GENEROUS) as runner:
        paths = json.dumps({"paths": ["."]}).encode()
        address = f"{PREFIX}/recognize?wait=60"
        port = runner.genrelab.settings.port
        done = request(port, "POST", address, paths, content_type="application/json")
        assert done.json()["state"] == "done", done.body
        yield runner


@pytest.fixture(scope="module")
def known(runner: Runner) -> tuple[str, ...]:
    """Identifiers that exist: of the tracks, and of the job that recognized them."""
    port = runner.genrelab.settings.port
    found = [request(port, "GET", PREFIX + path).json()["items"] for path in ("/tracks", "/jobs")]
    assert len(found[0]) >= 4 and found[1]
    return tuple(each["id"] for items in found for each in items)


def send(runner: Runner, drawn: Drawn) -> Response:
    return request(
        runner.genrelab.settings.port,
        drawn.method,
        drawn.address,
        drawn.body,
        **{name.replace("-", "_"): value for name, value in drawn.headers.items()},
    )


def check(answer: Response) -> None:
    assert answer.status < 500, answer.body
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["status"] == answer.status and problem["code"] and problem["title"]
        assert "Traceback" not in problem["title"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "html" not in answer.headers.get("content-type", ""), "no name can become markup"


@pytest.mark.slow
@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda each: each.strip("/"))
def test_no_request_is_answered_with_a_defect(
    runner: Runner, known: tuple[str, ...], method: str, path: str
) -> None:
    @SETTINGS
    @given(requests(DOCUMENT, method, path, known))
    def fuzz(drawn: Drawn) -> None:
        answer = send(runner, drawn)
        check(answer)
        described = DOCUMENT["paths"][path][method]["responses"]
        assert answer.status >= 300 or str(answer.status) in described

    fuzz()


def test_a_defect_would_be_noticed(tmp_path: Path) -> None:
    """The same check fails for a route that fails."""

    def fail(_: object) -> None:
        raise ZeroDivisionError

    broken = Endpoint("GET", "/broken", fail, "Fail.", "server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health, "ENDPOINTS", [*health.ENDPOINTS, broken])
        with running(ServeSettings(library=tmp_path / "library.db")) as runner:
            answer = request(runner.genrelab.settings.port, "GET", f"{PREFIX}/broken")
    assert answer.status == 500 and "ZeroDivisionError" not in answer.body.decode()
    with pytest.raises(AssertionError):
        check(answer)


@pytest.mark.slow
def test_no_bytes_on_a_connection_make_the_server_fail(runner: Runner) -> None:
    port = runner.genrelab.settings.port
    begin = b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n"

    async def send_bytes(content: bytes) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(content)
        writer.write_eof()
        with contextlib.suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 30)
        writer.close()

    @SETTINGS
    @given(st.one_of(st.binary(max_size=200), st.binary(max_size=100).map(lambda end: begin + end)))
    def fuzz(content: bytes) -> None:
        loops.run(send_bytes(content))

    fuzz()
    assert json.loads(request(port, "GET", f"{PREFIX}/health").body)["status"] == "ok"


def test_the_fuzzer_knows_every_operation() -> None:
    named: set[tuple[str, Any]] = {
        (each.method.lower(), each.path.replace(":path", "")) for each in endpoints()
    }
    assert set(OPERATIONS) == named and len(OPERATIONS) >= 6
