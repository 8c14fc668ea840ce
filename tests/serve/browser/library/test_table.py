"""The table of the library in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import many_tracks
import page_server
import pytest
from axe import serious
from library_page import HOSTILE, PLAYS, OpenPage, corrections, open_library, selected, table

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_search_filters_and_order_are_in_the_address(page: Any) -> None:
    open_library(page)
    page.get_by_text("4 tracks", exact=True).wait_for()
    page.get_by_label("Search").fill("clas")
    page.get_by_text("1 track found").wait_for()
    assert "search=clas" in page.url
    page.get_by_label("Search").fill("")
    page.get_by_text("4 tracks", exact=True).wait_for()
    page.get_by_role("button", name="Confidence").click()
    page.get_by_role("button", name="Confidence").click()
    page.get_by_role("columnheader", name="Confidence").and_(
        page.locator("[aria-sort=descending]")
    ).wait_for()
    shares = [int(text.split()[0]) for text in table(page).locator(".rows .col-confidence").all_inner_texts()]
    assert shares == sorted(shares, reverse=True)
    page.get_by_label("Only unsure").check()
    page.get_by_text("1 track found").wait_for()
    page.reload()
    page.get_by_text("1 track found").wait_for()
    assert page.get_by_label("Only unsure").is_checked()
    page.go_back()
    page.get_by_text("4 tracks", exact=True).wait_for()
    page.locator("[aria-sort=descending]").wait_for()
    assert not page.get_by_label("Only unsure").is_checked()


@pytest.mark.parametrize("width", [360, 700, 860, 1000, 1280])
def test_no_column_is_cut_off(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    open_library(page)
    page_server.until(page, "document.querySelector('.window-table').clientWidth < innerWidth")
    assert table(page).evaluate("table => table.scrollWidth <= table.clientWidth")


def test_the_table_is_driven_by_keys(page: Any) -> None:
    open_library(page)
    table(page).focus()
    page.keyboard.press("ArrowDown")
    active = table(page).get_attribute("aria-activedescendant")
    row = page.locator(f"#{active}")
    assert row.get_attribute("aria-rowindex") == "3"
    assert row.get_attribute("aria-selected") == "false"
    page.keyboard.press(" ")
    selected(page).get_by_text("1 track selected").wait_for()
    assert row.get_attribute("aria-selected") == "true"
    page.keyboard.press("Shift+End")
    selected(page).get_by_text("3 tracks selected").wait_for()
    page.keyboard.press("Control+a")
    selected(page).get_by_text("4 tracks selected").wait_for()
    assert serious(page) == []
    page.reload()  # the selection stays
    selected(page).get_by_text("4 tracks selected").wait_for()
    table(page).focus()
    page.keyboard.press("Escape")
    selected(page).wait_for(state="detached")
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.wait_for_url("**/#/track/*")
    page.go_back()
    table(page).wait_for()


#: Waits until a player is beyond a second.


def test_a_track_plays_and_goes_on_in_another_view(page: Any) -> None:
    open_library(page)
    table(page).get_by_role("button", name="Play").first.click()
    audio = page.locator(".listen-bar audio")
    audio.evaluate(PLAYS, 0.3)
    page.get_by_role("link", name="Models").click()
    page.get_by_role("heading", name="Models").wait_for()
    before = audio.evaluate("each => each.currentTime")
    audio.evaluate(PLAYS, before)
    page.get_by_role("button", name="Close the player").click()
    assert audio.evaluate("each => each.paused")


def test_html_in_tags_is_text(page: Any, watched: Any) -> None:
    open_library(page)
    page.get_by_role("link", name=HOSTILE, exact=True).wait_for()  # names come from the files a moment later
    assert "Nobody <i>at all</i>" in table(page).inner_text()
    assert page.title() == "Library · genrelab"
    assert page.locator("main img, main b").count() == 0


def test_only_rows_in_sight_are_in_the_document(open_page: OpenPage, tmp_path: Path) -> None:
    count = 5_000
    many = many_tracks.fill(tmp_path / "many.db", count, folder=str(tmp_path))
    with page_server.serving(tmp_path, many) as running:
        page = open_page(running)
        page.goto("#/library")
        check_long_table(page, count)
        page.close()


def check_long_table(page: Any, count: int) -> None:
    rows = table(page).locator(".rows [role=row]")
    rows.first.wait_for()
    assert rows.count() < 40
    assert table(page).get_attribute("aria-rowcount") == str(count + 1)
    table(page).focus()
    page.keyboard.press("End")
    last = page.locator(f"[role=row][aria-rowindex='{count + 1}']")
    last.get_by_text(f"Track {count - 1:06}.mp3").wait_for()
    assert rows.count() < 40
    page.keyboard.press("PageUp")
    page.keyboard.press("Shift+End")
    page.reload()
    last.get_by_text(f"Track {count - 1:06}.mp3").wait_for()
    box, frame = last.bounding_box(), table(page).bounding_box()
    assert frame["y"] < box["y"] < frame["y"] + frame["height"]


def test_an_answer_that_comes_too_late_is_dropped(page: Any) -> None:
    late = []

    def delay(route: Any) -> None:
        late.append(route)  # answered below, after the next search

    page.route("**/api/v1/tracks?*search=clas*", delay)
    open_library(page)
    page.get_by_label("Search").fill("clas")
    page.wait_for_url("**search=clas*")
    page.get_by_text("Loading …").wait_for()
    page.get_by_label("Search").fill("blues")
    page.get_by_text("1 track found").wait_for()
    for route in late:
        route.fallback()
    page.unroute("**/api/v1/tracks?*search=clas*")
    page.evaluate("() => new Promise((done) => setTimeout(done, 500))")
    assert len(late) == 1
    tips = table(page).locator(".rows .names a").evaluate_all("links => links.map((each) => each.title)")
    assert [Path(tip).name for tip in tips] == ["blues.mp3"]


def test_selected_tracks_are_corrected(page: Any, shelf: Path, library: Path) -> None:
    open_library(page, "?search=blues")
    table(page).focus()
    page.keyboard.press(" ")
    selected(page).get_by_role("button", name="Correct").click()
    dialog = page.get_by_role("dialog", name="Correct 1 track")
    dialog.get_by_label("Right genre").fill("Slow <b>blues</b>")
    assert serious(page) == []
    dialog.get_by_role("button", name="Correct").click()
    page.get_by_text("1 track corrected to Slow <b>blues</b>").wait_for()
    assert corrections(library)[str(shelf / "blues.mp3")] == "Slow <b>blues</b>"
    selected(page).wait_for(state="detached")
