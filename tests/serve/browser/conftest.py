"""A real browser, and a real server with composed music."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import page_server
import pytest
from page_server import CLEAR, SECOND, Served

FLAGS = ("--no-sandbox", "--enable-unsafe-swiftshader", "--autoplay-policy=no-user-gesture-required")


@pytest.fixture(scope="session")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with five composed pieces; browsers do not play the last."""
    folder = tmp_path_factory.mktemp("music")
    page_server.compose(folder, CLEAR, SECOND, "country", "blues")
    page_server.compose(folder, "metal", suffix=".aiff")
    return folder


@pytest.fixture(scope="session")
def served(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with page_server.serving(music, tmp_path_factory.mktemp("served") / "library.db") as running:
        yield running


@pytest.fixture(scope="session")
def known(served: Served) -> list[str]:
    """Recognize the folder; return the ids of its tracks in the order of their names."""
    content = json.dumps({"paths": ["."], "full": True}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{served.url}api/v1/recognize?wait=60", content, headers)
    with urllib.request.urlopen(request, timeout=90) as response:
        job = json.load(response)
    assert job["state"] == "done"
    return [each["id"] for each in sorted(job["results"], key=lambda each: each["path"])]


@pytest.fixture(scope="session")
def browser(playwright: Any) -> Iterator[Any]:
    running = playwright.chromium.launch(executable_path=page_server.chromium(), args=list(FLAGS))
    yield running
    running.close()


class Watched:
    """What a page did: its requests, those that were refused, and its complaints."""

    def __init__(self, page: Any) -> None:
        self.requests: list[str] = []
        self.refused: list[str] = []
        self.complaints: list[str] = []
        page.on("response", self._answered)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._said)

    def _answered(self, response: Any) -> None:
        if response.status >= 400:
            self.refused.append(f"{response.status} {response.url}")

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            if "GL Driver Message" in message.text:  # of the driver without a graphics card, about its speed
                return
            self.complaints.append(message.text)

    def check(self, url: str) -> None:
        """Fail if something went to another host, or if the browser complained, such as about the policy."""
        assert self.requests
        own = (url, f"blob:{url}", url.replace("http:", "ws:"), "data:")
        assert [each for each in self.requests if not each.startswith(own)] == []
        assert self.complaints == []
        assert self.refused == []


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    """A page that has not been opened yet."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, base_url=served.url)
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


@pytest.fixture(autouse=True)
def watched(page: Any, served: Served) -> Iterator[Watched]:
    """Every page asks only this server; a test that expects a refusal clears `watched.refused`."""
    watched = Watched(page)
    yield watched
    if page.url != "about:blank":  # a test may use a server of its own, with `open_page`
        watched.check(served.url)


@pytest.fixture
def opened() -> list[tuple[Watched, str]]:
    """What the pages of `open_page` did, and the addresses of their servers."""
    return []


@pytest.fixture
def open_page(browser: Any, opened: list[tuple[Watched, str]]) -> Iterator[Callable[[Served], Any]]:
    """A function that opens a page of another server; it is watched, too."""

    def open_one(running: Served) -> Any:
        page = browser.new_page(viewport={"width": 1280, "height": 900}, base_url=running.url)
        page.set_default_timeout(30_000)
        opened.append((Watched(page), running.url))
        return page

    yield open_one
    for watched, url in opened:
        watched.check(url)
