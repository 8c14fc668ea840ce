"""Recognize files in a real browser: drop them, see the answers, look at the timeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from axe import serious
from page_server import CLEAR, SECOND, Served, card, drop, mp3

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_two_dropped_files_are_recognized_and_show_their_timelines(page: Any, served: Served) -> None:
    page.goto("#/")
    drop(page, *(mp3(served.music / f"{genre}.mp3") for genre in (CLEAR, SECOND)))
    for genre in (CLEAR, SECOND):
        found = card(page, f"{genre}.mp3")
        found.locator(".verdict").get_by_text(genre, exact=True).wait_for()
        ranked = found.locator(".ranking li")
        assert ranked.count() == 3
        first = ranked.first.inner_text().split()
        assert first[0] == genre
        assert int(first[1]) > 50
    found.get_by_text("Timeline", exact=True).click()
    bar = found.get_by_role("slider", name="Genre over time")
    bar.focus()
    page.keyboard.press("End")
    assert bar.get_attribute("aria-valuetext").startswith("0:2")
    assert SECOND in bar.get_attribute("aria-valuetext")
    found.get_by_text("Genre over time as a table").click()
    rows = found.get_by_role("table", name="Genre over time").locator("tbody tr")
    assert rows.count() == int(bar.get_attribute("aria-valuemax")) + 1
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert serious(page) == []


def test_a_file_without_sound_gets_its_error_and_the_others_their_answers(page: Any, served: Served) -> None:
    page.goto("#/")
    broken = ("<img src=x onerror=alert(1)>.mp3", "audio/mpeg", b"no music in here")
    drop(page, broken, mp3(served.music / f"{CLEAR}.mp3"))
    card(page, f"{CLEAR}.mp3").locator(".verdict").get_by_text(CLEAR, exact=True).wait_for()
    found = card(page, broken[0])
    found.get_by_role("alert").wait_for()
    assert broken[0] in found.get_by_role("alert").inner_text()
    assert found.get_by_role("alert").locator("p").count() == 1  # the error says itself what helps
    assert page.locator("img[src=x]").count() == 0  # it is text


def test_answers_can_be_saved(page: Any, served: Served, tmp_path: Path) -> None:
    page.goto("#/")
    drop(page, mp3(served.music / f"{CLEAR}.mp3"))
    card(page, f"{CLEAR}.mp3").locator(".verdict").wait_for()
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as JSON").click()
    saved.value.save_as(tmp_path / "saved.json")
    (record,) = json.loads((tmp_path / "saved.json").read_text(encoding="utf-8"))
    assert (record["path"], record["genre"]) == (f"{CLEAR}.mp3", CLEAR)


def test_unsure_is_explained(page: Any, served: Served) -> None:
    page.goto("#/")
    drop(page, mp3(served.music / "blues.mp3"))
    found = card(page, "blues.mp3")
    found.locator(".verdict").get_by_text("unsure", exact=True).wait_for()
    assert "The most likely genre is" in found.locator(".why").inner_text()


def test_files_that_are_not_audio_are_skipped_and_counted(page: Any, served: Served) -> None:
    page.goto("#/")
    drop(page, ("cover.jpg", "image/jpeg", b"x"), mp3(served.music / f"{CLEAR}.mp3"))
    page.get_by_text("1 file that is not audio was skipped.").wait_for()
    assert page.locator(".answers > li").count() == 1


def test_a_folder_of_the_server_is_recognized_and_other_folders_are_refused(
    page: Any, served: Served, watched: Any, tmp_path: Path
) -> None:
    page.goto("#/")
    page.get_by_text("Music on the server").click()
    page.get_by_label("File or folder").fill(str(tmp_path))
    page.get_by_role("button", name="Recognize", exact=True).click()
    refused = card(page, str(tmp_path)).get_by_role("alert")
    refused.wait_for()
    assert str(served.music) in refused.inner_text()  # the remedy names the folders
    assert [each.split("/")[-1] for each in watched.refused] == ["recognize"]
    watched.refused.clear()
    page.get_by_label("File or folder").fill(".")
    page.get_by_role("button", name="Recognize", exact=True).click()
    found = card(page, ".")
    found.get_by_text("done").wait_for()
    assert found.locator(".result").count() == len(list(served.music.iterdir()))
    assert found.get_by_role("link", name="Open").count() == len(list(served.music.iterdir()))


def test_an_upload_can_be_cancelled_and_tried_again(page: Any, served: Served) -> None:
    page.goto("#/")
    page.route("**/api/v1/recognize*", lambda route: None)  # the answer never comes
    drop(page, mp3(served.music / f"{CLEAR}.mp3"))
    page.get_by_role("button", name=f"Cancel {CLEAR}.mp3").click()
    page.get_by_text("cancelled", exact=True).wait_for()
    page.unroute("**/api/v1/recognize*")
    page.get_by_role("button", name=f"Try {CLEAR}.mp3 again").click()
    card(page, f"{CLEAR}.mp3").locator(".verdict").get_by_text(CLEAR, exact=True).wait_for()


def test_jobs_show_what_was_done(page: Any, served: Served) -> None:
    page.goto("#/")
    drop(page, mp3(served.music / f"{CLEAR}.mp3"))
    card(page, f"{CLEAR}.mp3").locator(".verdict").wait_for()
    page.get_by_role("link", name="Jobs").click()
    first = page.locator(".job").first
    first.get_by_text("Results", exact=True).click()
    row = first.get_by_role("row", name=f"{CLEAR}.mp3")
    row.wait_for()
    assert CLEAR in row.locator("td").nth(1).inner_text()
