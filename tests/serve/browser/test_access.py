"""The page for everyone: axe-core finds nothing serious, keyboards reach all, phones show all."""

from __future__ import annotations

from typing import Any

import pytest
from axe import serious
from page_server import Served

pytestmark = [pytest.mark.slow, pytest.mark.browser]

VIEWS = ["", "live", "library", "map", "review", "playlists", "tags", "jobs", "models", "track"]
LOOKS = {"light": (1280, 900, "light"), "dark": (1280, 900, "dark"), "phone": (360, 740, "light")}


def visit(page: Any, view: str, track: str = "") -> None:
    """Open a view and wait until it is complete: its heading comes first, with a sign of loading below."""
    page.goto(f"#/{view}/{track}" if view == "track" else f"#/{view}")
    page.wait_for_load_state("load")
    page.get_by_role("heading", level=1).first.wait_for()
    page.locator(".loading").first.wait_for(state="detached")


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious_and_phones_show_all(
    page: Any, known: list[str], view: str, look: str
) -> None:
    width, height, scheme = LOOKS[look]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    visit(page, view, known[0])
    if look == "phone":
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert serious(page) == []


def test_axe_sees_faults(page: Any) -> None:
    """What this file relies on."""
    visit(page, "jobs")
    page.evaluate("document.querySelector('main').append(document.createElement('button'))")
    assert any(each.startswith("button-name") for each in serious(page))


def test_the_skip_link_and_the_navigation_work_by_keyboard(page: Any) -> None:
    visit(page, "")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    assert skip.evaluate("each => each === document.activeElement")
    assert skip.evaluate("each => getComputedStyle(each).clipPath") == "none"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Choose files"
    focus = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert focus == "solid"
    page.get_by_role("link", name="Jobs").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Jobs").wait_for()
    assert page.title() == "Jobs · genrelab"
    assert page.evaluate("document.activeElement.id") == "main"


def test_the_menu_of_a_phone_opens_and_escape_closes_it(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("#/")
    menu = page.get_by_role("button", name="Menu")
    assert not page.get_by_role("link", name="Jobs").is_visible()
    menu.click()
    assert menu.get_attribute("aria-expanded") == "true"
    page.get_by_role("link", name="Jobs").focus()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Jobs").wait_for(state="hidden")
    assert menu.evaluate("each => each === document.activeElement")


def test_the_colours_can_be_chosen_and_stay(page: Any, served: Served) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("#/")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_label("Colours").select_option("auto")
    assert page.evaluate(ground) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == dark
