"""`genrelab tag --albums`: all files of an album get its genre."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mutagen
import pytest
import soundfile
from tiny_onnx import RATE, TAGS, tone, write_tiny

from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "m.onnx", tags=TAGS, no_music_above=0.5, abstain_below=0.55)


@pytest.fixture
def songs(model: Path, tmp_path: Path, capsys: Capture) -> Path:
    """A recognized box set of two discs with an intro that is no music, and a compilation."""
    folder = tmp_path / "songs"
    tones = {"Box/CD1/1": 200.0, "Box/CD1/2": 200.0, "Box/CD2/1": 3000.0, "Box/CD2/2": 1000.0}
    tones |= {"Box/CD2/3": 200.0, "Hits/1": 200.0, "Hits/2": 1000.0}
    for name, frequency in tones.items():
        path = folder / f"{name}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(frequency, 1.0), RATE)
    assert main(["recognize", str(folder), "--model", str(model), "--quiet"]) == 1  # one is no music
    capsys.readouterr()
    return folder


def tag(capsys: Capture, *arguments: str | Path, code: int = 0) -> dict[str, dict[str, Any]]:
    """Return the records by the last two names of their paths."""
    assert main(["tag", *map(str, arguments), "--format", "json", "--quiet"]) == code
    records = json.loads(capsys.readouterr().out)
    return {"/".join(Path(record["path"]).parts[-2:]): record for record in records}


def values(folder: Path, field: str) -> dict[str, list[str]]:
    paths = sorted(folder.rglob("*.flac"))
    return {"/".join(path.parts[-2:]): list(mutagen.File(path).get(field, ())) for path in paths}


def test_write_and_undo(songs: Path, model: Path, capsys: Capture) -> None:
    before = [path.read_bytes() for path in sorted(songs.rglob("*.flac"))]
    options = ("--albums", "--moods", "--styles", "--model", model)
    planned = tag(capsys, songs, *options)
    assert [path.read_bytes() for path in sorted(songs.rglob("*.flac"))] == before
    written = tag(capsys, songs, *options, "--write")
    assert {name: record["after"] for name, record in written.items()} == {
        "CD1/1.flac": ["low"],
        "CD1/2.flac": ["low"],
        "CD2/1.flac": ["low"],
        "CD2/2.flac": ["low"],
        "CD2/3.flac": ["low"],
        "Hits/1.flac": [],
        "Hits/2.flac": [],
    }
    assert {record["status"] for name, record in written.items() if "CD" in name} == {"written"}
    assert len({record["confidence"] for name, record in written.items() if "CD" in name}) == 1
    assert "middle" in written["CD2/2.flac"]["note"] and "middle" not in written["CD1/1.flac"]["note"]
    assert "various" in written["Hits/1.flac"]["note"] and written["Hits/1.flac"]["status"] == "left"
    for name, record in written.items():
        assert (record["after"], record["note"]) == (planned[name]["after"], planned[name]["note"])
    assert values(songs, "genre")["CD2/1.flac"] == ["low"]
    assert values(songs, "mood")["CD2/2.flac"] == ["calm"]
    assert values(songs, "grouping")["CD2/2.flac"] == []
    assert values(songs, "mood")["Hits/1.flac"] == []
    assert {record["status"] for record in tag(capsys, songs, *options, "--write").values()} == {"left"}
    tag(capsys, songs, "--albums", "--undo")
    assert [path.read_bytes() for path in sorted(songs.rglob("*.flac"))] == before


def test_existing_genres_stay(songs: Path, model: Path, capsys: Capture) -> None:
    path = songs / "Box" / "CD1" / "1.flac"
    audio = mutagen.File(path)
    audio["genre"] = "Dub"
    audio.save()
    found = tag(capsys, songs / "Box", "--albums", "--model", model)
    assert found["CD1/1.flac"]["status"] == "left" and found["CD1/2.flac"]["status"] == "would write"
    found = tag(capsys, songs / "Box", "--albums", "--model", model, "--overwrite")
    assert found["CD1/1.flac"]["after"] == ["low"]


def test_confidence_and_further_genres_are_those_of_the_album(
    songs: Path, model: Path, capsys: Capture
) -> None:
    options = ("--albums", "--model", model)
    found = tag(capsys, songs / "Box", *options, "--min-confidence", "0.8")
    assert {record["status"] for record in found.values()} == {"left"}
    found = tag(capsys, songs / "Box", *options, "--min-confidence", "0.2", "--genres", "2")
    assert found["CD1/1.flac"]["after"] == ["low", "middle"]


def test_an_album_consists_of_the_files_that_are_named(songs: Path, model: Path, capsys: Capture) -> None:
    found = tag(capsys, songs / "Hits" / "2.flac", "--albums", "--model", model)
    assert found["Hits/2.flac"]["after"] == ["middle"]


def test_an_album_that_is_not_recognized_in_full(songs: Path, model: Path, capsys: Capture) -> None:
    soundfile.write(songs / "Hits" / "3.flac", tone(250.0, 1.0), RATE)
    found = tag(capsys, songs / "Hits", "--albums", "--model", model, "--no-recognize", code=1)
    assert found["Hits/3.flac"]["status"] == "error"
    assert found["Hits/1.flac"]["status"] == "left"  # of what is known, half is low and half is middle


def test_another_model_is_an_error(songs: Path, tiny_model: Path, capsys: Capture) -> None:
    found = tag(capsys, songs, "--albums", "--model", tiny_model, "--no-recognize", code=1)
    notes = [record["note"] for record in found.values()]
    assert {record["status"] for record in found.values()} == {"error"}
    assert all("--model" in note and "genrelab recognize" in note for note in notes)
