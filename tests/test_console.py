"""Tables in a terminal: a shared folder is printed once, and lines end between items."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import pytest

from genrelab.cli.output.listing import write_table as write_list
from genrelab.cli.output.tag_records import write_tag_records
from genrelab.console import below_one_folder
from genrelab.library.tagging.tag_record import TagRecord
from genrelab.recognize import RankedGenre, Recognition
from genrelab.recognize.writers.table import write_table

FOLDER = os.sep + os.path.join("home", "somebody", "Music", "all of it", "by artist")
NAMES = [os.path.join("The Band", "01 First.mp3"), os.path.join("Else", "02.flac")]
PATHS = [os.path.join(FOLDER, name) for name in NAMES]


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def lines_of(out: io.BytesIO) -> list[str]:
    return re.sub("\x1b\\[[0-9;]*m", "", out.getvalue().decode()).splitlines()


def recognition(path: str, *ranked: tuple[str, float]) -> Recognition:
    genres = tuple(RankedGenre(*each) for each in ranked)
    return Recognition(
        Path(path), "m@1", duration=30.0, genre=ranked[0][0], confidence=ranked[0][1], genres=genres
    )


def written(kind: str, out: io.BytesIO) -> None:
    if kind == "recognize":
        found = [recognition(path, ("jazz", 0.9), ("blues", 0.1)) for path in PATHS]
        write_table(found, out, top=3, timeline=False)
    elif kind == "tag":
        records = [TagRecord(Path(path), "left", note="has a genre") for path in PATHS]
        write_tag_records(records, out, format="table")
    else:
        write_list(["n", "file"], [("1", path) for path in PATHS], out, paths="file")


@pytest.mark.parametrize("kind", ["recognize", "tag", "list"])
def test_the_folder_of_all_files_is_printed_once(kind: str) -> None:
    screen, file = Terminal(), io.BytesIO()
    written(kind, screen)
    first, *rows = lines_of(screen)
    assert first == FOLDER + os.sep
    assert len(rows) == 3 and all(name in row for name, row in zip(NAMES, rows[1:], strict=True))
    written(kind, file)
    assert all(path in row for path, row in zip(PATHS, lines_of(file)[1:], strict=True))


@pytest.mark.parametrize(
    "paths",
    [
        PATHS[:1],
        ["a.mp3", "b.mp3"],
        [PATHS[0], os.path.join("some", "relative", "folder", "with a name", "x.mp3")],
        [PATHS[0], os.sep + "x.mp3"],
        [PATHS[0], PATHS[1].replace("somebody", os.path.join(".", "somebody"))],
    ],
)
def test_otherwise_paths_are_as_they_were_given(paths: list[str]) -> None:
    assert below_one_folder(paths, Terminal()) == ("", paths)
    assert below_one_folder(PATHS, Terminal()) == (FOLDER, NAMES)


def test_a_line_ends_between_genres_and_those_at_zero_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = [("rock", 0.6), ("drum and bass", 0.2), ("pop", 0.15), ("folk", 0.004)]
    for width in range(56, 90):
        monkeypatch.setenv("COLUMNS", str(width))
        screen = Terminal()
        write_table([recognition("x.mp3", *ranked)], screen, top=4, timeline=False)
        text = "\n".join(lines_of(screen))
        assert "drum and bass 20 %" in text and "pop 15 %" in text and "folk" not in text, text
