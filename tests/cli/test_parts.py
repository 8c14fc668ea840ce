"""`genrelab recognize` with parts, pictures and CUE sheets."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile

from genrelab.cli.main import main


@pytest.fixture
def mixes(tiny: ModuleType, tmp_path: Path) -> Path:
    folder = tmp_path / "mixes"
    for name in ("a", "b"):
        (folder / name).mkdir(parents=True)
        parts = [tiny.tone(200.0, 12.0), tiny.tone(3000.0, 9.0)]
        soundfile.write(folder / name / "mix.flac", np.concatenate(parts), 8000)
    (folder / "c.mp3").write_text("no music")
    return folder


def test_parts_pictures_and_sheets(
    tiny_model: Path, mixes: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out" / "deep"
    plain = ["recognize", str(mixes), "--model", str(tiny_model), "--format", "json"]
    main(plain)  # so that the library knows them
    assert [record["parts"] for record in json.loads(capsys.readouterr().out)] == [None] * 3
    options = ["--parts", "--min-part", "4", "--picture", str(out), "--cue", str(out)]
    assert main([*plain, *options]) == 1
    records = json.loads(capsys.readouterr().out)
    for record in records[:2]:
        assert [(part["start"], part["end"], part["genre"]) for part in record["parts"]] == [
            (0.0, 12.0, "low"),
            (12.0, 21.0, "high"),
        ]
    assert records[2]["error"] and records[2]["parts"] is None
    assert sorted(os.listdir(out)) == [
        *("mix.flac-2.cue", "mix.flac-2.svg", "mix.flac.cue", "mix.flac.svg"),
    ]
    sheet = (out / "mix.flac-2.cue").read_text()
    named = sheet.splitlines()[1].split('"')[1]
    assert (out / named).resolve() == (mixes / "b" / "mix.flac").resolve()
    assert "INDEX 01 00:12:00" in sheet


def test_the_least_length(tiny_model: Path, mixes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = str(mixes / "a" / "mix.flac")
    assert main(["recognize", song, "--model", str(tiny_model), "--format", "json", "--parts"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert len(record["parts"]) == 1  # none of two could last 20 s


def test_the_table_shows_parts(tiny_model: Path, mixes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    song = str(mixes / "a" / "mix.flac")
    assert main(["recognize", song, "--model", str(tiny_model), "--parts", "--min-part", "4"]) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.endswith("parts")
    assert first.endswith("0:00 low") and second.strip() == "0:12 high"


@pytest.mark.parametrize(
    "options",
    [["--min-part", "0"], ["--min-part", "nan"], ["--parts", "--format", "csv"], ["--picture", "FILE"]],
)
def test_wrong_use(options: list[str], tiny_model: Path, mixes: Path) -> None:
    taken = str(mixes / "c.mp3")
    arguments = [taken if option == "FILE" else option for option in options]
    assert main(["recognize", str(mixes), "--model", str(tiny_model), *arguments]) == 2
