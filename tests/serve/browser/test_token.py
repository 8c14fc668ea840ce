"""The page of a server that needs a token, allows small uploads and changes no files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import page_server
import pytest
from page_server import CLEAR, Served, card, drop, mp3

pytestmark = [pytest.mark.slow, pytest.mark.browser]

TOKEN = "a-long-token-for-the-tests-of-the-page-0123456789"


@pytest.fixture(scope="module")
def served(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("protected")
    file = folder / "token"
    file.write_text(TOKEN + "\n")
    file.chmod(0o600)
    options = ("--token-file", str(file), "--max-upload", "1")
    with page_server.serving(music, folder / "library.db", *options, writes=False) as running:
        yield running


def log_in(page: Any, watched: Any) -> None:
    page.goto("#/")
    page.wait_for_load_state("networkidle")  # each of the first requests is refused
    enter_token(page)
    watched.refused.clear()


def enter_token(page: Any) -> None:
    dialog = page.get_by_role("dialog", name="Token")
    dialog.get_by_label("Token").fill(TOKEN)
    dialog.get_by_role("button", name="Log in").click()
    dialog.wait_for(state="detached")


def test_a_wrong_token_is_refused_and_the_right_one_opens_the_page(
    page: Any, served: Served, watched: Any
) -> None:
    page.goto("#/")
    dialog = page.get_by_role("dialog", name="Token")
    dialog.wait_for()
    assert dialog.get_by_label("Token").evaluate("field => field === document.activeElement")
    dialog.get_by_label("Token").fill("wrong")
    dialog.get_by_role("button", name="Log in").click()
    dialog.get_by_role("alert").get_by_text("the token is wrong").wait_for()
    assert all(each.startswith("401 ") for each in watched.refused)
    log_in(page, watched)
    drop(page, mp3(served.music / f"{CLEAR}.mp3"))
    card(page, f"{CLEAR}.mp3").locator(".verdict").get_by_text(CLEAR, exact=True).wait_for()
    assert page.evaluate("document.cookie") == ""  # scripts cannot read it
    page.reload()
    page.get_by_role("link", name="Jobs").click()
    page.locator(".job").first.wait_for()  # still logged in


def test_a_file_that_is_too_large_is_refused_with_the_limit(page: Any, served: Served, watched: Any) -> None:
    log_in(page, watched)
    drop(page, ("large.wav", "audio/wav", bytes(1_500_000)))
    shown = card(page, "large.wav").get_by_role("alert")
    shown.wait_for()
    assert "1" in shown.inner_text()
    assert "max-upload" in shown.inner_text()
    watched.refused.clear()


def test_a_refusal_that_comes_after_the_login_asks_for_no_second_one(page: Any, watched: Any) -> None:
    late: list[Any] = []
    page.route("**/api/v1/genres", lambda route: route.continue_() if late else late.append(route))
    with page.expect_request("**/api/v1/genres"):
        page.goto("#/")
    enter_token(page)
    with page.expect_response(lambda answer: answer.url.endswith("/genres") and answer.ok):
        late[0].fulfill(status=401, json={"title": "no token", "code": "token"})
    assert page.get_by_role("dialog", name="Token").count() == 0
    watched.refused.clear()


def test_logging_out_ends_the_session(page: Any, watched: Any) -> None:
    log_in(page, watched)
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("dialog", name="Token").wait_for()
    assert any(each.startswith("401 ") for each in watched.refused)
    watched.refused.clear()


def test_a_server_that_only_reads_says_so(page: Any, watched: Any) -> None:
    log_in(page, watched)
    recognized = """fetch("api/v1/recognize?wait=60", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ paths: ["jazz.mp3"] }),
    }).then((answer) => answer.json())"""
    (found,) = page.evaluate(recognized)["results"]
    page.goto(f"#/track/{found['id']}")
    page.get_by_text("start it with genrelab serve --allow-write.").wait_for()
    assert page.get_by_label("Right genre").count() == 0
