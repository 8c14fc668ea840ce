"""Tags in the table and in CSV."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from genrelab.recognize import RankedGenre, Recognition, TagScore
from genrelab.recognize.recognition import Reason
from genrelab.recognize.writers.formats import Format, write_records


class Terminal(io.BytesIO):
    """An output that is a terminal."""

    def isatty(self) -> bool:
        return True


def record(*tags: tuple[str, str, float, bool], reason: Reason | None = None) -> Recognition:
    return Recognition(
        Path("Music/Some Artist/one.mp3"),
        "m@0123456789ab",
        duration=200.0,
        genre="unsure" if reason else "rock",
        confidence=0.6,
        genres=(RankedGenre("rock", 0.6), RankedGenre("pop", 0.4)),
        tags=tuple(TagScore(*tag) for tag in tags),
        reason=reason,
    )


CALM, PUNK, FOLK = ("mood", "calm", 0.914, True), ("style", "punk", 0.5, True), ("genre", "folk", 0.2, False)
SIX = [("style", f"style {number}", 0.9 - number / 10, True) for number in range(6)]


def written(records: list[Recognition], format: Format, *, tags: bool, terminal: bool = False) -> str:
    out = Terminal() if terminal else io.BytesIO()
    write_records(records, out, format=format, top=2, tags=tags)
    return out.getvalue().decode("utf-8")


def test_a_line_of_tags_follows_each_record() -> None:
    lines = written([record(CALM, PUNK, FOLK), record(CALM)], "table", tags=True).splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        *("file", "Music/Some Artist/one.mp3", "", "Music/Some Artist/one.mp3", "")
    ]
    assert (lines[2], lines[4]) == ("  mood:calm 91 %, style:punk 50 %", "  mood:calm 91 %")


def test_nothing_changes_without_the_option() -> None:
    plain, tagged = [record()], [record(CALM, PUNK)]
    for format in ("table", "csv"):
        assert written(plain, format, tags=False) == written(tagged, format, tags=False)  # type: ignore[arg-type]
    assert written(plain, "table", tags=True) == written(plain, "table", tags=False)


def test_five_tags_at_most() -> None:
    *_, five = written([record(*SIX[:5])], "table", tags=True).splitlines()
    *_, six = written([record(*SIX)], "table", tags=True).splitlines()
    assert "style 4" in five and "more" not in five
    assert "style 4" in six and "style 5" not in six and six.endswith(", 1 more")


def test_records_without_a_present_tag() -> None:
    lines = written([record(FOLK), record(FOLK, reason="low confidence")], "table", tags=True).splitlines()
    assert lines[2] == lines[4] == "  no tags"
    # what is no music, silent or broken has none anyway
    nothing = record(FOLK, reason="no music")
    broken = Recognition(Path("x"), "m", error="x is broken")
    lines = written([nothing, broken], "table", tags=True).splitlines()
    assert len(lines) == 4 and "no tags" not in "".join(lines)


@pytest.mark.parametrize("width", [100, 60, 35])
def test_narrow_terminals(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm")
    long = ("style", "a very long name of a style that somebody thought of", 0.55, True)
    text = written([record(CALM, SIX[0], SIX[1], long, PUNK)], "table", tags=True, terminal=True)
    assert "\x1b[36mmood:calm" in text
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = [line for line in text.splitlines() if line.startswith("  ") and line[2:3].isalnum()]
    assert lines[0].startswith("  mood:calm 91 %, style:style 0") if width > 40 else lines[0].endswith(",")
    assert all(len(line) <= width for line in text.splitlines())
    words = " ".join(line.strip() for line in lines)
    assert words.endswith("that somebody thought of 55 %, style:punk 50 %")
    assert "style:style 0 90 %, style:style 1 80 %" in words


def test_tags_are_escaped_and_no_markup() -> None:
    evil = ("mood", "[red]\x1b[31m\x1f\u202ecalm", 0.9, True)
    *_, line = written([record(evil)], "table", tags=True).splitlines()
    assert line == r"  mood:[red]\x1b[31m\x1f\u202ecalm 90 %"
    file = Recognition(Path("\x1f"), "m", duration=1.0, genre="rock", confidence=0.5)
    lines = written([file, record(CALM)], "table", tags=True).splitlines()
    assert lines[1].startswith(r"\x1f") and lines[3] == "  mood:calm 91 %"


def test_a_column_of_csv() -> None:
    records = [record(CALM, ("style", "a=b, c", 0.5123456, True), FOLK), record(*SIX), record(FOLK)]
    rows = list(csv.DictReader(io.StringIO(written(records, "csv", tags=True), newline="")))
    assert list(rows[0])[8:11] == ["probability_2", "tags", "full"]
    assert rows[0]["tags"] == "mood:calm=0.914;style:a=b, c=0.512346"
    assert rows[1]["tags"].count(";") == 5  # all that are present
    assert rows[2]["tags"] == ""
    (plain,) = csv.DictReader(io.StringIO(written([record(CALM)], "csv", tags=False), newline=""))
    assert "tags" not in plain
