"""The page of `genrelab library map` in a real browser, under its own policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe import serious
from map_pages import measure, write_page

pytestmark = [pytest.mark.slow, pytest.mark.browser]

AT_REST = """async () => {
  const isAtRest = () => window.genrelabMap?.scatter.shown > 0 && !genrelabMap.scatter.painted;
  while (!isAtRest()) await new Promise((go) => setTimeout(go, 20));
}"""
WITHOUT_WEBGL = """const real = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {
  return kind.startsWith("webgl") ? null : real.call(this, kind, ...rest);
};"""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("map") / "map.html", 30_000)


@pytest.fixture
def tab(browser: Any, path: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    if "without_webgl" in request.node.name:
        opened.add_init_script(WITHOUT_WEBGL)
    opened.goto(path.as_uri())
    opened.evaluate(AT_REST)
    yield opened
    assert faults == []
    context.close()


def drawn(tab: Any) -> bytes:
    tab.evaluate(AT_REST)
    picture: bytes = tab.locator("#map").screenshot()
    return picture


def test_names_are_found_and_shown(tab: Any) -> None:
    whole = drawn(tab)
    tab.get_by_text("Names are relative to /").wait_for()
    tab.get_by_label("Find files").fill("track 0029999")
    tab.get_by_text("1 file", exact=True).wait_for()
    tab.get_by_role("button", name="Track 0029999.mp3").click()
    tab.locator("#tip b", has_text="09 Track 0029999.mp3").wait_for()
    assert drawn(tab) != whole and "Artist 00299" in tab.locator("#tip").inner_text()
    tab.get_by_label("Find files").fill("")
    tab.get_by_role("button", name="whole map").click()
    tab.get_by_text("Recordings in view: 30,000", exact=True).wait_for()
    assert tab.locator("#hits li").count() == 0
    assert serious(tab) == []


def test_hidden_genres_are_neither_drawn_nor_counted(tab: Any) -> None:
    whole = drawn(tab)
    tab.get_by_role("button", name="hide all").click()
    tab.get_by_text("Recordings in view: 0", exact=True).wait_for()
    assert drawn(tab) != whole
    tab.get_by_role("checkbox", name="jazz").check()
    jazz = tab.evaluate("genrelabMap.data.genre.filter((each) => each === 6).length")
    tab.get_by_text(f"Recordings in view: {jazz:,}", exact=True).wait_for()
    tab.locator("#twin summary").click()
    tab.locator("#rows tr").nth(99).wait_for()
    assert tab.locator("#rows tr").count() == 100
    assert set(tab.locator("#rows td:nth-child(2)").all_inner_texts()) == {"jazz"}


def test_the_map_is_drawn_without_webgl(tab: Any) -> None:
    assert "without WebGL 2" in tab.locator("#state").inner_text()
    whole = drawn(tab)
    tab.get_by_role("button", name="hide all").click()
    tab.get_by_text("Recordings in view: 0", exact=True).wait_for()
    assert drawn(tab) != whole


def test_tiles_cover_what_is_in_view(tab: Any) -> None:
    """Every point in a box is in one of the parts that are drawn for it, at any zoom."""
    missing = tab.evaluate(
        """() => {
          const { scatter, data } = genrelabMap;
          const missing = [];
          for (const [left, low, side] of [[0, 0, 1], [0.2, 0.3, 0.4], [0.5, 0.5, 0.05]]) {
            const seen = new Set();
            for (const [first, count] of scatter.tiles.within(left, left + side, low, low + side)) {
              for (let k = first; k < first + count; k += 1) seen.add(k);
            }
            for (let k = 0; k < data.count; k += 1) {
              const [right, up] = [data.x[k] - left, data.y[k] - low];
              const inside = Math.min(right, up) >= 0 && Math.max(right, up) <= side;
              if (inside && !seen.has(k)) missing.push(k);
            }
          }
          return { missing, tiles: data.tileCount.length };
        }"""
    )
    assert missing["missing"] == [] and missing["tiles"] > 4


def test_the_speed_of_a_page_is_measured(browser: Any, path: Path) -> None:
    speed = measure(path, browser, seconds=2.0)
    assert speed.painter == "webgl2" and speed.first > 0 and speed.rate > 0 and speed.drawn >= 8000
