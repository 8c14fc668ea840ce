"""`genrelab library`, and how `genrelab recognize` uses the library."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


def recognize(tiny_model: Path, *arguments: str | Path) -> int:
    return main(["recognize", "--model", str(tiny_model), "--format", "json", *map(str, arguments)])


def test_the_second_run_takes_answers_from_the_library(
    tiny_model: Path, music: Path, own_library: Path, capsys: Capture
) -> None:
    assert recognize(tiny_model, music, "--timeline") == 0
    first = capsys.readouterr()
    assert first.err == ""
    assert recognize(tiny_model, music, "--timeline") == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert "4 of 4 were known" in second.err and str(own_library) in second.err
    assert recognize(tiny_model, music, "--timeline", "--again") == 0
    again = capsys.readouterr()
    assert (again.out, again.err) == (first.out, "")
    assert recognize(tiny_model, music, "--timeline", "--quiet") == 0
    assert capsys.readouterr().err == ""


def test_no_library(tiny_model: Path, music: Path, own_library: Path, capsys: Capture) -> None:
    for _ in range(2):
        assert recognize(tiny_model, music, "--no-library") == 0
        assert capsys.readouterr().err == ""
    assert not own_library.exists()
    assert recognize(tiny_model, music, "--no-library", "--library", own_library) == 2


def test_a_named_library(
    tiny_model: Path, music: Path, own_library: Path, tmp_path: Path, capsys: Capture
) -> None:
    assert recognize(tiny_model, music, "--library", tmp_path / "mine.db") == 0
    assert not own_library.exists() and (tmp_path / "mine.db").exists()
    (tmp_path / "no.db").write_text("words, not tables " * 100)
    capsys.readouterr()
    assert recognize(tiny_model, music, "--library", tmp_path / "no.db") == 1
    captured = capsys.readouterr()
    assert captured.out == "" and "no.db" in captured.err and captured.err.count("\n") == 1


def test_the_users_own_library_that_cannot_be_used_is_done_without(
    tiny_model: Path, music: Path, own_library: Path, capsys: Capture
) -> None:
    own_library.mkdir()
    assert recognize(tiny_model, music) == 0
    captured = capsys.readouterr()
    assert len(json.loads(captured.out)) == 4
    assert str(own_library) in captured.err


def test_out_never_replaces_the_library(
    tiny_model: Path, music: Path, own_library: Path, capsys: Capture
) -> None:
    assert recognize(tiny_model, music) == 0
    assert recognize(tiny_model, music, "--out", own_library) == 2
    assert main(["library", "list", "--out", str(own_library)]) == 2
    assert main(["library", "show"]) == 0


def test_show(tiny_model: Path, music: Path, own_library: Path, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "letter.mp3").write_text("no music\n" * 100)
    recognize(tiny_model, music, tmp_path)
    capsys.readouterr()
    assert main(["library", "show", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["library"], shown["tracks"], shown["writes"]) == (str(own_library), 5, 0)
    assert [(row["genre"], row["tracks"]) for row in shown["genres"]] == [
        *(("low", 2), ("error", 1), ("high", 1), ("middle", 1))
    ]
    assert main(["library", "show"]) == 0
    first, model, *genres = capsys.readouterr().out.splitlines()
    assert "5 tracks" in first and shown["genres"][0]["model"] in model
    assert [line.split() for line in genres] == [["2", "low"], ["1", "error"], ["1", "high"], ["1", "middle"]]


def test_list(tiny_model: Path, music: Path, tmp_path: Path, capsys: Capture) -> None:
    recognize(tiny_model, music, "--timeline")
    recognized = {os.path.realpath(record["path"]): record for record in json.loads(capsys.readouterr().out)}
    assert main(["library", "list", "--format", "json", "--timeline"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [record["path"] for record in listed] == sorted(recognized)
    for record in listed:
        assert record == {**recognized[record["path"]], "path": record["path"]}
    assert (
        main(["library", "list", str(music / "album"), "--format", "csv", "--out", str(tmp_path / "x")]) == 0
    )
    assert (tmp_path / "x").read_text().count("\n") == 3
    assert main(["library", "list", str(music / "alb")]) == 0
    assert "c.mp3" not in capsys.readouterr().out


def test_forget(tiny_model: Path, music: Path, tmp_path: Path, capsys: Capture) -> None:
    gone = tmp_path / "gone.wav"
    gone.write_bytes((music / "a low.wav").read_bytes())
    recognize(tiny_model, music, gone)
    gone.unlink()

    def count() -> int:
        capsys.readouterr()
        main(["library", "show", "--format", "json"])
        return int(json.loads(capsys.readouterr().out)["tracks"])

    assert count() == 5
    assert main(["library", "forget"]) == 2
    assert main(["library", "forget", str(music), "--all"]) == 2
    assert main(["library", "forget", "--missing"]) == 0
    assert count() == 4
    assert main(["library", "forget", str(music / "album")]) == 0
    assert count() == 2
    assert main(["library", "forget", "--all"]) == 0
    assert count() == 0


@pytest.mark.parametrize("command", [["show"], ["list"], ["forget", "--all"]])
def test_no_library_yet(command: list[str], own_library: Path, capsys: Capture) -> None:
    assert main(["library", *command]) == 2
    assert str(own_library) in capsys.readouterr().err
    assert not own_library.exists()
