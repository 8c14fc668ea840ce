"""What commands look at: exclusions, hidden folders, playlists and CUE sheets."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import soundfile
from tiny_onnx import tone

from genrelab.cli.main import main
from genrelab.library import Library, Tagger, TagPolicy
from genrelab.recognize import scan

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def folder(music: Path, tmp_path: Path) -> Path:
    """The music, with a hidden folder and one of a system, and an album with its sheet."""
    shutil.copytree(music, tmp_path / "Music")
    for name in ("hidden", "@eaDir"):
        (tmp_path / "Music" / name).mkdir()
        shutil.copy(music / "b.flac", tmp_path / "Music" / name)
    (tmp_path / "Music" / "hidden" / ".nomedia").touch()
    sound = np.concatenate([tone(200.0, 5.0), tone(3000.0, 5.0)])
    soundfile.write(tmp_path / "album.flac", sound, 8000)
    (tmp_path / "album.cue").write_text(
        'FILE "album.wav" WAVE\nTRACK 01 AUDIO\nTITLE "=Öne\x1b[31m"\nINDEX 01 00:00:00\n'
        "TRACK 02 AUDIO\nINDEX 01 00:05:00\n",
        encoding="utf-8",
    )
    (tmp_path / "x.m3u8").write_text("Music/b.flac\nhttp://example.org/a.mp3\nMusic/a low.wav\n")
    return tmp_path


def _recognize(model: Path, *arguments: str | Path) -> int:
    return main(["recognize", "--model", str(model), *map(str, arguments)])


def _names(text: str) -> list[str]:
    return [Path(record["path"]).name for record in json.loads(text)]


@pytest.mark.parametrize("options", [[], ["--quiet"]])
def test_skipped_entries_are_reported(
    options: list[str], tiny_model: Path, folder: Path, capsys: Capture
) -> None:
    command = [folder / "Music", "--format", "json", "--exclude", "*.mp3", "--exclude", "d.*", *options]
    assert _recognize(tiny_model, *command) == 0
    captured = capsys.readouterr()
    assert _names(captured.out) == ["a low.wav", "b.flac"]
    assert captured.err.count("\n") == (not options)
    for data in () if options else ("2 files by --exclude", ".nomedia", "@eaDir", "--no-ignore"):
        assert data in captured.err
    assert _recognize(tiny_model, *command, "--no-ignore", "--quiet") == 0
    assert _names(capsys.readouterr().out) == ["b.flac", "a low.wav", "b.flac", "b.flac"]


def test_a_hidden_folder_that_is_named(tiny_model: Path, folder: Path, capsys: Capture) -> None:
    assert _recognize(tiny_model, folder / "Music" / "hidden", "--format", "json") == 1
    (record,) = json.loads(capsys.readouterr().out)
    assert "1 folder with .nomedia" in record["error"] and "--no-ignore" in record["error"]


def test_a_playlist(tiny_model: Path, folder: Path, capsys: Capture) -> None:
    assert _recognize(tiny_model, folder / "x.m3u8", "--format", "json") == 1
    records = json.loads(capsys.readouterr().out)
    assert [record["genre"] for record in records] == ["middle", None, "low"]
    assert "line 2: http://example.org/a.mp3" in records[1]["error"]


@pytest.mark.parametrize("format", ["table", "json", "jsonl", "csv", "parquet"])
def test_a_sheet_in_all_formats(
    format: str, tiny_model: Path, folder: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert _recognize(tiny_model, folder / "album.cue", "--format", format) == 0
    out = capsysbinary.readouterr().out
    title = "=Öne\x1b[31m"
    if format == "table":
        lines = out.decode().splitlines()
        assert "track" in lines[0] and r"01 =Öne\x1b[31m at 0:00" in lines[1] and "02  at 0:05" in lines[2]
        assert b"\x1b" not in out
    elif format == "csv":
        rows = list(csv.DictReader(io.StringIO(out.decode(), newline="")))
        assert [(row["genre"], row["track_number"]) for row in rows] == [("low", "1"), ("high", "2")]
        assert [(row["track_start"], row["track_end"]) for row in rows] == [("0.0", "5.0"), ("5.0", "10.0")]
    else:
        if format == "parquet":
            records = pq.read_table(io.BytesIO(out)).to_pylist()
        else:
            text = out.decode()
            records = json.loads(text) if format == "json" else [*map(json.loads, text.splitlines())]
        assert [record["genre"] for record in records] == ["low", "high"]
        assert records[0]["track"] == {
            **{"sheet": str(folder / "album.cue"), "number": 1, "title": title, "performer": None},
            **{"start": 0.0, "end": 5.0},
        }
        assert {record["path"] for record in records} == {str(folder / "album.flac")}
        assert all(record["warning"] is None for record in records)


def test_tracks_are_not_kept_as_their_file(tiny_model: Path, folder: Path, capsys: Capture) -> None:
    """What is known about a file is about all of it, before and after a sheet of it."""
    for _ in range(2):
        assert _recognize(tiny_model, folder / "album.cue", "--format", "json") == 0
        captured = capsys.readouterr()
        assert [record["genre"] for record in json.loads(captured.out)] == ["low", "high"]
        assert "were known" not in captured.err
    main(["library", "list", "--format", "json"])
    assert json.loads(capsys.readouterr().out) == []
    assert _recognize(tiny_model, folder / "album.flac", "--format", "json") in (0, 1)
    (whole,) = json.loads(capsys.readouterr().out)
    assert (whole["duration"], whole["track"]) == (10.0, None)
    assert _recognize(tiny_model, folder / "album.cue", "--format", "json") == 0
    assert [record["duration"] for record in json.loads(capsys.readouterr().out)] == [5.0, 5.0]
    main(["library", "list", "--format", "json"])
    assert [record["duration"] for record in json.loads(capsys.readouterr().out)] == [10.0]


def test_a_track_that_is_a_whole_file_is_known(tiny_model: Path, folder: Path, capsys: Capture) -> None:
    shutil.copy(folder / "Music" / "b.flac", folder / "b.flac")
    (folder / "one.cue").write_text(
        'FILE "b.flac" WAVE\nTRACK 07 AUDIO\nTITLE "All"\nINDEX 01 00:00:00\n', encoding="utf-8"
    )
    assert _recognize(tiny_model, folder / "b.flac", "--quiet") == 0
    capsys.readouterr()
    assert _recognize(tiny_model, folder / "one.cue", "--format", "json") == 0
    captured = capsys.readouterr()
    assert "1 of 1 were known" in captured.err
    (record,) = json.loads(captured.out)
    assert (record["genre"], record["track"]["number"], record["track"]["end"]) == ("middle", 7, 2.0)


@pytest.mark.parametrize("name", ["album.cue", "x.m3u8"])
@pytest.mark.parametrize("action", [["--write"], ["--dry-run"], ["--undo"]])
def test_tags_are_never_written_by_a_list(
    name: str, action: list[str], tiny_model: Path, folder: Path, capsys: Capture
) -> None:
    sounds = [folder / "album.flac", folder / "Music" / "b.flac", folder / "Music" / "a low.wav"]
    assert _recognize(tiny_model, *sounds, "--quiet") in (0, 1)
    before = [hashlib.sha256(path.read_bytes()).digest() for path in sounds]
    capsys.readouterr()
    assert main(["tag", str(folder / name), "--format", "json", *action]) == 1
    (record,) = json.loads(capsys.readouterr().out)
    assert record["status"] == "error" and "name those" in record["note"]
    assert [hashlib.sha256(path.read_bytes()).digest() for path in sounds] == before


def test_tag_passes_over_as_recognize_does(tiny_model: Path, folder: Path, capsys: Capture) -> None:
    assert _recognize(tiny_model, folder, "--quiet", "--no-ignore") in (0, 1)
    capsys.readouterr()
    command = ["tag", str(folder / "Music"), "--format", "json", "--exclude", "/album"]
    assert main(command) == 0
    captured = capsys.readouterr()
    assert _names(captured.out) == ["a low.wav", "b.flac"]
    assert all(data in captured.err for data in ("1 folder by --exclude", ".nomedia", "@eaDir"))
    assert main([*command, "--no-ignore"]) == 0
    assert len(_names(capsys.readouterr().out)) == 4


@pytest.mark.parametrize("name", ["album.cue", "x.m3u8"])
def test_out_never_replaces_a_list(name: str, tiny_model: Path, folder: Path, capsys: Capture) -> None:
    before = (folder / name).read_bytes()
    assert _recognize(tiny_model, folder / name, "--out", folder / name) == 2
    assert (folder / name).read_bytes() == before


def test_sheets_are_not_replaced_by_sheets_of_their_tracks(
    tiny_model: Path, folder: Path, capsys: Capture
) -> None:
    sheet = folder / "album.flac.cue"
    (folder / "album.cue").rename(sheet)
    before = sheet.read_bytes()
    assert _recognize(tiny_model, sheet, "--cue", folder, "--picture", folder, "--format", "json") == 0
    warnings = [record["warning"] for record in json.loads(capsys.readouterr().out)]
    assert all("no CUE sheet was written" in warning for warning in warnings)
    assert sheet.read_bytes() == before
    assert sorted(path.name for path in folder.glob("*.svg")) == ["album.flac-2.svg", "album.flac.svg"]


def test_a_track_does_not_tag_its_file(tiny_model: Path, folder: Path, own_library: Path) -> None:
    """Also from Python, where `scan` follows sheets."""
    assert _recognize(tiny_model, folder / "album.flac", "--quiet") in (0, 1)
    before = (folder / "album.flac").read_bytes()
    with Library(own_library) as library:
        tagger, tracks = Tagger(library), list(scan([folder / "album.cue"]))
        records = [*tagger.tag(tracks, TagPolicy("overwrite"), write=True), *tagger.undo(tracks)]
    assert [record.status for record in records] == ["left"] * 4
    assert "track 1 of" in str(records[0].note) and "whole files" in str(records[0].note)
    assert (folder / "album.flac").read_bytes() == before
