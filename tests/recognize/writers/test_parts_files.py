"""Pictures and CUE sheets of a file's parts."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from types import ModuleType

import numpy as np
from raising import raises

from genrelab.pages.palette import OTHERS, assign
from genrelab.recognize import RankedGenre, Recognition, Recognizer, Segment
from genrelab.recognize.writers.cue import cue_sheet
from genrelab.recognize.writers.picture import draw_timeline

NASTY = 'a <b>&"c"\n\x1b.mp3'
SVG = "{http://www.w3.org/2000/svg}"


def mix(parts: list[tuple[int | None, int]], *, genres: int = 9) -> Recognition:
    """A mix of genres, each for a number of segments of 3 s."""
    rows = []
    for genre, n in parts:
        row = np.full(genres, np.nan if genre is None else 0.2 / (genres - 1))
        if genre is not None:
            row[genre] = 0.8
        rows.append(np.tile(row, (n, 1)))
    probabilities = np.concatenate(rows).astype(np.float32)
    n = len(probabilities)
    return Recognition(
        Path(NASTY),
        "m",
        duration=3.0 * n,
        genre="genre <0>",
        confidence=0.5,
        genres=tuple(RankedGenre(f"genre <{number}>", 0.1) for number in range(genres)),
        timeline=tuple(Segment(3.0 * i, 3.0 * i + 3.0, None, None) for i in range(n)),
        probabilities=probabilities,
    )


RECORD = mix([(1, 20), (None, 10), (8, 40), (0, 30)])


def test_the_picture_stands_alone_and_shows_the_parts() -> None:
    text = draw_timeline(RECORD)
    root = ElementTree.fromstring(text)
    told = [title.text for title in root.iter(f"{SVG}title")]
    assert told[0] == 'a <b>&"c"\\n\\x1b.mp3: genre over time'
    assert told[-4:] == [
        "genre <1>, 80 %, 0:00 to 1:00",
        "silence, 1:00 to 1:30",
        "genre <8>, 80 %, 1:30 to 3:30",
        "genre <0>, 80 %, 3:30 to 5:00",
    ]
    assert "prefers-color-scheme: dark" in text
    assert not re.search(r"href|url\(|<script|@import", text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        *("svg", "title", "style", "rect", "text", "line", "polygon", "g")
    }


def test_areas_are_as_high_as_the_probabilities() -> None:
    root = ElementTree.fromstring(draw_timeline(RECORD))
    areas = {str(area.findtext(f"{SVG}title")): area.get("points") for area in root.iter(f"{SVG}polygon")}
    assert list(areas)[:3] == ["genre <8>", "genre <0>", "genre <1>"]  # by the length of their parts
    assert list(areas)[-1] == "other genres"
    fills = {str(area.findtext(f"{SVG}title")): area.get("fill") for area in root.iter(f"{SVG}polygon")}
    assert fills == {genre: colour for genre, (colour, _) in assign(list(areas)[:-1]).items()} | {
        "other genres": OTHERS
    }
    points = [tuple(map(float, point.split(","))) for point in str(areas["genre <8>"]).split()]
    upper = points[: len(points) // 2]
    heights = {round(308 - y) for x, y in upper if 0.31 < (x - 52) / 880 < 0.69}
    assert heights == {round(0.8 * 220)}


def test_long_and_silent_files_can_be_drawn(tiny_model: Path) -> None:
    long = mix([(1, 5000), (2, 7000)])
    assert len(draw_timeline(long)) < 250_000
    silent = Recognizer.load(tiny_model, threads=1)(np.zeros(40000), sample_rate=8000)
    root = ElementTree.fromstring(draw_timeline(silent))
    assert "silence, 0:00 to 0:05" in [title.text for title in root.iter(f"{SVG}title")]


def test_the_cue_sheet() -> None:
    assert cue_sheet(RECORD, '../Mix "1".MP3').split("\r\n") == [
        "TITLE \"a <b>&'c'\\n\\x1b.mp3\"",
        "FILE \"../Mix '1'.MP3\" MP3",
        *("  TRACK 01 AUDIO", '    TITLE "genre <1>"', "    INDEX 01 00:00:00"),
        *("  TRACK 02 AUDIO", '    TITLE "silence"', "    INDEX 01 01:00:00"),
        *("  TRACK 03 AUDIO", '    TITLE "genre <8>"', "    INDEX 01 01:30:00"),
        *("  TRACK 04 AUDIO", '    TITLE "genre <0>"', "    INDEX 01 03:30:00"),
        "",
    ]
    assert '" WAVE\r\n' in cue_sheet(RECORD, "x.flac")


def test_a_cue_sheet_has_99_tracks_at_most() -> None:
    many = mix([(number % 3, 8) for number in range(250)])
    assert 1 <= cue_sheet(many, "x.wav").count("TRACK") <= 99
    assert cue_sheet(mix([(1, 4000), (2, 4000)]), "x").count("INDEX 01 200:00:00") == 1


def test_what_was_not_recognized_has_neither(tiny: ModuleType) -> None:
    broken = Recognition(Path("x"), "m", error="x is broken")
    with raises("nothing-to-draw", "x"):
        draw_timeline(broken)
    with raises("cue-of-error", "x"):
        cue_sheet(broken, "x")
