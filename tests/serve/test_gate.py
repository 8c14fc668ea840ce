"""What the gate refuses, and what it lets through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import loops
import pytest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from genrelab.serve.app import create_app, endpoints, guarded_app
from genrelab.serve.endpoint import PREFIX
from genrelab.serve.guard.guard import guard
from genrelab.serve.guard.headers import SECURITY_HEADERS
from genrelab.serve.guard.limits import MEBIBYTE, Limits
from genrelab.serve.server import Server
from genrelab.serve.settings import ServeSettings

BASE = "http://127.0.0.1:8765"
TOKEN = "a-token-that-is-long-enough"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "library.db"


@pytest.fixture
def client(library: Path) -> Iterator[TestClient]:
    with TestClient(guarded_app(ServeSettings(library=library))[0], BASE) as client:
        yield client


@pytest.fixture
def locked(library: Path) -> Iterator[TestClient]:
    app, _ = guarded_app(ServeSettings(library=library, token=TOKEN))
    with TestClient(app, BASE) as client:
        yield client


def problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    content = answer.json()
    assert content["status"] == answer.status_code and content["title"]
    return answer.status_code, content["code"]


@pytest.mark.parametrize(
    "path", ["/", "/static/app.js", "/static/none", f"{PREFIX}/health", f"{PREFIX}/none", "/none"]
)
def test_every_response_has_the_headers_of_safety(client: TestClient, path: str) -> None:
    found = client.get(path).headers
    assert {name: found.get(name.decode()) for name in SECURITY_HEADERS} == {
        name: value.decode() for name, value in SECURITY_HEADERS.items()
    }
    assert "unsafe" not in found["content-security-policy"]
    assert "server" not in found and "cache-control" in found


def test_refusals_have_them_too(client: TestClient) -> None:
    answer = client.get("/", headers={"host": "evil.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "192.168.1.5:8765", "", "a b",
     "localhost:8765@evil.example", "localhost:99999999", "[::1", "http://localhost", "localhost/..",
     "0x7f.1"],
)  # fmt: skip
def test_other_host_names_are_refused(client: TestClient, host: str) -> None:
    assert problem(client.get(f"{PREFIX}/health", headers={"host": host})) == (421, "host-unknown")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "LOCALHOST:9000", "[::1]:8765", "127.0.0.2:1", "localhost:8765"]
)
def test_names_of_the_loopback_are_known(client: TestClient, host: str) -> None:
    assert client.get(f"{PREFIX}/health", headers={"host": host}).status_code == 200


def test_further_names_are_known_when_they_are_given(library: Path) -> None:
    app, _ = guarded_app(ServeSettings(library=library, names=("Music.Home",)))
    with TestClient(app, "https://music.home") as client:
        assert client.get("/").status_code == 200
        mine = {"origin": "https://music.home"}
        assert client.post(f"{PREFIX}/session", json={"token": "x"}, headers=mine).status_code == 204


FOREIGN = [
    {"origin": "http://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1:9000"},
    {"origin": "http://localhost:8765"},
    {"origin": "http://127.0.0.1:8765.evil.example"},
    {"origin": "http://127.0.0.1:x"},
    {"origin": "file://"},
    {"origin": ""},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/session"), ("DELETE", "/session"), ("GET", "/models")]
)
def test_pages_of_other_sites_are_refused(
    client: TestClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = client.request(method, PREFIX + path, headers=headers)
    assert problem(answer) == (403, "origin-foreign")


@pytest.mark.parametrize(
    "headers", [{"origin": BASE}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {}], ids=str
)
def test_the_own_page_and_programs_are_admitted(client: TestClient, headers: dict[str, str]) -> None:
    assert client.post(f"{PREFIX}/session", json={"token": "x"}, headers=headers).status_code == 204


def test_a_link_on_another_site_opens_the_page(client: TestClient) -> None:
    assert client.get("/", headers={"sec-fetch-site": "cross-site"}).status_code == 200


def test_every_route_but_health_and_login_needs_the_token(locked: TestClient) -> None:
    open_to_all = {("GET", "/health"), ("POST", "/session"), ("DELETE", "/session")}
    for each in endpoints():
        path = PREFIX + each.path.replace("{", "").replace("}", "")
        answer = locked.request(each.method, path)
        refused = answer.status_code == 401 and problem(answer)[1] == "token-missing"
        assert refused != ((each.method, each.path) in open_to_all), each
    for path in (f"{PREFIX}/none", "/none", "/Static/app.js", "/api/v1/HEALTH", "/static"):
        assert locked.get(path).status_code == 401, path
    assert locked.get("/").status_code == locked.get("/static/app.js").status_code == 200


@pytest.mark.parametrize(
    "value",
    ["Bearer wrong", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN,
     "Bearer \xff", f"Bearer {TOKEN} {TOKEN}", "Bearer " + "x" * 10_000],
)  # fmt: skip
def test_wrong_tokens_are_refused(locked: TestClient, value: str) -> None:
    answer = locked.get(f"{PREFIX}/models", headers={"authorization": value.encode("latin-1")})
    assert problem(answer)[0] == 401
    assert TOKEN not in answer.text and answer.headers["www-authenticate"].startswith("Bearer")


def test_the_right_token_is_admitted(locked: TestClient) -> None:
    assert locked.get(f"{PREFIX}/models", headers=BEARER).status_code == 200
    assert locked.get(f"{PREFIX}/models", headers={"authorization": f"bEARER  {TOKEN}"}).status_code == 200


def test_no_token_in_the_address(locked: TestClient) -> None:
    assert locked.get(f"{PREFIX}/models?token={TOKEN}").status_code == 401


def test_a_session_by_cookie_until_the_logout(locked: TestClient) -> None:
    assert problem(locked.post(f"{PREFIX}/session", json={"token": "wrong"})) == (401, "token-wrong")
    answer = locked.post(f"{PREFIX}/session", json={"token": TOKEN})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and "Max-Age=604800" in cookie
    assert TOKEN not in cookie and "Secure" not in cookie
    name, value = next(iter(locked.cookies.items()))
    assert name == "genrelab_8765"
    assert locked.get(f"{PREFIX}/models").status_code == 200
    assert locked.delete(f"{PREFIX}/session").status_code == 204
    assert not locked.cookies
    replayed = locked.get(f"{PREFIX}/models", headers={"cookie": f"{name}={value}"})
    assert problem(replayed) == (401, "token-missing")


def test_a_cookie_over_https_is_secure(library: Path) -> None:
    app, _ = guarded_app(ServeSettings(library=library, token=TOKEN))
    with TestClient(app, "https://127.0.0.1") as client:
        assert "Secure" in client.post(f"{PREFIX}/session", json={"token": TOKEN}).headers["set-cookie"]


@pytest.mark.parametrize("value", ["", "x", "genrelab_8765=", 'genrelab_8765="', "genrelab_8765=x; x", "=;,"])
def test_made_up_cookies_are_refused(locked: TestClient, value: str) -> None:
    assert locked.get(f"{PREFIX}/models", headers={"cookie": value}).status_code == 401


def test_a_login_must_be_json(locked: TestClient) -> None:
    """A form of another site can send no JSON."""
    answer = locked.post(f"{PREFIX}/session", data={"token": TOKEN})
    assert problem(answer) == (415, "body-not-json")


def test_too_many_requests_of_a_client(library: Path) -> None:
    limits = Limits(burst=5, rate=0.001)
    with TestClient(guarded_app(ServeSettings(library=library), limits)[0], BASE) as client:
        answers = [client.get(f"{PREFIX}/health") for _ in range(7)]
    assert [each.status_code for each in answers] == [200] * 5 + [429] * 2
    assert problem(answers[-1]) == (429, "rate-limit")
    assert int(answers[-1].headers["retry-after"]) > 0


@pytest.mark.parametrize("by", ["header", "login"])
def test_wrong_tokens_cost_more(library: Path, by: str) -> None:
    limits = Limits(burst=10, rate=0.001, wrong_token=4)
    settings = ServeSettings(library=library, token=TOKEN)
    with TestClient(guarded_app(settings, limits)[0], BASE) as client:
        for _ in range(3):
            if by == "header":
                client.get(f"{PREFIX}/models", headers={"authorization": "Bearer wrong"})
            else:
                client.post(f"{PREFIX}/session", json={"token": "wrong"})
        assert client.get(f"{PREFIX}/models", headers=BEARER).status_code == 429


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "TRACE", "OPTIONS"])
def test_other_methods_are_problems(client: TestClient, method: str) -> None:
    answer = client.request(method, f"{PREFIX}/health")
    assert problem(answer) == (405, "method-not-allowed")
    assert answer.headers["allow"] == "GET, HEAD"


def test_the_methods_of_all_routes_at_an_address_are_named(client: TestClient) -> None:
    assert client.get(f"{PREFIX}/session").headers["allow"] == "DELETE, POST"


@pytest.mark.parametrize(
    "path", ["/none", f"{PREFIX}/none", f"{PREFIX}/health/", "/static/", f"{PREFIX}//health"]
)
def test_unknown_addresses_are_problems(client: TestClient, path: str) -> None:
    assert problem(client.get(path)) == (404, "not-found")


# Applications of the tests behind the gate


async def boom(*_: object) -> Response:
    raise ValueError("secret \x1b[31m detail")


async def boom_late(_: object) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"begun"
        raise ValueError("secret")

    return StreamingResponse(parts())


async def swallow(request: Any) -> Response:
    total = 0
    async for part in request.stream():
        total += len(part)
    return Response(str(total))


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


async def slow(request: Any) -> Response:
    await request.app.state.go.wait()
    return Response("done")


def guarded(library: Path, limits: Limits | None = None, **options: Any) -> Any:
    routes = [
        Route("/boom", boom),
        Route("/late", boom_late),
        Route("/swallow", swallow, methods=["POST"]),
        Route("/slow", slow),
        WebSocketRoute("/api/v1/echo", echo),
    ]
    app = create_app(ServeSettings(library=library, **options), limits)
    app.router.routes.extend(routes)
    return app, guard(app, app.state.server)


@pytest.mark.parametrize("where", ["route", "application"])
def test_a_defect_is_an_incident_with_a_number(
    where: str, library: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = guarded(library)[1] if where == "route" else guard(boom, Server(ServeSettings(library=library)))
    answer = TestClient(app, BASE).get("/boom")
    assert problem(answer) == (500, "incident")
    assert "secret" not in answer.text and "Traceback" not in answer.text
    number = answer.json()["incident"]
    assert len(number) == 12 and number in answer.json()["title"]
    (record,) = [each for each in caplog.records if each.exc_info]
    assert number in record.getMessage()
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_bodies_are_bounded_also_without_a_length(library: Path) -> None:
    _, app = guarded(library, Limits(body=1000), most_upload=5000)
    client = TestClient(app, BASE)

    def endless() -> Iterator[bytes]:
        yield from (b"x" * 100 for _ in range(100_000))

    assert client.post("/swallow", content=b"x" * 1000).text == "1000"
    assert problem(client.post("/swallow", content=b"x" * 1001)) == (413, "body-too-long")
    assert problem(client.post("/swallow", content=endless())) == (413, "body-too-long")
    upload = {"content-type": "Multipart/Form-Data; boundary=x"}
    most = 5000 + MEBIBYTE
    assert client.post("/swallow", content=b"x" * most, headers=upload).text == str(most)
    longer = client.post("/swallow", content=b"x" * (most + 1), headers=upload)
    assert problem(longer) == (413, "upload-too-large")


def test_web_sockets_pass_the_same_checks(library: Path) -> None:
    _, app = guarded(library, token=TOKEN)
    client = TestClient(app, BASE)
    address = "/api/v1/echo"
    with client.websocket_connect(address, headers={**BEARER, "host": "127.0.0.1"}) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
    for headers in (
        {"host": "127.0.0.1"},
        {**BEARER, "host": "evil.example"},
        {**BEARER, "host": "127.0.0.1", "origin": "http://evil.example"},
        {"host": "127.0.0.1", "authorization": "Bearer wrong"},
    ):
        with pytest.raises(Exception) as caught, client.websocket_connect(address, headers=headers):
            pass
        denied = getattr(caught.value, "status_code", None)  # with the extension, a response
        assert denied in (401, 403, 421) or isinstance(caught.value, WebSocketDisconnect)


def test_requests_in_progress_are_bounded(library: Path) -> None:
    inner, app = guarded(library, Limits(requests=3))

    async def ask(path: str) -> int:
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        scope = {
            "type": "http", "method": "GET", "path": path, "query_string": b"", "root_path": "",
            "headers": [(b"host", b"localhost")], "client": ("127.0.0.1", 1), "http_version": "1.1",
        }  # fmt: skip
        await app(scope, receive, send)
        return status

    async def run() -> tuple[int, list[int], int]:
        inner.state.go = asyncio.Event()
        waiting = [asyncio.create_task(ask("/slow")) for _ in range(3)]
        await asyncio.sleep(0)
        refused = await ask("/slow")
        inner.state.go.set()
        return refused, list(await asyncio.gather(*waiting)), await ask("/slow")

    assert loops.run(run()) == (503, [200, 200, 200], 200)
