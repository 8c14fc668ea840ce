"""Take the pictures of the page in docs/pictures: composed music, a real server, chromium.

    python scripts/screenshots.py [NAME ...]     all pictures, or those with these names

Needs what the browser tests need: `pip install -e '.[test]' playwright`, and chromium.
"""

from __future__ import annotations

import json
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mutagen.id3
import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/helpers"))

import many_tracks  # noqa: E402
import page_server  # noqa: E402

PICTURES = ROOT / "docs/pictures"
STYLES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
CHANGING = ("jazz", "country", "classical")
LARGE = 20_000
Shots = dict[str, tuple[str, str, Callable[[Any], None]]]
SIZES = {"desktop": (1280, 860, "light"), "dark": (1280, 860, "dark"), "phone": (360, 760, "light")}
SIZES["phone-dark"] = (360, 760, "dark")


def main() -> None:
    """Run the command."""
    from playwright.sync_api import sync_playwright

    wanted = sys.argv[1:]
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as text, sync_playwright() as playwright:
        folder = Path(text)
        music = folder / "Music"
        music.mkdir()
        microphone = make_music(music)
        flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
        flags += [f"--use-file-for-fake-audio-capture={microphone}", "--enable-unsafe-swiftshader"]
        with page_server.serving(music, folder / "library.db") as served:
            ids = recognize(served.url)
            browser = playwright.chromium.launch(executable_path=page_server.chromium(), args=flags)
            take_all(browser, served.url, shots(ids, music), wanted)
        large = folder / "Large"  # tracks without files, for the table and the map
        large.mkdir()
        many_tracks.fill(folder / "large.db", LARGE, folder=str(large))
        with page_server.serving(large, folder / "large.db") as served:
            take_all(browser, served.url, large_shots(), wanted)
        browser.close()


def take_all(browser: Any, url: str, shots: Shots, wanted: list[str]) -> None:
    """Take the pictures of a server that are wanted."""
    for name, (view, size, prepare) in shots.items():
        if not wanted or name in wanted:
            take(browser, url + view, name, size, prepare)


def large_shots() -> Shots:
    """Return what to take of the large library."""
    return {
        "page-library-phone": ("#/library", "phone", wait),
        "page-map": ("#/map", "desktop", lasso),
        "page-map-dark": ("#/map", "dark", lasso),
    }


def shots(ids: dict[str, str], music: Path) -> Shots:
    """Return name -> address, size, and what to do before the picture is taken."""
    track = f"#/track/{ids['Suite in three rooms']}"
    return {
        "page-recognize": ("#/", "desktop", lambda page: drop(page, music)),
        "page-recognize-phone": ("#/", "phone", lambda page: drop(page, music)),
        "page-track": (track, "desktop", choose),
        "page-track-dark": (track, "dark", choose),
        "page-track-phone": (track, "phone-dark", choose),
        "page-library": ("#/library", "desktop", wait),
        "page-review": ("#/review?kind=unsure", "desktop", wait),
        "page-tags": ("#/tags", "desktop", plan),
        "page-playlist-phone": ("#/playlists", "phone", preview),
        "page-microphone": ("#/live", "dark", listen),
    }


def make_music(folder: Path) -> Path:
    """Compose tagged pieces, and a sound for the microphone; return the path of that."""
    waves = {}
    for number, style in enumerate(STYLES):
        (path,) = page_server.compose(folder, style)
        waves[style], rate = soundfile.read(path)
        title = f"Piece in the style of {style}"
        write_tags(path.rename(folder / f"{number + 1:02d} {title}.mp3"), title)
    suite = folder / "Suite in three rooms.mp3"
    soundfile.write(suite, np.concatenate([waves[style] for style in CHANGING]), rate)
    write_tags(suite, suite.stem)
    microphone = folder.parent / "microphone.wav"
    soundfile.write(microphone, np.concatenate([waves["jazz"], waves["jazz"]]), rate)
    return microphone


def write_tags(path: Path, title: str) -> None:
    """Write a title, artist and genre."""
    tags = mutagen.id3.ID3()
    tags.add(mutagen.id3.TIT2(text=title))
    tags.add(mutagen.id3.TPE1(text="Composed by rules"))
    tags.add(mutagen.id3.TCON(text="Instrumental"))
    tags.save(path)


def recognize(url: str) -> dict[str, str]:
    """Recognize the folder; return name of a track -> its id."""
    content = json.dumps({"paths": ["."], "full": True}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{url}api/v1/recognize?wait=60", content, headers)
    with urllib.request.urlopen(request, timeout=90) as response:
        return {Path(each["path"]).stem: each["id"] for each in json.load(response)["results"]}


def take(browser: Any, address: str, name: str, size: str, prepare: Callable[[Any], None]) -> None:
    """Write one picture."""
    width, height, scheme = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(address)
    prepare(page)
    page.wait_for_timeout(700)
    page.screenshot(path=PICTURES / f"{name}.png")
    context.close()
    sys.stdout.write(f"{name}\n")


def wait(page: Any) -> None:
    """Wait until the view has its data."""
    page.wait_for_timeout(2500)


def lasso(page: Any) -> None:
    """Draw a lasso around one of the groups of the map."""
    stage = page.locator(".map-stage")
    stage.wait_for(timeout=120_000)
    wait(page)
    box = stage.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.keyboard.down("Shift")
    page.mouse.move(x - 90, y - 60)
    page.mouse.down()
    for right, down in ((60, -90), (110, 20), (40, 90), (-70, 80), (-90, -60)):
        page.mouse.move(x + right, y + down, steps=6)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] - 5)


def plan(page: Any) -> None:
    """Show what would be written."""
    page.get_by_label("Folder or file on the server").fill(".")
    page.get_by_label("Replace them").check()
    page.get_by_text("More options").click()
    page.get_by_label("Also where the model is unsure").check()
    page.get_by_text("More options").click()
    page.get_by_role("button", name="Show what would change").click()
    page.get_by_role("region", name="Plan").wait_for()
    page.evaluate("scrollTo(0, document.body.scrollHeight)")


def preview(page: Any) -> None:
    """Show the tracks of a playlist."""
    for genre in ("jazz", "classical", "country"):
        page.get_by_label(genre, exact=True).check()
    page.get_by_role("button", name="Show the tracks").click()
    page.locator(".playlist").wait_for()
    page.locator(".playlist").scroll_into_view_if_needed()


def drop(page: Any, music: Path) -> None:
    """Recognize three files."""
    chosen = [str(path) for path in sorted(music.glob("0*.mp3"))[1:6:2]]
    page.set_input_files("[data-test=files]", chosen)
    page.locator(".answers .verdict").nth(2).wait_for()
    page.locator(".answers").evaluate("each => window.scrollTo(0, each.offsetTop - 90)")


def choose(page: Any) -> None:
    """Choose a segment of the timeline."""
    bar = page.locator(".timeline")
    bar.wait_for()
    page.locator(".player").wait_for()
    box = bar.bounding_box()
    bar.click(position={"x": box["width"] * 0.45, "y": 10})


def listen(page: Any) -> None:
    """Start the microphone and wait for some answers."""
    page.get_by_role("button", name="Start").click()
    page.locator(".live-ranking li").first.wait_for()
    page.wait_for_timeout(9000)


if __name__ == "__main__":
    main()
