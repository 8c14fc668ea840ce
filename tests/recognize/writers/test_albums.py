"""Records of albums: tables on narrow terminals, and names that are not text."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from genrelab.recognize import RankedGenre, TagScore
from genrelab.recognize.albums import Album, Outlier
from genrelab.recognize.writers.albums import write_albums
from genrelab.recognize.writers.formats import Format

ROCK = tuple(RankedGenre(genre, p) for genre, p in (("rock", 0.7), ("metal", 0.2), ("pop", 0.1)))
FOLDER = Path(os.fsdecode(b"Music/The Long Name of a Band/Caf\xe9 \x1b[31m"))
ALBUM = Album(
    FOLDER, "m@1",
    tracks=12, counted=11, answered=10, agreeing=9, genre="rock", confidence=0.7, genres=ROCK,
    tags=(TagScore("mood", "happy", 0.6, True), TagScore("style", "punk", 0.2, False)),
    warnings=("a.mp3: cut off",), errors=("b.mp3 is\nbroken",),
    unit="album", title="Caf\udce9", artist="The \x1b[31mBand",
    outliers=(
        Outlier(FOLDER / os.fsdecode(b"1 \xff.mp3"), None, "jazz", 0.91, None),
        Outlier(Path("else/2.flac"), 7, "unsure", 0.0, "silent"),
    ),
)  # fmt: skip


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def written(format: Format, *albums: Album, out: io.BytesIO | None = None, tags: bool = True) -> bytes:
    out = io.BytesIO() if out is None else out
    write_albums(albums, out, format=format, top=2, tags=tags)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_column_is_readable_on_a_terminal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = re.sub("\x1b\\[[0-9;]*m", "", written("table", ALBUM, out=Terminal()).decode())
    lines = text.rstrip("\n").splitlines()
    assert lines[0].split() == ["album", "tracks", "genre", "confidence", "agree", "then"]
    cells = re.split(" {2,}", lines[1])
    assert cells[1:5] == ["11 of 12", "rock", "70 %", "9 of 10"]
    assert cells[0].startswith("Music/The") and "metal" in cells[5]
    assert "  mood:happy 60 %" in lines
    (at,) = [number for number, line in enumerate(lines) if line.startswith("  outliers: 2, ")]
    outliers = " ".join(line.strip() for line in lines[at:-2])
    assert outliers == "outliers: 2, 1 \\udcff.mp3 (jazz 91 %), else/2.flac 7 (silent)"
    assert all(len(line) <= width for line in lines)
    assert "\\udce9" in text.replace("\n", "").replace(" ", "") or width < 120
    assert "\x1b" not in text and lines[-1] == "b.mp3 is\\nbroken"


def test_names_that_are_not_text() -> None:
    name = os.fsencode(ALBUM.path)
    for format in ("json", "jsonl"):
        found = json.loads(written(format, ALBUM))  # type: ignore[arg-type]
        (record,) = found if format == "json" else [found]
        assert os.fsencode(record["path"]) == name
        assert record == ALBUM.to_dict(top=2)
    text = written("csv", ALBUM).decode(errors="surrogateescape")
    (row,) = csv.DictReader(io.StringIO(text))
    assert os.fsencode(row["path"]) == name
    assert (row["tags"], row["genre_2"], row["errors"]) == ("mood:happy=0.6", "metal", "b.mp3 is\nbroken")
    assert os.fsencode(row["outliers"]) == name + b"/1 \xff.mp3; else/2.flac"
    assert "tags" not in written("csv", tags=False).decode()


@pytest.mark.parametrize(("format", "expected"), [("json", b"[]\n"), ("jsonl", b"")])
def test_no_albums(format: Format, expected: bytes) -> None:
    assert written(format) == expected


def test_parquet_has_all_fields() -> None:
    (row,) = pq.read_table(io.BytesIO(written("parquet", ALBUM))).to_pylist()
    assert row["path_bytes"] == os.fsencode(ALBUM.path)
    assert (row["unit"], row["compilation"], row["track"]) == ("album", None, None)
    assert [(each["track"], each["genre"], each["reason"]) for each in row["outliers"]] == [
        (None, "jazz", None), (7, "unsure", "silent")
    ]  # fmt: skip
    assert set(row) == {*ALBUM.to_dict(), "path_bytes"}


def test_albums_of_one_folder_and_tracks_of_a_sheet_have_names() -> None:
    album = replace(ALBUM, path=Path("m"), title="One", artist=None, outliers=())
    track = Album(Path("m.flac"), "m@1", unit="track", track=3, compilation="flag", title="Mix", artist="DJ")
    lines = written("table", album, replace(album, title="Two", artist="Band"), track).decode().splitlines()
    starts = [line.split("  ")[0] for line in lines if line.startswith("m")]
    assert starts == ["m (One)", "m (Two, Band)", "m.flac 3"]


def test_a_table_names_the_first_outliers() -> None:
    many = tuple(Outlier(Path(f"m/{number}.mp3"), None, "jazz", 0.9, None) for number in range(30))
    line = next(
        line
        for line in written("table", replace(ALBUM, outliers=many)).decode().splitlines()
        if "outl" in line
    )
    assert line.strip().startswith("outliers: 30, m/0.mp3") and line.endswith("m/19.mp3 (jazz 90 %), ...")
