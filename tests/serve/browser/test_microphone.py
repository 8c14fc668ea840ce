"""The microphone: chromium plays a file as its microphone, and the page shows the genre."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import page_server
import pytest
from axe import serious
from page_server import CLEAR, Served, until

pytestmark = [pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser(playwright: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A browser whose microphone hears composed jazz."""
    (wave,) = page_server.compose(tmp_path_factory.mktemp("microphone"), CLEAR, suffix=".wav", seconds=60)
    flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    flags.append(f"--use-file-for-fake-audio-capture={wave}")
    running = playwright.chromium.launch(executable_path=page_server.chromium(), args=flags)
    yield running
    running.close()


def test_music_at_the_microphone_gets_its_genre(page: Any, served: Served) -> None:
    page.goto("#/live")
    page.get_by_role("button", name="Start").click()
    page.locator(".live-genre").get_by_text(CLEAR, exact=True).wait_for()
    assert page.locator(".live-ranking li").first.inner_text().startswith(CLEAR)
    page.get_by_text("Confidence over time as a table").click()
    rows = page.get_by_role("table", name="Confidence over time").locator("tbody tr")
    rows.nth(1).wait_for()
    assert serious(page) == []
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Start").wait_for()
    assert page.get_by_role("alert").count() == 0
    assert page.locator(".live-genre").inner_text() == CLEAR  # the last answer stays


def test_leaving_the_view_ends_the_recording(page: Any) -> None:
    page.goto("#/live")
    page.evaluate("""() => {
      const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
      navigator.mediaDevices.getUserMedia = async (wish) => (window.stream = await ask(wish));
    }""")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.get_by_role("link", name="Jobs").click()
    until(page, "window.stream.getTracks().every((track) => track.readyState === 'ended')")


def test_a_refused_microphone_is_explained(playwright: Any, served: Served, tmp_path: Path) -> None:
    running = playwright.chromium.launch(executable_path=page_server.chromium(), args=["--no-sandbox"])
    page = running.new_page(base_url=served.url)
    page.goto("#/live")
    page.get_by_role("button", name="Start").click()
    shown = page.get_by_role("alert")
    shown.wait_for()
    assert "microphone" in shown.inner_text()
    assert "start again" in shown.inner_text()
    page.get_by_role("button", name="Start").wait_for()
    running.close()
