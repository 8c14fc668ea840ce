from __future__ import annotations

import csv
import io
import json
import os
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from raising import raises

from genrelab.recognize import RankedGenre, Recognition, Segment, TagScore
from genrelab.recognize.recognition import Stretch
from genrelab.recognize.writers.formats import FORMATS, Format, write_records

NOT_TEXT = os.fsdecode(b"caf\xe9\n\x1b[31m.mp3") if sys.platform == "linux" else "x\n.mp3"
RECORDS = [
    Recognition(
        Path('Ünï, "quoted".mp3'),
        "tiny@0123456789ab",
        duration=3723.4567891,
        genre="rock",
        confidence=0.61234567,
        genres=(
            RankedGenre("rock", 0.61234567),
            RankedGenre("[red]jazz", 0.3),
            RankedGenre("pop", 0.08765433),
        ),
        timeline=(
            Segment(0.0, 3.0, "rock", 0.7),
            Segment(1.5, 4.5, "rock", 0.6),
            Segment(3.0, 6.0, None, None),
            Segment(4.5, 7.5, "[red]jazz", 0.9),
        ),
        tags=(
            TagScore("mood", "calm", 0.91234567, True),
            TagScore("style", "punk = [b]noise", 0.5, True),
            TagScore("voice", "choir", 0.25, False),
        ),
    ),
    Recognition(Path(NOT_TEXT), "tiny@0123456789ab", error=f"{NOT_TEXT} is empty"),
    Recognition(Path("s.wav"), "tiny@0123456789ab", 2.0, "unsure", 0.0, reason="silent"),
]


def _written(format: Format, *, top: int = 2, timeline: bool = False, tags: bool = False) -> bytes:
    out = io.BytesIO()
    write_records(iter(RECORDS), out, format=format, top=top, timeline=timeline, tags=tags)
    return out.getvalue()


def test_the_json_record() -> None:
    first, second, third = json.loads(_written("json", timeline=True))
    assert first == {
        "path": 'Ünï, "quoted".mp3',
        "duration": 3723.457,
        "genre": "rock",
        "guess": False,
        "confidence": 0.612346,
        "reason": None,
        "genres": [{"genre": "rock", "probability": 0.612346}, {"genre": "[red]jazz", "probability": 0.3}],
        "tags": [
            {"kind": "mood", "name": "calm", "probability": 0.912346, "present": True},
            {"kind": "style", "name": "punk = [b]noise", "probability": 0.5, "present": True},
            {"kind": "voice", "name": "choir", "probability": 0.25, "present": False},
        ],
        "timeline": [
            {"start": 0.0, "end": 3.0, "genre": "rock", "probability": 0.7},
            {"start": 1.5, "end": 4.5, "genre": "rock", "probability": 0.6},
            {"start": 3.0, "end": 6.0, "genre": None, "probability": None},
            {"start": 4.5, "end": 7.5, "genre": "[red]jazz", "probability": 0.9},
        ],
        "parts": None,
        "full": True,
        "track": None,
        "model": "tiny@0123456789ab",
        "warning": None,
        "error": None,
    }
    assert list(second) == list(third) == list(first)
    assert second["tags"] == third["tags"] == []
    assert os.fsencode(second["path"]) == os.fsencode(NOT_TEXT)
    assert second["error"] == f"{NOT_TEXT} is empty"
    assert (third["genre"], third["reason"]) == ("unsure", "silent")


def test_json_lines_are_the_same_records() -> None:
    text = _written("jsonl").decode("utf-8")
    assert [json.loads(line) for line in text.split("\n")[:-1]] == json.loads(_written("json"))
    assert json.loads(text.split("\n")[0])["timeline"] is None


def test_csv() -> None:
    text = _written("csv").decode("utf-8", errors="surrogateescape")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert list(rows[0]) == [
        *("path", "duration", "genre", "confidence", "reason"),
        *("genre_1", "probability_1", "genre_2", "probability_2", "full"),
        *("track_number", "track_title", "track_start", "track_end", "model", "warning", "error", "guess"),
    ]
    assert [row["path"] for row in rows] == [os.fspath(record.path) for record in RECORDS]
    assert (rows[0]["genre_2"], rows[0]["probability_2"]) == ("[red]jazz", "0.3")
    assert (rows[1]["genre"], rows[1]["error"]) == ("", f"{NOT_TEXT} is empty")


def test_parquet(tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_bytes(_written("parquet", timeline=True))
    rows = pq.read_table(tmp_path / "x.parquet").to_pylist()
    assert [os.fsdecode(row["path_bytes"]) for row in rows] == [os.fspath(record.path) for record in RECORDS]
    assert rows[0]["genres"] == json.loads(_written("json"))[0]["genres"]
    assert rows[0]["tags"] == json.loads(_written("json"))[0]["tags"] != rows[1]["tags"] == []
    assert rows[0]["timeline"][2] == {"start": 3.0, "end": 6.0, "genre": None, "probability": None}
    assert rows[1]["error"].endswith("is empty")


def test_the_table() -> None:
    lines = _written("table", timeline=True).decode("utf-8").splitlines()
    assert lines[0].split() == ["file", "length", "genre", "confidence", "then", "timeline"]
    assert lines[1].split("  ")[0] == 'Ünï, "quoted".mp3'
    assert "1:02:03  rock" in lines[1]
    assert "61 %  [red]jazz 30 %" in lines[1]
    assert [line.split("0:0")[1].strip() for line in lines[1:4]] == ["0 rock", "3 silence", "4 [red]jazz"]
    assert "\x1b" not in "".join(lines)
    shown = "caf\\udce9\\n\\x1b[31m.mp3" if sys.platform == "linux" else "x\\n.mp3"
    assert lines[4].startswith(f"{shown}  ")
    assert lines[4].split() == [shown, "error"]
    assert lines[5].split() == ["s.wav", "0:02", "unsure:", "silent", "0", "%"]
    assert lines[6:] == [f"{shown} is empty"]


@pytest.mark.parametrize("format", FORMATS)
def test_no_records(format: Format, tmp_path: Path) -> None:
    out = io.BytesIO()
    write_records([], out, format=format)
    if format == "json":
        assert json.loads(out.getvalue()) == []
    elif format == "parquet":
        assert pq.read_table(io.BytesIO(out.getvalue())).num_rows == 0
    else:
        assert out.getvalue().count(b"\n") == (0 if format == "jsonl" else 1)


def test_lines_are_written_as_records_come() -> None:
    out = io.BytesIO()
    seen = []

    def records() -> object:
        for record in RECORDS:
            seen.append(out.getvalue().count(b"\n"))
            yield record

    write_records(records(), out, format="jsonl")  # type: ignore[arg-type]
    assert seen == [0, 1, 2]


def test_stretches_join_neighbours() -> None:
    assert RECORDS[0].stretches() == [
        Stretch(0.0, 3.0, "rock"),
        Stretch(3.0, 4.5, None),
        Stretch(4.5, 7.5, "[red]jazz"),
    ]


def test_wrong_use() -> None:
    with raises("output-format", "yaml"):
        write_records([], io.BytesIO(), format="yaml")  # type: ignore[arg-type]
    with raises("top-genres", 0):
        write_records([], io.BytesIO(), format="json", top=0)
    with raises("csv-timeline"):
        write_records([], io.BytesIO(), format="csv", timeline=True)


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with raises("extra-missing", "genrelab[parquet]"):
        write_records([], io.BytesIO(), format="parquet")
