"""What the browser tests of the library share."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

from page_server import Served

OpenPage = Callable[[Served], Any]
HOSTILE = "<img src=x onerror=\"document.title='broken'\"> & <b>bold</b>"
PLAYS = """(audio, second) => new Promise((done, fail) => {
  setTimeout(() => fail(new Error(`stays at ${audio.currentTime}`)), 30000);
  audio.addEventListener("timeupdate", () => audio.currentTime > second && done());
})"""
WRONG = "Reggae"  # the genre in the tags of a piece of jazz


def table(page: Any) -> Any:
    return page.get_by_role("grid", name="Tracks of the library")


def open_library(page: Any, query: str = "") -> None:
    page.goto(f"#/library{query}")
    table(page).locator(".rows .names a").first.wait_for()


def selected(page: Any) -> Any:
    return page.get_by_role("region", name="Selected tracks")


def corrections(library: Path) -> dict[str, str]:
    """Return what the file of corrections beside the library says: the last answer for each path counts."""
    path = library.with_name("corrections.csv")
    with path.open(newline="", encoding="utf-8") as file:
        return {row["path"]: row["genre"] for row in csv.DictReader(file) if row["genre"]}
