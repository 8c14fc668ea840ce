"""`genrelab tag` recognizes what the library does not know, and `recognize --tag` does both steps."""

from __future__ import annotations

import json
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import soundfile
import tagged
from tiny_onnx import RATE, tone, write_tiny
from unprivileged import as_plain_user, open_folder

import genrelab.recognize.segment_sampling
from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def songs(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of files that no library knows."""
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    folder = tmp_path / "songs"
    folder.mkdir()
    soundfile.write(folder / "low.flac", tone(200.0), RATE)
    soundfile.write(folder / "high.flac", tone(3000.0), RATE)
    return folder


def tag(capsys: Capture, *arguments: str | Path, code: int = 0) -> dict[str, dict[str, Any]]:
    """Run the command; return the records by the names of their files."""
    assert main([*map(str, arguments), "--format", "json"]) == code
    return {Path(record["path"]).name: record for record in json.loads(capsys.readouterr().out)}


def test_unknown_files_are_recognized_once(songs: Path, own_library: Path, capsys: Capture) -> None:
    assert not own_library.exists()
    assert main(["tag", str(songs)]) == 0
    captured = capsys.readouterr()
    assert captured.out.count("would write") == 2 and "2 new files" in captured.err
    assert tagged.genres(songs / "low.flac") == ()
    soundfile.write(songs / "middle.flac", tone(1000.0), RATE)
    assert main(["tag", str(songs), "--write"]) == 0
    assert "1 new file " in capsys.readouterr().err
    assert [tagged.genres(path) for path in sorted(songs.iterdir())] == [("high",), ("low",), ("middle",)]
    assert main(["tag", str(songs), "--undo", "--quiet"]) == 0
    assert [tagged.genres(path) for path in sorted(songs.iterdir())] == [()] * 3


def test_what_cannot_be_recognized_fails_and_the_rest_is_done(songs: Path, capsys: Capture) -> None:
    (songs / "broken.flac").write_bytes(b"fLaC" + bytes(100))
    (songs / "none.mp3").symlink_to("nowhere.mp3")
    found = tag(capsys, "tag", songs, "--write", "--quiet", code=1)
    assert {name: record["status"] for name, record in found.items()} == {
        "broken.flac": "error",
        "high.flac": "written",
        "low.flac": "written",
        "none.mp3": "error",
    }


def test_without_recognizing(songs: Path, own_library: Path, capsys: Capture) -> None:
    assert main(["tag", str(songs), "--no-recognize"]) == 2
    assert str(own_library) in capsys.readouterr().err
    assert main(["recognize", str(songs / "low.flac"), "--quiet"]) == 0
    capsys.readouterr()
    found = tag(capsys, "tag", songs, "--no-recognize", "--quiet", code=1)
    assert (found["low.flac"]["status"], found["high.flac"]["status"]) == ("would write", "error")


def test_undo_recognizes_nothing(songs: Path, own_library: Path, capsys: Capture) -> None:
    assert main(["tag", str(songs), "--undo"]) == 2
    assert not own_library.exists()


def test_the_answers_of_a_named_model(
    songs: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_tiny(tmp_path / "other.onnx", genres=("deep", "medium", "shrill"))
    assert main(["recognize", str(songs), "--model", str(other), "--quiet"]) == 0
    monkeypatch.delenv("GENRELAB_MODEL")
    capsys.readouterr()
    assert tag(capsys, "tag", songs)["low.flac"]["after"] == ["deep"]  # any stored answer
    named = ("--model", write_tiny(tmp_path / "model.onnx"))
    refused = tag(capsys, "tag", songs, *named, "--no-recognize", code=1)
    assert {record["status"] for record in refused.values()} == {"error"}
    assert tag(capsys, "tag", songs, *named)["low.flac"]["after"] == ["low"]
    monkeypatch.setenv("GENRELAB_MODEL", str(other))
    assert tag(capsys, "tag", songs)["low.flac"]["after"] == ["deep"]


def test_full_answers(songs: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", 3.0)
    soundfile.write(songs / "long.flac", tone(1000.0, 30.0), RATE)
    assert main(["tag", str(songs), "--quiet"]) == 0
    capsys.readouterr()
    assert tag(capsys, "tag", songs / "low.flac", "--full", "--no-recognize")["low.flac"]["after"] == ["low"]
    assert tag(capsys, "tag", songs, "--full", "--no-recognize", code=1)["long.flac"]["status"] == "error"


@pytest.mark.parametrize("named", [True, False])
def test_full_recognizes_again_what_is_known_in_part(
    named: bool, songs: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", 3.0)
    soundfile.write(songs / "long.flac", tone(1000.0, 30.0), RATE)
    assert main(["tag", str(songs), "--quiet"]) == 0
    if not named:  # then results of any model do, if they are of the whole file
        monkeypatch.delenv("GENRELAB_MODEL")
    assert main(["tag", str(songs), "--full"]) == 0
    captured = capsys.readouterr()
    assert "1 new file " in captured.err and "error" not in captured.out


def test_a_library_that_cannot_be_written(tiny_model: Path, capsys: Capture) -> None:
    with open_folder() as folder:
        (folder / "library").mkdir()
        library = folder / "library" / "l.db"
        for name, frequency in (("low", 200.0), ("high", 3000.0)):
            soundfile.write(folder / f"{name}.flac", tone(frequency), RATE)
        options = ["--model", str(tiny_model), "--library", str(library), "--quiet"]
        assert main(["recognize", str(folder / "low.flac"), *options]) == 0
        command = ["tag", str(folder), "--library", str(library), "--format", "json"]
        assert main([*command, "--no-recognize"]) == 1  # imports what the other user may not read
        library.chmod(0o444)
        library.parent.chmod(0o555)
        capsys.readouterr()

        def act() -> list[object]:
            with redirect_stderr(StringIO()) as said:
                code = main(command)
            return [code, said.getvalue()]

        code, said = as_plain_user(act)
        assert code == 1 and f"{library} is read-only" in said


def test_albums_of_unknown_files(songs: Path, capsys: Capture) -> None:
    soundfile.write(songs / "low too.flac", tone(210.0), RATE)
    found = tag(capsys, "tag", songs, "--by", "folder")
    assert {record["after"][0] for record in found.values()} == {"low"}


def test_both_steps_at_once(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    planned = tag(capsys, "recognize", songs, "--tag")
    assert {record["status"] for record in planned.values()} == {"would write"}
    assert tagged.genres(songs / "low.flac") == ()
    out = tmp_path / "records.json"
    written = tag(capsys, "recognize", songs, "--tag", "--write", "--out", out)
    assert {name: record["after"] for name, record in written.items()} == {
        "low.flac": ["low"],
        "high.flac": ["high"],
    }
    assert [record["genre"] for record in json.loads(out.read_text())] == ["high", "low"]
    assert tagged.genres(songs / "low.flac") == ("low",)
    assert main(["tag", str(songs), "--undo", "--quiet"]) == 0
    assert tagged.genres(songs / "low.flac") == ()


def test_options_reach_tag(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    names = tmp_path / "-names.yaml"
    names.write_text("names: {low: Bass}\n")
    options = ("--genres", "2", "--min-confidence", "0", "--map", names, "--exclude", "high.*")
    found = tag(capsys, "recognize", songs, "--tag", "--write", "--combine", *options)
    assert {name: record["after"] for name, record in found.items()} == {"low.flac": ["Bass", "middle"]}
    found = tag(
        capsys, "recognize", songs / "low.flac", "--tag", "--overwrite", "--library", tmp_path / "l.db"
    )
    assert found["low.flac"]["after"] == ["low"] and (tmp_path / "l.db").exists()


def test_the_output_of_both_steps(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    assert main(["recognize", str(songs), "--tag", "--format", "jsonl"]) == 2
    assert "jsonl" in capsys.readouterr().err
    assert main(["recognize", str(songs), "--tag", "--format", "jsonl", "--out", str(tmp_path / "x")]) == 0
    captured = capsys.readouterr()
    assert "would write" in captured.out and captured.err.count("note: nothing was written") == 1
    assert len((tmp_path / "x").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "quoted"),
    [
        (["--write"], "--write"),
        (["--genres", "2"], "--genres"),
        (["--tag", "--overwrite", "--combine"], "--combine"),
        (["--tag", "--no-library"], "--no-library"),
        (["--tag", "--map", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_wrong_use_is_noticed_before_work(
    songs: Path, own_library: Path, options: list[str], quoted: str, capsys: Capture
) -> None:
    assert main(["recognize", str(songs), *options]) == 2
    assert quoted in capsys.readouterr().err
    assert not own_library.exists()


def test_lists_are_not_followed(songs: Path, tmp_path: Path, capsys: Capture) -> None:
    playlist = tmp_path / "list.m3u8"
    playlist.write_text(f"{songs / 'low.flac'}\n")
    assert main(["recognize", str(playlist), "--tag"]) == 2
    assert str(playlist) in capsys.readouterr().err


def test_exit_code_of_both_steps(songs: Path, capsys: Capture) -> None:
    (songs / "broken.flac").write_bytes(b"fLaC" + bytes(100))
    found = tag(capsys, "recognize", songs, "--tag", code=1)
    assert [record["status"] for record in found.values()].count("would write") == 2


@pytest.mark.parametrize(
    ("options", "quoted"),
    [
        (["--most", "2"], "--most"),
        (["--moods", "--itunes-grouping"], "--itunes-grouping"),
        (["--itunes-grouping"], "--styles"),
        (["--undo", "--no-genre"], "--undo"),
        (["--undo", "--guess"], "--guess"),
        (["--no-genre", "--moods", "--guess"], "--no-genre"),
    ],
)
def test_options_without_effect(songs: Path, options: list[str], quoted: str, capsys: Capture) -> None:
    assert main(["recognize", str(songs), "--quiet"]) == 0
    assert main(["tag", str(songs), *options]) == 2
    assert quoted in capsys.readouterr().err
