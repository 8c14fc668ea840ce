"""`--guess`: the best genre where the model is unsure, marked in every format, and never stored."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
import tagged
from tiny_onnx import RATE, TAGS, tone, write_tiny

from genrelab.cli.main import main
from genrelab.library import Library
from genrelab.library.store.file_snapshot import FileSnapshot
from genrelab.recognize import Recognizer

Capture = pytest.CaptureFixture[str]
HIGH_IS_NO_MUSIC = {"tags": TAGS, "no_music_above": 0.5}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that is sure of tones near its own, and detects that high tones are no music."""
    path = write_tiny(tmp_path / "model.onnx", abstain_below=0.9, **HIGH_IS_NO_MUSIC)
    monkeypatch.setenv("GENRELAB_MODEL", str(path))
    return path


@pytest.fixture
def songs(model: Path, tmp_path: Path) -> Path:
    """A sure file, an unsure one, silence, what is no music, and what is no audio."""
    folder = tmp_path / "songs"
    folder.mkdir()
    for name, frequency in (("sure", 200.0), ("unsure", 500.0), ("whistle", 3000.0)):
        soundfile.write(folder / f"{name}.flac", tone(frequency), RATE)
    soundfile.write(folder / "silence.flac", np.zeros(2 * RATE), RATE)
    return folder


def read(capsys: Capture) -> dict[str, dict[str, Any]]:
    return {Path(record["path"]).stem: record for record in json.loads(capsys.readouterr().out)}


def test_a_guess_is_marked_and_the_rest_stays(songs: Path, capsys: Capture) -> None:
    command = ["recognize", str(songs), "--format", "json", "--quiet"]
    assert main(command) == 1
    plain = read(capsys)
    assert main([*command, "--guess"]) == 1
    guessed = read(capsys)
    assert plain["unsure"]["genre"] == "unsure" and guessed["unsure"]["genre"] == "low"
    assert {name: record["guess"] for name, record in guessed.items()} == {
        "sure": False,
        "unsure": True,
        "whistle": False,
        "silence": False,
    }
    changed = {"genre", "guess"}
    for name, record in plain.items():
        assert record["guess"] is False
        kept = {key: value for key, value in record.items() if key not in changed}
        assert kept == {key: value for key, value in guessed[name].items() if key not in changed}
    assert [guessed[name]["reason"] for name in ("whistle", "silence")] == ["no music", "silent"]
    assert guessed["unsure"]["reason"] == "low confidence" and guessed["unsure"]["confidence"] < 0.9


def test_other_formats(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    command = ["recognize", str(songs), "--guess", "--quiet", "--format"]
    main([*command, "csv"])
    rows = {Path(row["path"]).stem: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert (rows["unsure"]["genre"], rows["unsure"]["guess"], rows["sure"]["guess"]) == (
        "low",
        "true",
        "false",
    )
    main([*command, "parquet", "--out", str(tmp_path / "x.parquet")])
    table = {Path(row["path"]).stem: row for row in pq.read_table(tmp_path / "x.parquet").to_pylist()}
    assert table["unsure"]["guess"] is True and table["sure"]["guess"] is False
    main([*command, "table"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    name = str(songs / "unsure.flac")
    (line,) = [line for start, line in lines.items() if name.startswith(start) or start == name]
    assert "low (guess)" in line and "middle" in line.partition("(guess)")[2]
    assert "(guess)" not in "".join(other for other in lines.values() if other is not line)


def test_exit_codes(songs: Path) -> None:
    files = [str(songs / "sure.flac"), str(songs / "unsure.flac")]
    assert main(["recognize", *files, "--quiet"]) == 1
    assert main(["recognize", *files, "--quiet", "--guess"]) == 0
    assert main(["recognize", str(songs / "silence.flac"), "--quiet", "--guess"]) == 1


def test_the_library_keeps_the_calibrated_answer(songs: Path, own_library: Path, capsys: Capture) -> None:
    main(["recognize", str(songs), "--guess", "--quiet"])
    capsys.readouterr()
    assert main(["library", "list", str(songs), "--format", "json"]) == 0
    assert read(capsys)["unsure"]["genre"] == "unsure"
    assert main(["library", "list", str(songs), "--guess", "--format", "json"]) == 0
    assert read(capsys)["unsure"]["genre"] == "low"
    with Library(own_library) as library:  # a guess from Python is not stored either
        path = songs / "unsure.flac"
        library.tracks.store(FileSnapshot(path), Recognizer.load()(path).with_guess())
        stored = library.tracks.find(FileSnapshot(path))
        assert stored is not None and (stored.genre, stored.guess) == ("unsure", False)


def test_albums(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    for album, frequencies in {"Unsure": (500.0,), "Various": (200.0, 1000.0)}.items():
        (tmp_path / "albums" / album).mkdir(parents=True)
        for number, frequency in enumerate(frequencies):
            soundfile.write(tmp_path / "albums" / album / f"{number}.flac", tone(frequency), RATE)
    command = ["recognize", str(tmp_path / "albums"), "--by", "folder", "--guess", "--quiet"]
    assert main([*command, "--format", "json"]) == 1
    found = read(capsys)
    assert (found["Unsure"]["genre"], found["Unsure"]["guess"]) == ("low", True)
    assert (found["Various"]["genre"], found["Various"]["guess"]) == ("unsure", False)
    assert found["Unsure"]["answered"] == 0  # a guess about a track is no answer
    main([*command, "--format", "csv"])
    rows = {Path(row["path"]).stem: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
    assert (rows["Unsure"]["guess"], rows["Various"]["guess"]) == ("true", "false")
    main(command)
    assert "low (guess)" in capsys.readouterr().out


def test_tags_get_guesses_only_on_request(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    command = ["tag", str(songs), "--write", "--format", "json", "--quiet"]
    assert main(command) == 0
    found = read(capsys)
    assert found["unsure"]["status"] == "left" and found["sure"]["status"] == "written"
    assert main([*command, "--guess"]) == 0
    found = read(capsys)
    assert {name: (record["status"], record["guess"]) for name, record in found.items()} == {
        "sure": ("left", False),
        "unsure": ("written", True),
        "whistle": ("left", False),
        "silence": ("left", False),
    }
    assert "guess" in found["unsure"]["note"]
    assert tagged.genres(songs / "unsure.flac") == ("low",)
    assert main(["tag", str(songs / "unsure.flac"), "--undo", "--quiet"]) == 0
    assert tagged.genres(songs / "unsure.flac") == ()


def test_a_guess_below_the_least_confidence_is_not_written(songs: Path, capsys: Capture) -> None:
    command = ["tag", str(songs), "--guess", "--format", "csv", "--quiet", "--min-confidence"]
    for least, status in (("0.2", "would write"), ("0.99", "left")):
        assert main([*command, least]) == 0
        rows = {Path(row["path"]).stem: row for row in csv.DictReader(io.StringIO(capsys.readouterr().out))}
        assert rows["unsure"]["status"] == status
        assert rows["unsure"]["guess"] == ("true" if status != "left" else "false")


def test_tags_of_unsure_albums(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    album = tmp_path / "Album"
    album.mkdir()
    soundfile.write(album / "1.flac", tone(500.0), RATE)
    command = ["tag", str(album), "--by", "folder", "--format", "json", "--quiet"]
    assert main(command) == 0
    assert read(capsys)["1"]["status"] == "left"
    assert main([*command, "--guess"]) == 0
    record = read(capsys)["1"]
    assert (record["after"], record["guess"]) == (["low"], True)


def test_the_hint(songs: Path, capsys: Capture) -> None:
    def hints(*command: str) -> list[str]:
        main(list(command))
        return [line for line in capsys.readouterr().err.splitlines() if line.startswith("hint: ")]

    for command in ("recognize", "tag"):
        (hint,) = hints(command, str(songs))
        assert hint.startswith("hint: 1 ") and "--guess" in hint  # silence is no matter of options
        assert hints(command, str(songs), "--quiet") == hints(command, str(songs / "sure.flac")) == []
        assert not any("--guess" in hint for hint in hints(command, str(songs), "--guess"))


def test_all_options_of_both_steps_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    path = write_tiny(tmp_path / "model.onnx", genres=("death metal", "hiphop", "jazz"), abstain_below=0.99)
    monkeypatch.setenv("GENRELAB_MODEL", str(path))
    songs, config = tmp_path / "songs", tmp_path / "genrelab.toml"
    songs.mkdir()
    for name, frequency in (("one", 500.0), ("two", 500.0), ("extra", 3000.0)):
        soundfile.write(songs / f"{name}.flac", tone(frequency), RATE)
    config.write_text('spelling = "musicbrainz"\nexclude = ["extra.*"]\nparents = true\n', encoding="utf-8")
    command = ["--config", str(config), "recognize", str(songs), "--tag", "--by", "album", "--format", "json"]
    assert main(command) == 1  # unsure
    assert {name: record["status"] for name, record in read(capsys).items()} == {"one": "left", "two": "left"}
    for spelling, genre in (("musicbrainz", "death metal"), ("discogs", "Death Metal")):
        options = ["--guess", *(["--spelling", spelling] if spelling == "discogs" else [])]
        assert main([*command, *options]) == 0
        found = read(capsys)
        assert {name: record["after"][0] for name, record in found.items()} == {"one": genre, "two": genre}
        assert all(record["guess"] and len(record["after"]) == 3 for record in found.values())
    assert main([*command, "--guess", "--write", "--no-ignore", "--jobs", "1"]) == 0
    assert all(record["status"] == "written" for record in read(capsys).values())
