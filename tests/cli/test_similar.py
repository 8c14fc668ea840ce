"""`genrelab similar` and `genrelab library` `map`, `export` and `check`, from command to output."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import mutagen
import pytest
import soundfile
from map_pages import names_in
from tiny_onnx import tone, write_tiny

import genrelab.recognize.segment_sampling
from genrelab.bundle import find
from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def songs(tiny_model: Path, music: Path, tmp_path: Path, capsys: Capture) -> Path:
    """A folder of recognized songs: low and its copy in an album, low, middle, high."""
    folder = Path(shutil.copytree(music, tmp_path / "songs"))
    shutil.copy(folder / "a low.wav", folder / "album" / "z copy.wav")
    assert main(["recognize", str(folder), "--model", str(tiny_model), "--quiet"]) == 0
    capsys.readouterr()
    return folder


def run(*arguments: str | Path) -> int:
    return main([str(argument) for argument in arguments])


def test_the_most_similar_come_first(songs: Path, capsys: Capture) -> None:
    assert run("similar", songs / "a low.wav", "--format", "json") == 0
    captured = capsys.readouterr()
    found = json.loads(captured.out)
    assert [Path(record["path"]).name for record in found] == ["d.ogg", "b.flac", "c.mp3"]
    assert found[0]["similarity"] > 0.99 > found[2]["similarity"]
    assert found[0]["genre"] == "low" and found[0]["also"] == []
    assert captured.err.count("\n") == 1 and str(songs / "a low.wav") in captured.err
    assert run("similar", songs / "b.flac", "--count", "2", "--quiet") == 0
    table = capsys.readouterr()
    assert table.err == ""
    lines = table.out.splitlines()
    assert lines[0].split() == ["similarity", "file", "length", "genre", "confidence", "same", "recording"]
    assert len(lines) == 3 and "and 1 more" in table.out
    assert run("similar", songs / "b.flac", "--format", "csv") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert sorted(Path(row["path"]).name for row in rows) == ["a low.wav", "c.mp3", "d.ogg"]
    assert [Path(row["also"]).name for row in rows if row["also"]] == ["z copy.wav"]


def test_several_tracks(songs: Path, capsys: Capture) -> None:
    low, high = songs / "a low.wav", songs / "album" / "c.mp3"

    def found(*options: str) -> dict[str, float]:
        assert run("similar", low, high, *options, "--format", "json") == 0
        records = json.loads(capsys.readouterr().out)
        return {Path(record["path"]).name: record["similarity"] for record in records}

    assert list(found()) != [] and not {"a low.wav", "z copy.wav", "c.mp3"} & set(found())
    assert list(found("--any"))[0] == "d.ogg"
    assert found("--any")["d.ogg"] > 0.99 > found()["d.ogg"]
    assert run("similar", low, low, "--format", "json", "--quiet") == 0
    twice = json.loads(capsys.readouterr().out)
    assert run("similar", low, "--format", "json", "--quiet") == 0
    assert json.loads(capsys.readouterr().out) == twice
    assert run("similar", *[f"{number}.mp3" for number in range(101)]) == 2
    assert "101" in capsys.readouterr().err
    assert run("similar", low, songs / "none.mp3") == 2
    assert "none.mp3" in capsys.readouterr().err


def test_filters(songs: Path, capsys: Capture) -> None:
    assert run("similar", songs / "a low.wav", "--same-genre", "--format", "json") == 0
    assert [Path(record["path"]).name for record in json.loads(capsys.readouterr().out)] == ["d.ogg"]
    assert run("similar", songs / "album" / "d.ogg", "--folder", songs / "album", "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [Path(record["path"]).name for record in found] == ["z copy.wav", "c.mp3"]
    assert run("similar", songs / "b.flac", "--same-genre") == 1
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("note: ")


def test_a_playlist(songs: Path, tiny_model: Path, tmp_path: Path, capsys: Capture) -> None:
    (songs / "album" / "c.mp3").rename(songs / "album" / "c\n.mp3")
    shutil.move(songs / "b.flac", tmp_path / "b.flac")
    assert run("recognize", songs, tmp_path / "b.flac", "--quiet", "--model", tiny_model) == 0
    playlist = songs / "like.m3u8"
    capsys.readouterr()
    assert run("similar", songs / "a low.wav", "--m3u", playlist, "--format", "json") == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 3
    lines = playlist.read_text(encoding="utf-8").splitlines()
    assert lines[:3] == ["#EXTM3U", "#EXTINF:2,d", os.path.join("album", "d.ogg")]
    assert lines[3:] == ["#EXTINF:2,b", str(tmp_path / "b.flac")]
    assert "line break" in captured.err and "c\\n.mp3" in captured.err
    assert run("similar", songs / "a low.wav", "--m3u", playlist, "--absolute", "--quiet") == 0
    assert playlist.read_text(encoding="utf-8").splitlines()[2] == str(songs / "album" / "d.ogg")
    before = playlist.read_bytes()
    assert run("similar", tmp_path / "b.flac", "--m3u", playlist, "--same-genre") == 1
    assert playlist.read_bytes() == before


def test_wrong_use(songs: Path, own_library: Path, tmp_path: Path, tiny_model: Path, capsys: Capture) -> None:
    track = songs / "b.flac"
    for arguments, words in (
        ([track, "--absolute"], "--m3u"),
        ([track, "--folder", tmp_path / "none"], "--folder"),
        ([tmp_path / "none.mp3"], "none.mp3"),
        ([songs], "songs"),
        ([track, "--m3u", track], "b.flac"),
        ([track, "--m3u", songs / "album" / "c.mp3"], "c.mp3"),
        ([track, "--m3u", own_library], str(own_library)),
        ([track, "--count", "0"], "count"),
    ):
        assert run("similar", *arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and words in captured.err
    assert main(["library", "forget", "--all"]) == 0
    capsys.readouterr()
    for command in (["similar", track], ["library", "map"], ["library", "check"]):
        assert run(*command) == 2
        assert "genrelab recognize" in capsys.readouterr().err
        assert run(*command, "--library", tmp_path / "no.db") == 2
        assert "no.db" in capsys.readouterr().err
    assert not (tmp_path / "no.db").exists()


def test_a_new_track_and_another_model(
    songs: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setattr(find, "PACKAGED_MODEL", tmp_path / "taken-out.onnx")
    new = tmp_path / "new.wav"
    soundfile.write(new, tone(2900.0), 8000)

    def count() -> int:
        capsys.readouterr()
        assert run("library", "show", "--format", "json") == 0
        return int(json.loads(capsys.readouterr().out)["tracks"])

    assert run("similar", new) == 2
    assert "--model FILE" in capsys.readouterr().err
    assert run("similar", new, "--model", tiny_model, "--no-library", "--count", "1") == 0
    assert "c.mp3" in capsys.readouterr().out
    assert count() == 5
    assert run("similar", new, "--model", tiny_model) == 0
    assert count() == 6
    assert run("similar", new) == 0
    other = write_tiny(tmp_path / "other.onnx", recipe="other")
    capsys.readouterr()
    assert run("similar", new, "--model", other, "--no-library") == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "6 recognized by another model" in captured.err
    soundfile.write(new, tone(0.0), 8000)
    assert run("similar", new, "--model", tiny_model) == 1
    assert "is silent" in capsys.readouterr().err


def test_full_processes_the_whole_track(
    songs: Path, tiny_model: Path, own_library: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", 3.0)
    monkeypatch.setattr(find, "PACKAGED_MODEL", songs / "taken-out.onnx")
    new = songs / "long.wav"
    soundfile.write(new, tone(2900.0, 30.0), 8000)

    def heard() -> bool | None:
        capsys.readouterr()
        assert run("library", "list", new, "--format", "json") == 0
        found = json.loads(capsys.readouterr().out)
        return bool(found[0]["full"]) if found else None

    assert run("similar", new, "--model", tiny_model, "--full", "--no-library") == 0
    assert heard() is None
    assert run("similar", new, "--model", tiny_model) == 0
    assert heard() is False
    assert run("similar", new, "--full") == 2  # what is known is not enough, and no model is named
    assert "--model FILE" in capsys.readouterr().err
    assert run("similar", new, "--model", tiny_model, "--full") == 0
    assert heard() is True
    assert run("similar", new, "--full", "--count", "1") == 0  # known by now
    assert "c.mp3" in capsys.readouterr().out


def test_a_map(
    songs: Path, own_library: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("library", "map") == 0
    captured = capsys.readouterr()
    assert (
        "4 tracks drawn: library-map.html" in captured.err
        and "1 file with the same recording" in captured.err
    )
    first = (tmp_path / "library-map.html").read_bytes()
    assert "a low.wav" in names_in(tmp_path / "library-map.html")
    assert "% of nearest neighbours" in captured.err
    assert run("library", "map", songs, "--out", "again.html", "--quiet") == 0
    assert (tmp_path / "again.html").read_bytes() == first and capsys.readouterr().err == ""
    assert run("library", "map", songs / "album", "--out", "album.html") == 0
    assert "a low.wav" not in names_in(tmp_path / "album.html")
    assert run("library", "map", tmp_path / "none") == 2
    assert "none" in capsys.readouterr().err
    assert run("library", "map", "--out", own_library) == 2


def test_an_export(songs: Path, own_library: Path, tmp_path: Path, capsys: Capture) -> None:
    table = tmp_path / "tracks.csv"
    assert run("library", "export", "--to", table, "--format", "csv") == 0
    captured = capsys.readouterr()
    assert f"4 tracks exported: {table}" in captured.err and captured.out == ""
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [row["name"] for row in rows][0] == "a low.wav" and len(rows) == 4
    assert {number for row in rows for number in json.loads(row["neighbors"])["ids"]} == {0, 1, 2, 3}
    assert run("library", "export", "--to", tmp_path / "t.parquet", "--quiet") == 0
    assert capsys.readouterr().err == "" and (tmp_path / "t.parquet").read_bytes()[:4] == b"PAR1"
    (songs / "b.flac").unlink()
    assert run("library", "export", "--to", table, "--format", "csv", songs) == 0
    assert "3 tracks exported" in capsys.readouterr().err
    assert run("library", "export", "--to", table, "--format", "csv", "--missing") == 0
    assert "4 tracks exported" in capsys.readouterr().err
    assert run("library", "export", "--to", own_library) == 2
    assert run("library", "export", "--to", tmp_path / "none" / "x.parquet") == 2
    assert run("library", "export", "--to", table, tmp_path / "none") == 2


def test_check(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    for name, genre in (("b.flac", "High"), ("album/d.ogg", "Low"), ("album/c.mp3", "Drone")):
        file = mutagen.File(songs / name, easy=True)
        if file.tags is None:
            file.add_tags()
        file["genre"] = [genre]
        file.save()
    assert run("library", "check") == 1
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert len(lines) == 2 and "b.flac" in lines[1] and "middle" in lines[1] and "High" in lines[1]
    assert "2 compared: 1 agree, 1 disagree" in captured.err
    assert "'Drone' (1)" in captured.err
    (tmp_path / "map.yaml").write_text("names: {middle: High, low: Drone}\n")
    assert run("library", "check", "--map", tmp_path / "map.yaml", "--format", "json") == 1
    report = json.loads(capsys.readouterr().out)
    assert [Path(record["path"]).name for record in report["disagreements"]] == ["c.mp3"]
    assert report["counts"]["agree"] == 2 and report["unknown_tags"] == []
    assert run("library", "check", songs / "album", "--quiet") == 0
    assert capsys.readouterr() == ("", "")
    assert run("library", "check", "--min-confidence", "1", "--format", "csv", "--quiet") == 0
    assert capsys.readouterr().out == "path,tags,genre,confidence,tag_probability\n"
    assert run("library", "check", tmp_path / "map.yaml") == 2
    assert "genrelab recognize" in capsys.readouterr().err


def test_names_that_are_not_text(songs: Path, tiny_model: Path, own_library: Path) -> None:
    odd = os.fsdecode(os.fsencode(songs) + b"/\xff\n.flac")
    os.rename(songs / "b.flac", odd)
    assert run("recognize", songs, "--model", tiny_model, "--quiet") == 0
    command = [sys.executable, "-m", "genrelab", "similar", str(songs / "album" / "d.ogg")]
    done = subprocess.run([*command, "--m3u", songs / "x.m3u"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and b"\\udcff\\n.flac" in done.stdout
    assert b"is not in the playlist: its name has a line break" in done.stderr
    assert run("similar", odd, "--format", "csv", "--quiet") == 0
    assert run("library", "map", "--out", songs / "x.html", "--quiet") == 0
    assert r"\udcff\n.flac" in names_in(songs / "x.html")
