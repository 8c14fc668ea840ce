"""A reader who knows nothing finds the main pages in three clicks; pages work offline, and in all sizes."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe
import page_server
import pytest

pytestmark = [pytest.mark.slow(30), pytest.mark.browser]

PATHS = {  # what a reader looks for: the texts of the links, and what the page at the end must say
    "tag a library": (["I have music", "Tag your library"], "genrelab tag ~/Music --write"),
    "teach": (["I have music", "Teach it your own genres"], "genrelab teach ~/Music --from-tags"),
    "train": (["I do research", "Train"], "genrelab train"),
    "serve": (["I run a service", "Run the server"], "genrelab serve ~/Music"),
    "accuracy": (["What the accuracy means"], "right genre, of eleven"),
}
SIZES = {"desktop": (1280, 860), "phone": (360, 760)}
OPENED = ("index", "start", "use/index", "use/tag", "use/accuracy", "services/index", "services/http")


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that prints nothing."""

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    started = playwright.chromium.launch(executable_path=page_server.chromium(), args=["--no-sandbox"])
    yield started
    started.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """An empty page; at the end, no request may have gone elsewhere or failed."""
    opened = browser.new_page(viewport={"width": 1280, "height": 860}, reduced_motion="reduce")
    wrong: list[str] = []
    opened.on("request", lambda sent: sent.url.startswith(address) or wrong.append(sent.url))
    opened.on("response", lambda got: got.status < 400 or wrong.append(f"{got.status} {got.url}"))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    yield opened
    opened.close()
    assert [each for each in wrong if not each.startswith(("data:", "blob:"))] == []


@pytest.mark.parametrize("goal", PATHS)
def test_three_clicks(page: Any, address: str, goal: str) -> None:
    clicks, words = PATHS[goal]
    page.goto(address)
    for text in clicks:
        page.locator("article").get_by_role("link", name=text, exact=True).first.click()
        page.wait_for_load_state()
    assert len(clicks) <= 3
    assert words in page.locator("article").inner_text()


def test_search(page: Any, address: str) -> None:
    """It works without another host; the first result is opened."""
    page.goto(address)
    page.get_by_role("button", name="Search").first.click()
    page.keyboard.type("playlist path between tracks")
    page.get_by_text("How tracks are chosen").first.wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/use/playlists.html*")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", OPENED)
def test_pages_fit(page: Any, address: str, name: str, size: str) -> None:
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"{address}{name}.html")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.locator("article img")
    for number in range(pictures.count()):
        pictures.nth(number).scroll_into_view_if_needed()
        assert pictures.nth(number).evaluate("image => image.decode().then(() => image.naturalWidth)") > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_in_the_text(page: Any, address: str, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}use/tag.html")
    assert [each for each in axe.serious(page) if "article" in each] == []
