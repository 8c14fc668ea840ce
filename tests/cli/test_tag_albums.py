"""`genrelab tag --by`: all files of an album get its genre."""

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
    options = ("--by", "folder", "--moods", "--styles", "--model", model)
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
    tag(capsys, songs, "--by", "folder", "--undo")
    assert [path.read_bytes() for path in sorted(songs.rglob("*.flac"))] == before


def test_existing_genres_stay(songs: Path, model: Path, capsys: Capture) -> None:
    path = songs / "Box" / "CD1" / "1.flac"
    audio = mutagen.File(path)
    audio["genre"] = "Dub"
    audio.save()
    found = tag(capsys, songs / "Box", "--by", "folder", "--model", model)
    assert found["CD1/1.flac"]["status"] == "left" and found["CD1/2.flac"]["status"] == "would write"
    found = tag(capsys, songs / "Box", "--by", "folder", "--model", model, "--overwrite")
    assert found["CD1/1.flac"]["after"] == ["low"]


def test_confidence_and_further_genres_are_those_of_the_album(
    songs: Path, model: Path, capsys: Capture
) -> None:
    options = ("--by", "folder", "--model", model)
    found = tag(capsys, songs / "Box", *options, "--min-confidence", "0.95")
    assert {record["status"] for record in found.values()} == {"left"}
    found = tag(capsys, songs / "Box", *options, "--min-confidence", "0.02", "--genres", "2")
    assert found["CD1/1.flac"]["after"] == ["low", "middle"]


def test_an_album_consists_of_the_files_that_are_named(songs: Path, model: Path, capsys: Capture) -> None:
    found = tag(capsys, songs / "Hits" / "2.flac", "--by", "folder", "--model", model)
    assert found["Hits/2.flac"]["after"] == ["middle"]


def test_an_album_that_is_not_recognized_in_full(songs: Path, model: Path, capsys: Capture) -> None:
    soundfile.write(songs / "Hits" / "3.flac", tone(250.0, 1.0), RATE)
    found = tag(capsys, songs / "Hits", "--by", "folder", "--model", model, code=1)
    assert found["Hits/3.flac"]["status"] == "error"
    assert found["Hits/1.flac"]["status"] == "left"  # of what is known, half is low and half is middle


def test_another_model_is_an_error(songs: Path, tiny_model: Path, capsys: Capture) -> None:
    found = tag(capsys, songs, "--by", "folder", "--model", tiny_model, code=1)
    notes = [record["note"] for record in found.values()]
    assert {record["status"] for record in found.values()} == {"error"}
    assert all("--model" in note and "genrelab recognize" in note for note in notes)


def test_the_model_is_only_for_albums(songs: Path, model: Path, capsys: Capture) -> None:
    assert main(["tag", str(songs), "--model", str(model)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "--by" in captured.err and "--model" in captured.err


def test_skip_outliers(songs: Path, model: Path, capsys: Capture) -> None:
    """A track of another genre and one that is no music keep their tags; the others get the album's genre."""
    options = ("--by", "folder", "--model", model, "--skip-outliers")
    found = tag(capsys, songs / "Box", *options, "--write")
    status = {name: record["status"] for name, record in found.items()}
    assert status == {
        "CD1/1.flac": "written", "CD1/2.flac": "written", "CD2/1.flac": "left", "CD2/2.flac": "left",
        "CD2/3.flac": "written",
    }  # fmt: skip
    assert "no music" in found["CD2/1.flac"]["note"] and "middle" in found["CD2/2.flac"]["note"]
    assert values(songs / "Box", "genre")["CD2/2.flac"] == []


def test_skip_outliers_needs_albums(songs: Path, capsys: Capture) -> None:
    assert main(["tag", str(songs), "--skip-outliers"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "--by album" in captured.err and "--skip-outliers" in captured.err


def test_tags_decide_what_an_album_is(songs: Path, model: Path, capsys: Capture) -> None:
    """Tracks of a compilation get their own genres; two albums in one folder have one each."""
    for path in sorted(songs.rglob("*.flac")):
        audio = mutagen.File(path)
        compilation = "Hits" in path.parts
        audio["ALBUM"] = "Hits" if compilation else path.parent.name
        audio["ALBUMARTIST"] = "Various Artists" if compilation else "Band"
        audio.save()
    options = ("--by", "album", "--model", model)
    before = [path.read_bytes() for path in sorted(songs.rglob("*.flac"))]
    found = tag(capsys, songs, *options, "--write")
    assert {name: record["after"] for name, record in found.items()} == {
        "CD1/1.flac": ["low"],
        "CD1/2.flac": ["low"],
        "CD2/1.flac": [],  # of the two tracks with a genre, each has another
        "CD2/2.flac": [],
        "CD2/3.flac": [],
        "Hits/1.flac": ["low"],
        "Hits/2.flac": ["middle"],
    }
    tag(capsys, songs, "--by", "album", "--undo")
    assert [path.read_bytes() for path in sorted(songs.rglob("*.flac"))] == before
