"""Tags, review and teaching in a real browser, on files with real tags."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import mutagen.id3
import page_server
import pytest
from axe import serious
from library_page import HOSTILE, WRONG, OpenPage, corrections, open_library, selected, table

pytestmark = [pytest.mark.slow, pytest.mark.browser]


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
