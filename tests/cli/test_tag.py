"""`genrelab tag`: the whole way from recognition to tags and back."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
import tagged
from tiny_onnx import tone

import genrelab.recognize.segment_sampling
from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def songs(tiny_model: Path, tmp_path: Path, capsys: Capture) -> Path:
    """A folder of recognized songs: one without a genre, one with."""
    folder = tmp_path / "songs"
    folder.mkdir()
    tagged.make(folder, "flac", frequency=200.0)
    tagged.make(folder, "mp3-24-genre", frequency=3000.0)
    assert main(["recognize", str(folder), "--model", str(tiny_model), "--quiet"]) == 0
    capsys.readouterr()
    return folder


def tag(*arguments: str | Path) -> int:
    return main(["tag", *map(str, arguments)])


def test_without_write_nothing_is_written(songs: Path, capsys: Capture) -> None:
    before = [path.read_bytes() for path in sorted(songs.iterdir())]
    for options in ([], ["--dry-run"]):
        assert tag(songs, *options) == 0
        captured = capsys.readouterr()
        lines = captured.out.splitlines()
        assert lines[0].split() == ["file", "what", "genre", "new", "genre", "confidence", "note"]
        assert "flac.flac" in lines[1] and "would write" in lines[1] and "low" in lines[1]
        assert "left" in lines[2] and "Krautrock" in lines[2] and "has a genre" in lines[2]
        assert "--write" in captured.err
    assert [path.read_bytes() for path in sorted(songs.iterdir())] == before


def test_write_and_undo(songs: Path, capsys: Capture) -> None:
    before = [path.read_bytes() for path in sorted(songs.iterdir())]
    assert tag(songs, "--write", "--overwrite", "--format", "json") == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    records = json.loads(captured.out)
    assert [record["status"] for record in records] == ["written", "written"]
    assert [record["after"] for record in records] == [["low"], ["high"]]
    assert all(0.9 < record["confidence"] <= 1 for record in records)
    assert [tagged.genres(path) for path in sorted(songs.iterdir())] == [("low",), ("high",)]
    assert tag(songs, "--undo", "--format", "csv") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["status"] for row in rows] == ["undone", "undone"]
    assert rows[1]["before"] == "high" and rows[1]["after"] == "Krautrock"
    assert [path.read_bytes() for path in sorted(songs.iterdir())] == before
    assert tag(songs, "--undo", "--quiet") == 0
    assert capsys.readouterr().out.count(" left ") == 2


def test_map_and_several_genres(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    genre_map = tmp_path / "map.yaml"
    genre_map.write_text("names: {low: Bass, high: null, hihg: X}\nparents: {Bass: Tones}\n")
    assert tag(songs, "--write", "--combine", "--map", genre_map, "--format", "json") == 0
    captured = capsys.readouterr()
    records = json.loads(captured.out)
    assert records[0]["after"] == ["Bass", "Tones"]
    assert records[1]["status"] == "left" and "genre map" in records[1]["note"]
    assert "'hihg'" in captured.err and "high, low, middle" in captured.err
    assert tag(songs, "--write", "--combine", "--genres", "3", "--quiet") == 0
    assert tagged.genres(songs / "flac.flac") == ("Bass", "Tones", "low")
    assert "--min-confidence P" in capsys.readouterr().out
    assert tag(songs, "--write", "--combine", "--genres", "3", "--min-confidence", "0", "--quiet") == 0
    assert len(tagged.genres(songs / "flac.flac")) == 5


def test_min_confidence(songs: Path, capsys: Capture) -> None:
    assert tag(songs, "--write", "--min-confidence", "1", "--format", "json") == 0
    assert {record["status"] for record in json.loads(capsys.readouterr().out)} == {"left"}


def test_full_takes_only_files_processed_as_a_whole(
    songs: Path, tiny_model: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", 3.0)
    song = songs / "long.flac"
    soundfile.write(song, tone(1000.0, 30.0), 8000)
    recognize = ["recognize", str(songs), "--model", str(tiny_model), "--quiet"]
    assert main(recognize) == 0
    capsys.readouterr()
    assert tag(songs, "--write", "--full", "--no-recognize", "--format", "json") == 1
    records = {Path(record["path"]).name: record for record in json.loads(capsys.readouterr().out)}
    assert records["long.flac"]["status"] == "error"
    assert "--full" in records["long.flac"]["note"]
    assert records["flac.flac"]["status"] == "written"  # so short that all of it was heard
    assert tagged.genres(song) == ()
    assert main([*recognize, "--full"]) == 0
    assert tag(song, "--write", "--full") == 0
    assert tagged.genres(song) == ("middle",)


def test_what_was_not_recognized_fails_and_the_rest_is_done(songs: Path, capsys: Capture) -> None:
    new = tagged.make(songs, "ogg")
    assert tag(songs, songs / "none", "--write", "--no-recognize", "--format", "json") == 1
    captured = capsys.readouterr()
    records = {Path(record["path"]).name: record for record in json.loads(captured.out)}
    assert records[new.name]["status"] == "error" and "genrelab recognize" in records[new.name]["note"]
    assert "none" in records["none"]["note"]
    assert records["flac.flac"]["status"] == "written"
    assert "2 of 4" in captured.err


@pytest.mark.parametrize(
    "options",
    [
        ["--write", "--undo"],
        ["--write", "--dry-run"],
        ["--overwrite", "--combine"],
        ["--min-confidence", "2"],
        ["--genres", "0"],
        ["--format", "parquet"],
        ["--map", "/nowhere/map.yaml"],
        ["--library", "/nowhere/library.db", "--no-recognize"],
        ["--library", "/nowhere/library.db", "--undo"],
    ],
)
def test_wrong_use(options: list[str], songs: Path, capsys: Capture) -> None:
    assert tag(songs, *options) == 2
    assert capsys.readouterr().out == ""


def test_no_library_yet(tmp_path: Path, capsys: Capture) -> None:
    assert tag(tmp_path, "--no-recognize") == 2
    assert "genrelab recognize" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
@pytest.mark.parametrize("format", ["table", "json", "csv"])
def test_a_name_that_is_not_text(format: str, songs: Path, own_library: Path) -> None:
    name = os.fsencode(songs) + b"/caf\xe9\n.flac"
    shutil.copy(songs / "flac.flac", name)
    command = [sys.executable, "-m", "genrelab", "tag", name, "--write", "--format", format]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    if format == "json":
        assert os.fsencode(json.loads(done.stdout)[0]["path"]) == name
    elif format == "csv":
        assert name in done.stdout
    else:
        assert b"caf\\udce9\\n.flac" in done.stdout
    assert tagged.genres(Path(os.fsdecode(name))) == ("low",)


def test_a_killed_process_is_put_right_by_the_next_command_that_writes(
    songs: Path, own_library: Path
) -> None:
    from genrelab.library import Library

    draft = songs / ".genrelab-0123456789abcdef.tmp"
    draft.write_bytes(b"half a song")
    with Library(own_library) as library:
        song = os.fsencode(os.path.realpath(songs / "flac.flac"))
        library.journal.begin(song, os.fsencode(draft.name), bytes(32), {}, {})
    assert tag(songs) == 0
    assert draft.exists()
    assert tag(songs, "--write") == 0
    assert not draft.exists()
    with Library(own_library) as library:
        assert not library.journal.unfinished()
