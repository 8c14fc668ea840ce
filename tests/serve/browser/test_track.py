"""The page of a track in a real browser: sound, timeline, similar tracks, correction."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from axe import serious
from page_server import CLEAR, SECOND, Served, until

pytestmark = [pytest.mark.slow, pytest.mark.browser]

#: Keeps every sound element that the page makes, as `window.sounds`.
_KEEP_SOUNDS = """() => {
  window.sounds = [];
  const Made = window.Audio;
  window.Audio = function (...given) {
    const made = new Made(...given);
    window.sounds.push(made);
    return made;
  };
}"""


@pytest.fixture
def names(served: Served, known: list[str]) -> dict[str, str]:
    """Name of a file -> its id."""
    return dict(zip(sorted(path.name for path in served.music.iterdir()), known, strict=True))


@pytest.fixture
def track(page: Any, names: dict[str, str]) -> Any:
    """The page of the first piece, with its waveform."""
    page.add_init_script(f"({_KEEP_SOUNDS})()")
    page.goto(f"#/track/{names[f'{CLEAR}.mp3']}")
    page.get_by_role("heading", name=f"{CLEAR}.mp3").wait_for()
    page.get_by_role("group", name=f"Player: {CLEAR}.mp3").wait_for()
    return page


def test_a_click_in_the_timeline_seeks_and_says_why(track: Any) -> None:
    bar = track.get_by_role("slider", name="Genre over time")
    box = bar.bounding_box()
    bar.click(position={"x": box["width"] * 0.5, "y": 8})
    why = track.locator(".why-segment")
    why.get_by_role("heading", name=f": {CLEAR}").wait_for()
    assert why.locator(".ranking li").count() == 5
    until(track, "Math.abs(window.sounds[0].currentTime - 15) < 1")
    assert track.locator(".player .time").inner_text().startswith(("0:14", "0:15"))
    for scheme in ("light", "dark"):
        track.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert serious(track) == []


def test_the_sound_plays_and_the_needle_moves(track: Any) -> None:
    track.get_by_role("button", name="Play", exact=True).click()
    until(track, "window.sounds[0].currentTime > 0.5")
    until(track, "parseFloat(document.querySelector('.needle').style.left) > 1")
    track.get_by_role("button", name="Pause", exact=True).click()
    assert track.evaluate("window.sounds[0].paused")


def test_keys_move_the_timeline_and_the_sound(track: Any) -> None:
    bar = track.get_by_role("slider", name="Genre over time")
    bar.focus()
    for key in ("Home", "ArrowRight", "ArrowRight"):
        track.keyboard.press(key)
    assert bar.get_attribute("aria-valuenow") == "2"
    until(track, "window.sounds[0].currentTime > 9")
    track.get_by_role("button", name="Play", exact=True).focus()
    before = track.evaluate("window.sounds[0].currentTime")
    track.keyboard.press("ArrowRight")
    until(track, f"window.sounds[0].currentTime > {before + 4}")


def test_similar_tracks_play_and_lead_on_and_one_sound_plays_at_a_time(
    track: Any, names: dict[str, str]
) -> None:
    track.get_by_role("button", name="Play", exact=True).click()
    until(track, "!window.sounds[0].paused")
    similar = track.locator(".similar li")
    similar.first.wait_for()
    assert similar.count() == len(names) - 1
    similar.first.get_by_role("button").click()
    until(track, "window.sounds.at(-1).currentTime > 0.2")
    assert track.evaluate("window.sounds[0].paused")
    other = similar.first.get_by_role("link").inner_text()
    similar.first.get_by_role("link").click()
    track.get_by_role("heading", name=other, level=1).wait_for()
    assert track.evaluate("window.sounds.every((each) => each.paused)")  # it does not go on unseen


def test_charts_have_their_tables(track: Any) -> None:
    for name in ("Genre over time", "Confidence over time"):
        track.get_by_text(f"{name} as a table").click()
        rows = track.get_by_role("table", name=name).locator("tbody tr")
        assert rows.count() == int(track.locator(".timeline").get_attribute("aria-valuemax")) + 1


def test_genres_with_the_same_colour_are_told_apart(track: Any) -> None:
    track.locator(".chip .dot").first.wait_for()
    alike = """import("./static/components/genre.js").then((module) => [
      module.colourOf("country") === module.colourOf("electronic"),
      ...module.alike(["country", null, "jazz", "electronic", "rock"]),
    ])"""
    assert track.evaluate(alike) == [True, "electronic"]


def test_a_genre_is_corrected_and_the_correction_taken_back(track: Any, served: Served) -> None:
    file = served.music / f"{CLEAR}.mp3"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    track.get_by_label("Right genre").select_option(SECOND)
    track.get_by_role("button", name="Correct", exact=True).click()
    track.get_by_text(f"Corrected to {SECOND}.").wait_for()
    assert any(str(file) in line and SECOND in line for line in corrections(served))
    track.get_by_role("button", name="Undo").click()
    track.get_by_text("The correction is undone.").wait_for()
    assert not any(str(file) in line for line in corrections(served))
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before


def corrections(served: Served) -> list[str]:
    """Return the lines of the corrections beside the library."""
    found: list[Path] = list(served.library.parent.rglob("*.csv"))
    return [line for path in found for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_sound_that_browsers_do_not_play_is_encoded(
    page: Any, served: Served, names: dict[str, str]
) -> None:
    page.add_init_script(f"({_KEEP_SOUNDS})()")
    page.goto(f"#/track/{names['metal.aiff']}")
    page.get_by_role("button", name="Play", exact=True).click()
    until(page, "window.sounds[0].currentTime > 0.3")
    assert page.evaluate("window.sounds[0].src").endswith("as=ogg")


def test_a_long_file_can_be_processed_as_a_whole(page: Any, served: Served, music: Path) -> None:
    """Of a long file only segments are processed, and only their first genre is stored."""
    wave, rate = soundfile.read(music / f"{CLEAR}.mp3")
    soundfile.write(music / "long.mp3", np.concatenate([wave] * 6), rate)
    try:
        page.goto("#/")
        page.get_by_text("Music on the server").click()
        page.get_by_label("File or folder").fill("long.mp3")
        page.get_by_role("button", name="Recognize", exact=True).click()
        page.get_by_role("link", name="Open").click()
        page.locator(".timeline").click(position={"x": 30, "y": 8})
        assert page.locator(".why-segment .ranking li").count() == 1
        page.get_by_role("button", name="Process the whole file").click()
        page.locator(".why-segment .ranking li").nth(4).wait_for()
        page.get_by_text("the whole file", exact=True).wait_for()
    finally:
        (music / "long.mp3").unlink()


def test_an_unknown_track_is_explained(page: Any, watched: Any) -> None:
    page.goto("#/track/L25vd2hlcmU")
    shown = page.get_by_role("alert")
    shown.wait_for()
    assert "no such track" in shown.inner_text()
    assert len(watched.refused) == 1
    watched.refused.clear()
