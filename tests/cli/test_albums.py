"""`recognize --by`: one record per album."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import mutagen
import numpy as np
import pytest
import soundfile
from tiny_onnx import RATE, tone, write_tiny

from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


def write(path: Path, *frequencies: float) -> None:
    """Write one second of each tone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.concatenate([tone(each, 1.0) for each in frequencies]), RATE)


@pytest.fixture(scope="module")
def albums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a box set, a compilation, speech, a broken file, and one file with a CUE sheet."""
    folder = tmp_path_factory.mktemp("Music")
    for disc in ("CD1", "CD2"):
        for number, frequency in enumerate((200.0, 200.0, 1000.0)):
            write(folder / "Box [set]" / disc / f"{number}.flac", frequency)
    for number, frequency in enumerate((200.0, 1000.0, 3000.0, 1000.0)):
        write(folder / "Hits" / f"{number}.wav", frequency)
    write(folder / "Mix" / "album.wav", *[1000.0] * 4, *[200.0] * 2)
    (folder / "Mix" / "album.cue").write_text(
        'FILE "album.wav" WAVE\n'
        + "".join(f"TRACK 0{n + 1} AUDIO\nINDEX 01 00:0{2 * n}:00\n" for n in range(3))
    )
    write(folder / "Single" / "1.wav", 200.0)
    (folder / "Single" / "2.wav").write_bytes(b"RIFF")
    return folder


def read(captured: pytest.CaptureResult[str]) -> dict[str, dict[str, object]]:
    return {Path(str(album["path"])).name: album for album in map(json.loads, captured.out.splitlines())}


def test_records(albums: Path, tiny_model: Path, capsys: Capture) -> None:
    command = ["recognize", str(albums), str(albums / "Mix" / "album.cue"), "--model", str(tiny_model)]
    assert main([*command, "--by", "folder", "--format", "jsonl", "--top", "2"]) == 1
    captured = capsys.readouterr()
    found = read(captured)
    assert list(found) == ["Box [set]", "Hits", "Mix", "Single", "album.cue"]
    assert {name: (album["genre"], album["reason"]) for name, album in found.items()} == {
        "Box [set]": ("low", None),
        "Hits": ("unsure", "various"),
        "Mix": ("middle", None),
        "Single": ("low", None),
        "album.cue": ("middle", None),
    }
    box = found["Box [set]"]
    assert (box["tracks"], box["counted"], box["answered"], box["agreeing"]) == (6, 6, 6, 4)
    assert box["agreement"] == pytest.approx(2 / 3, abs=1e-6)
    assert 0.8 < float(box["confidence"]) < 0.9  # type: ignore[arg-type]
    assert (box["unit"], box["title"], found["album.cue"]["unit"]) == ("folder", None, "sheet")
    assert [Path(each["path"]).name for each in box["outliers"]] == ["2.flac"] * 2  # type: ignore[attr-defined]
    assert [each["genre"] for each in box["genres"]] == ["low", "middle"]  # type: ignore[attr-defined]
    assert (found["album.cue"]["tracks"], found["album.cue"]["agreeing"]) == (3, 2)
    (error,) = found["Single"]["errors"]  # type: ignore[misc]
    assert "2.wav" in str(error)
    assert "1 of 5 albums" in captured.err and "1 of 16 files failed" in captured.err


def test_known_files_give_the_same_albums(albums: Path, tiny_model: Path, capsys: Capture) -> None:
    command = ["recognize", str(albums), "--model", str(tiny_model), "--format", "json"]
    assert main([*command, "--by", "folder", "--no-library"]) == 1
    fresh = capsys.readouterr().out
    assert main([*command, "--quiet"]) == 1  # files, which are stored
    files = json.loads(capsys.readouterr().out)
    assert len(files) == 13
    assert main([*command, "--by", "folder"]) == 1
    captured = capsys.readouterr()
    assert captured.out == fresh and "13 of 13 were known" in captured.err
    assert main([*command, "--quiet"]) == 1  # the answers for files stay as they were
    assert json.loads(capsys.readouterr().out) == files


def test_the_table_shows_tags(albums: Path, tagged_model: Path, capsys: Capture) -> None:
    command = ["recognize", str(albums), "--model", str(tagged_model), "--by", "folder", "--quiet"]
    assert main([*command, "--tags"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["album", "tracks", "genre", "confidence", "agree", "then"]
    assert lines[1].split("Box [set]")[1].split()[:7] == ["6", "low", "84", "%", "4", "of", "6"]
    assert lines[2].strip() == "mood:calm 67 %"
    assert lines[3].strip() == "outliers: 2, CD1/2.flac (middle 100 %), CD2/2.flac (middle 100 %)"
    assert "3 of 4" in lines[4] and "low" in lines[4]  # a high tone is no music
    assert "2.wav" in lines[-1]
    assert main(command) == 1
    assert "mood" not in capsys.readouterr().out


def test_csv(albums: Path, tagged_model: Path, capsys: Capture) -> None:
    command = ["recognize", str(albums), "--model", str(tagged_model), "--by", "folder", "--quiet"]
    assert main([*command, "--format", "csv", "--tags", "--top", "2"]) == 1
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(rows[0]) == [
        "path", "unit", "title", "artist", "compilation", "track", "tracks", "counted", "answered",
        "agreeing", "agreement", "genre", "confidence", "reason", "genre_1", "probability_1",
        "genre_2", "probability_2", "tags", "outliers", "model", "warnings", "errors",
    ]  # fmt: skip
    assert rows[0]["genre_1"] == rows[0]["genre"] == "low" and rows[0]["reason"] == ""
    assert rows[0]["tags"].startswith("mood:calm=0.66")
    assert "2.wav" in rows[-1]["errors"]


def test_parquet(albums: Path, tagged_model: Path, tmp_path: Path, capsys: Capture) -> None:
    import pyarrow.parquet as pq

    command = ["recognize", str(albums), "--model", str(tagged_model), "--by", "folder", "--quiet"]
    out = tmp_path / "albums.parquet"
    assert main([*command, "--format", "parquet", "--out", str(out)]) == 1
    assert main([*command, "--format", "json"]) == 1
    rows = pq.read_table(out).to_pylist()
    assert [bytes(row.pop("path_bytes")).decode() for row in rows] == [row["path"] for row in rows]
    assert rows == json.loads(capsys.readouterr().out)


def test_an_unsure_file_does_not_count(tmp_path: Path, capsys: Capture) -> None:
    """Only albums count for the exit code, which is 0 if all have a genre."""
    for number, frequency in enumerate((200.0, 200.0, 610.0)):
        write(tmp_path / "Album" / f"{number}.wav", frequency)
    model = write_tiny(tmp_path / "m.onnx", abstain_below=0.7)
    command = ["recognize", str(tmp_path / "Album"), "--model", str(model), "--format", "jsonl"]
    assert main(command) == 1
    capsys.readouterr()
    assert main([*command, "--by", "folder"]) == 0
    captured = capsys.readouterr()
    album = json.loads(captured.out)
    assert (album["genre"], album["answered"], album["counted"]) == ("low", 2, 3)
    assert "no genre" not in captured.err


def test_missing_paths_are_no_albums(tmp_path: Path, tiny_model: Path, capsys: Capture) -> None:
    missing, empty = tmp_path / "missing", tmp_path / "empty\x1b[31m"
    empty.mkdir()
    assert main(["recognize", str(missing), str(empty), "--model", str(tiny_model), "--by", "folder"]) == 1
    captured = capsys.readouterr()
    assert f"{missing} does not exist" in captured.out and "\x1b" not in captured.out + captured.err
    assert captured.out.count("  error") == 2
    assert "2 of 2 files failed" in captured.err and "albums" not in captured.err


@pytest.mark.parametrize("option", ["--timeline", "--parts"])
def test_albums_have_no_timeline(option: str, albums: Path, tiny_model: Path, capsys: Capture) -> None:
    assert main(["recognize", str(albums), "--by", "folder", option, "--model", str(tiny_model)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and "--by" in captured.err and option in captured.err


def test_pictures_are_of_files(albums: Path, tiny_model: Path, tmp_path: Path, capsys: Capture) -> None:
    command = ["recognize", str(albums / "Mix"), "--by", "folder", "--model", str(tiny_model)]
    assert main([*command, "--format", "jsonl", "--picture", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["album.wav.svg"]
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.fixture(scope="module")
def tagged_albums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder with two albums and a compilation, and an album that lies in two folders."""
    folder = tmp_path_factory.mktemp("Tagged")
    tracks = {
        "all/1": (200.0, "Debut", "Band", "Band"),
        "all/2": (200.0, "Debut", "Band", "Band feat. Guest"),
        "all/3": (1000.0, "Second\x1b[31m", "Band", "Band"),
        "all/4": (200.0, "Hits", "Various Artists", "One"),
        "all/5": (1000.0, "Hits", "Various Artists", "Two"),
        "Box (Disc 1)/1": (1000.0, "Box (Disc 1)", None, "Band"),
        "Box (Disc 2)/1": (1000.0, "Box (Disc 2)", None, "Band"),
        "Box (Disc 2)/2 Intro": (200.0, "Box (Disc 2)", None, "Band"),
    }
    for name, (frequency, album, album_artist, artist) in tracks.items():
        path = folder / f"{name}.flac"
        write(path, frequency)
        audio = mutagen.File(path)
        audio["ALBUM"], audio["ARTIST"] = album, artist
        if album_artist:
            audio["ALBUMARTIST"] = album_artist
        audio.save()
    return folder


def test_albums_by_tags(tagged_albums: Path, tiny_model: Path, capsys: Capture) -> None:
    command = ["recognize", str(tagged_albums), "--model", str(tiny_model), "--quiet", "--by", "album"]
    assert main([*command, "--format", "jsonl"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    facts = ("unit", "title", "artist", "compilation", "tracks", "genre")
    assert [tuple(album[fact] for fact in facts) for album in found] == [
        ("album", "Box (Disc 1)", "Band", None, 3, "middle"),
        ("album", "Debut", "Band", None, 2, "low"),
        ("album", "Second\x1b[31m", "Band", None, 1, "middle"),
        ("track", "Hits", "Various Artists", "various artists", 1, "low"),
        ("track", "Hits", "Various Artists", "various artists", 1, "middle"),
    ]
    box, debut, second, one, two = found
    assert Path(box["path"]) == tagged_albums and Path(debut["path"]) == tagged_albums / "all"
    assert [Path(one["path"]).name, Path(two["path"]).name] == ["4.flac", "5.flac"]
    assert [Path(each["path"]).name for each in box["outliers"]] == ["2 Intro.flac"]
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "all (Debut, Band)" in table and "all (Second\\x1b[31m, Band)" in table and "\x1b" not in table
    assert "outliers: 1, Box (Disc 2)/2 Intro.flac (low 100 %)" in table


def test_an_unknown_way_to_group(tagged_albums: Path, capsys: Capture) -> None:
    assert main(["recognize", str(tagged_albums), "--by", "artist"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and all(word in captured.err for word in ("--by", "album", "folder"))
