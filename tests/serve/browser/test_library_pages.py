"""The library, its map, review, tags and playlists in a real browser, on files with real tags."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import many_tracks
import mutagen.id3
import page_server
import pytest
import tagged
from axe import serious
from page_server import Served

pytestmark = [pytest.mark.slow, pytest.mark.browser]

OpenPage = Callable[[Served], Any]
HOSTILE = "<img src=x onerror=\"document.title='broken'\"> & <b>bold</b>"
WRONG = "Reggae"  # the genre in the tags of a piece of jazz


@pytest.fixture(scope="module")
def shelf(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pieces with tags: one of jazz that says reggae, one of classical music without a genre."""
    folder = tmp_path_factory.mktemp("shelf")
    for style in ("blues", "classical", "country", "jazz"):
        shutil.copy(music / f"{style}.mp3", folder)
    tagged.tag_id3(folder / "classical.mp3", 4)
    tagged.tag_id3(folder / "country.mp3", 4, "Country")
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(encoding=3, text=HOSTILE))
    tags.add(mutagen.id3.TPE1(encoding=3, text="Nobody <i>at all</i>"))
    tags.add(mutagen.id3.TCON(encoding=3, text=WRONG))
    tags.save(folder / "jazz.mp3")
    return folder


@pytest.fixture(scope="module")
def library(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("library") / "library.db"
    command = [sys.executable, "-m", "genrelab", "recognize", str(shelf), "--library", str(path)]
    # 1: one of the pieces is unsure
    done = subprocess.run(command, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode in (0, 1), done.stderr
    return path


@pytest.fixture(scope="module")
def served(shelf: Path, library: Path) -> Iterator[Served]:
    with page_server.serving(shelf, library) as running:
        yield running


def table(page: Any) -> Any:
    return page.get_by_role("grid", name="Tracks of the library")


def open_library(page: Any, query: str = "") -> None:
    page.goto(f"#/library{query}")
    table(page).locator(".rows .names a").first.wait_for()


def selected(page: Any) -> Any:
    return page.get_by_role("region", name="Selected tracks")


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
_PLAYS = """(audio, second) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error(`stays at ${audio.currentTime}`)), 30000);
  audio.addEventListener("timeupdate", () => audio.currentTime > second && done());
})"""


def test_a_track_plays_and_goes_on_in_another_view(page: Any) -> None:
    open_library(page)
    table(page).get_by_role("button", name="Play").first.click()
    audio = page.locator(".listen-bar audio")
    audio.evaluate(_PLAYS, 0.3)
    page.get_by_role("link", name="Models").click()
    page.get_by_role("heading", name="Models").wait_for()
    before = audio.evaluate("each => each.currentTime")
    audio.evaluate(_PLAYS, before)
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


def frames_and_sound(path: Path) -> tuple[dict[str, bytes], bytes]:
    """Return the frames of the ID3 tag, and all bytes behind it, read by another program than genrelab."""
    content = path.read_bytes()
    assert content[:3] == b"ID3"
    size = sum((byte & 127) << shift for byte, shift in zip(content[6:10], (21, 14, 7, 0), strict=True))
    tags = mutagen.id3.ID3(path)
    return {key: repr(frame).encode() for key, frame in tags.items()}, content[10 + size :]


def test_tags_are_planned_written_and_undone(page: Any, shelf: Path) -> None:
    path = shelf / "classical.mp3"
    frames, sound = frames_and_sound(path)
    assert "TCON" not in frames
    open_library(page, "?search=classical")
    table(page).focus()
    page.keyboard.press(" ")
    selected(page).get_by_role("link", name="Write tags").click()
    page.get_by_role("button", name="Show what would change").click()
    plan = page.get_by_role("region", name="Plan", exact=True)
    plan.get_by_role("heading", name="1 file would change").wait_for()
    assert plan.get_by_role("row").nth(1).locator(".fresh").inner_text() == "Classical"
    assert frames_and_sound(path) == (frames, sound)  # nothing is written yet
    assert serious(page) == []
    plan.get_by_role("button", name="Write 1 file").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("1 file will change: genre.").wait_for()
    assert serious(page) == []
    dialog.get_by_role("button", name="Write 1 file").click()
    page.get_by_role("heading", name="1 file written").wait_for()
    written, same = frames_and_sound(path)
    assert mutagen.id3.ID3(path)["TCON"].text == ["Classical"]
    assert {key: frame for key, frame in written.items() if key != "TCON"} == frames
    assert same == sound
    page.get_by_role("link", name="History and undo").click()
    page.get_by_role("button", name="Undo the write to classical.mp3").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo", exact=True).click()
    page.get_by_text("1 write undone.").wait_for()
    assert frames_and_sound(path) == (frames, sound)


def test_review_by_keyboard(page: Any, shelf: Path, library: Path) -> None:
    page.goto("#/review")
    question = page.get_by_role("region", name="Question")
    question.get_by_role("link", name=HOSTILE).wait_for()
    assert WRONG in question.inner_text()
    assert serious(page) == []
    page.keyboard.press("y")
    question.get_by_text("1 answered").or_(question.get_by_text("1 track answered")).wait_for()
    assert corrections(library) == {str(shelf / "jazz.mp3"): "jazz"}
    page.keyboard.press("z")
    question.get_by_text("0 answered").wait_for()
    assert corrections(library) == {}
    page.keyboard.press("g")
    page.keyboard.type("blues")
    page.keyboard.press("Enter")
    question.get_by_text("1 track answered").wait_for()
    assert corrections(library) == {str(shelf / "jazz.mp3"): "blues"}


def corrections(library: Path) -> dict[str, str]:
    """Return what the file of corrections beside the library says: the last answer for each path counts."""
    path = library.with_name("corrections.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return {row["path"]: row["genre"] for row in csv.DictReader(file) if row["genre"]}


def test_a_server_that_only_reads_says_so(
    open_page: OpenPage, shelf: Path, library: Path, tmp_path: Path
) -> None:
    copy = shutil.copy(library, tmp_path / "library.db")
    with page_server.serving(shelf, Path(copy), writes=False) as running:
        page = open_page(running)
        page.goto("#/tags")
        page.get_by_text("genrelab serve --allow-write").wait_for()
        page.get_by_label("Folder or file on the server").fill(str(shelf))
        page.get_by_role("button", name="Show what would change").click()
        page.get_by_text("Nothing is written by this server.").wait_for()
        assert page.get_by_role("button", name="Write", exact=False).count() == 0
        page.close()


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


def test_points_are_found_as_by_looking_at_all(page: Any) -> None:
    page.goto("#/models")
    page.get_by_role("heading", name="Models").wait_for()
    found = page.evaluate(
        """async () => {
          const { PointIndex, isInside } = await import("/static/components/scatter_index.js");
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


def test_teaching_shows_how_good_the_model_is(open_page: OpenPage, opened: list[Any], tmp_path: Path) -> None:
    root = tmp_path / "music"
    page_server.compose_several(root / "examples", "jazz", "rock", count=6, seconds=10)
    with page_server.serving(root, tmp_path / "library.db") as running:
        page = open_page(running)
        teach_without_corrections(page)
        opened[0][0].refused.clear()
        teach_from_folders(page)
        page.close()
    assert (root / "mine.onnx").is_file()


def teach_without_corrections(page: Any) -> None:
    page.goto("#/review")
    teach = page.get_by_role("region", name="Teach")
    teach.get_by_label("Model file to write").fill("mine.onnx")
    teach.get_by_role("button", name="Teach").click()
    teach.get_by_text("Correct the genres of some tracks first.").wait_for()
    assert teach.get_by_role("button", name="Replace it").count() == 0  # there is nothing to replace


def teach_from_folders(page: Any) -> None:
    page.goto("#/review")
    teach = page.get_by_role("region", name="Teach")
    teach.get_by_label("Learn from").select_option("the subfolders of a folder")
    teach.get_by_label("Folder on the server").fill("examples")
    teach.get_by_label("Model file to write").fill("mine.onnx")
    teach.get_by_role("button", name="Teach").click()
    teach.get_by_role("heading", name="The model is ready").wait_for(timeout=120_000)
    assert "2 genres: jazz, rock" in teach.inner_text()
    assert "Balanced accuracy" in teach.inner_text()
    assert serious(page) == []
    teach.get_by_role("link", name="All models").click()
    card = page.get_by_role("region", name="mine")
    card.get_by_text("taught", exact=True).wait_for()
    assert "in use" not in card.inner_text()


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
    page.locator(".listen-bar audio").evaluate(_PLAYS, 0.2)
    card.get_by_role("link", name="Open").click()
    page.wait_for_url("**/#/track/*")
