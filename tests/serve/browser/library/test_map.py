"""The map and playlists in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import page_server
import pytest
from axe import serious
from library_page import PLAYS, selected

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_a_lasso_on_the_map_becomes_a_playlist(page: Any, shelf: Path, watched: Any) -> None:
    page.goto("#/map")
    stage = page.locator(".map-stage canvas").first
    page.get_by_text("4 tracks in view.").wait_for()
    drawn = stage.screenshot()
    page.get_by_role("button", name="Hide all").click()
    page.get_by_text("0 tracks in view.").wait_for()
    assert stage.screenshot() != drawn
    page.get_by_role("button", name="Show all").click()
    page.get_by_text("4 tracks in view.").wait_for()
    assert stage.screenshot() == drawn
    page.get_by_role("button", name="Lasso").click()
    box = page.locator(".map-stage").bounding_box()
    right, low = box["width"] - 8, box["height"] - 8
    corners = [(right, low), (right, 8), (8, 8), (8, low)]
    page.mouse.move(box["x"] + corners[0][0], box["y"] + corners[0][1])
    page.mouse.down()
    for x, y in (*corners[1:], corners[0]):
        page.mouse.move(box["x"] + x, box["y"] + y, steps=8)
    page.mouse.up()
    selected(page).get_by_text("4 tracks selected").wait_for()
    assert serious(page) == []
    selected(page).get_by_role("link", name="Playlist").click()
    listed = page.locator(".playlist > li")
    listed.nth(3).wait_for()
    first = listed.first.locator(".what").inner_text().strip()
    page.get_by_role("button", name=f"Move {first} down").click()
    assert listed.nth(1).locator(".what").inner_text().strip() == first
    page_server.until(page, "document.activeElement.dataset.name === 'down'")
    page.get_by_role("button", name="Remove").last.click()
    assert listed.count() == 3
    page.get_by_label("Name").fill("calm evening")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    assert downloading.value.suggested_filename == "calm evening.m3u8"
    lines = Path(downloading.value.path()).read_text(encoding="utf-8").splitlines()
    assert lines[0] == "#EXTM3U"
    assert len([line for line in lines if not line.startswith("#")]) == 3
    page.get_by_label("Save to this folder on the server").fill(str(shelf))
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Saved:").wait_for()
    saved = (shelf / "calm evening.m3u8").read_text(encoding="utf-8").splitlines()
    entries = [line for line in saved if not line.startswith("#")]
    assert len(entries) == 3
    assert {shelf / entry for entry in entries} < set(shelf.glob("*.mp3"))
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_text("Choose another name, or replace it.").wait_for()
    watched.refused.clear()
    page.get_by_role("button", name="Replace it").click()
    page.get_by_role("button", name="Save", exact=True).wait_for()


def test_enter_while_searching_a_track_sends_no_form(page: Any, watched: Any) -> None:
    page.goto("#/playlists?kind=similar")
    field = page.get_by_label("Add a track")
    field.fill("mp3")
    page.locator(".found button").first.click()
    page.locator(".seeds li").wait_for()
    field.fill("mp3")
    page.locator(".found button").first.wait_for()
    field.press("Enter")
    page.get_by_role("button", name="Show the tracks").click()
    page.get_by_role("region", name="Tracks of the playlist").wait_for()
    assert len([each for each in watched.requests if each.endswith("/playlists/preview")]) == 1


def test_points_are_found_as_by_looking_at_all(page: Any) -> None:
    page.goto("#/models")
    page.get_by_role("heading", name="Models").wait_for()
    found = page.evaluate(
        """async () => {
          const { PointIndex, isInside } = await import("/static/scatter/points.js");
          let seed = 1;
          const draw = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
          const x = Float32Array.from({ length: 3000 }, draw);
          const y = Float32Array.from({ length: 3000 }, draw);
          const index = new PointIndex(x, y);
          const odd = (k) => k % 2 === 1;
          const faults = [];
          for (let turn = 0; turn < 200; turn += 1) {
            const [a, b, radius] = [1.2 * draw() - 0.1, 1.2 * draw() - 0.1, 0.03 * draw()];
            let best = -1;
            let least = radius * radius;
            for (let k = 1; k < 3000; k += 2) {
              const away = (x[k] - a) ** 2 + (y[k] - b) ** 2;
              if (away <= least) [best, least] = [k, away];
            }
            if (index.nearest(a, b, radius, odd) !== best) faults.push(turn);
          }
          const star = Array.from({ length: 60 }, (_, k) => {
            const far = k % 2 ? 0.45 : 0.2;
            return [0.5 + far * Math.cos(k / 9.55), 0.5 + far * Math.sin(k / 9.55)];
          });
          const inside = [...x.keys()].filter((k) => odd(k) && isInside(star, x[k], y[k]));
          const near = [...x.keys()].filter((k) => odd(k) && Math.hypot(x[k] - 0.5, y[k] - 0.5) < 0.17);
          return { faults, same: String(inside) === String(index.within(star, odd)),
                   all: near.every((k) => inside.includes(k)), count: inside.length };
        }"""
    )
    assert found["faults"] == []
    assert found["same"] and found["all"]
    assert 100 < found["count"] < 1000


def test_the_map_is_drawn_without_webgl(page: Any) -> None:
    page.add_init_script(
        """const real = HTMLCanvasElement.prototype.getContext;
        HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
          return kind.startsWith("webgl") ? null : real.call(this, kind, ...rest);
        };"""
    )
    page.goto("#/map")
    stage = page.locator(".map-stage canvas").first
    page.get_by_text("4 tracks in view.").wait_for()
    drawn = stage.screenshot()
    page.get_by_role("button", name="Hide all").click()
    page.get_by_text("0 tracks in view.").wait_for()
    empty = stage.screenshot()
    assert empty != drawn
    page.get_by_role("button", name="jazz").click()
    page.get_by_text("1 track in view.").wait_for()
    assert stage.screenshot() not in (empty, drawn)
    assert page.get_by_role("button", name="jazz").get_attribute("aria-pressed") == "true"


def test_a_track_on_the_map_says_its_name_and_plays(page: Any) -> None:
    page.goto("#/map")
    page.get_by_text("4 tracks in view.").wait_for()
    for genre in ("classical", "country", "unsure"):
        page.get_by_role("region", name="Legend").get_by_role("button", name=genre).click()
    page.get_by_text("1 track in view.").wait_for()
    box = page.locator(".map-stage").bounding_box()
    tip = page.locator(".map-tip", has_text="jazz.mp3")
    steps = [(x, y) for y in range(10, int(box["height"]), 12) for x in range(10, int(box["width"]), 12)]
    for x, y in steps:
        page.mouse.move(box["x"] + x, box["y"] + y)
        if tip.count():
            break
    page.mouse.down()
    page.mouse.up()
    card = page.get_by_role("region", name="Track")
    card.get_by_role("button", name="Play jazz.mp3").click()
    page.locator(".listen-bar audio").evaluate(PLAYS, 0.2)
    card.get_by_role("link", name="Open").click()
    page.wait_for_url("**/#/track/*")
