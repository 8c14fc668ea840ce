"""`genrelab tag` and `genrelab library check`: the options reach what they are for."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import mutagen.flac
import pytest
import tagged

from genrelab.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def song(tiny_model: Path, tmp_path: Path, capsys: Capture) -> Path:
    """A recognized file whose genre is `Unknown`."""
    path = tagged.make(tmp_path, "flac", frequency=200.0)
    file = mutagen.flac.FLAC(path)
    file["GENRE"] = "Unknown"
    file.save()
    assert main(["recognize", str(path), "--model", str(tiny_model), "--quiet"]) == 0
    capsys.readouterr()
    return path


def tag(capsys: Capture, *arguments: str | Path) -> dict[str, Any]:
    """Run the command; return the one record."""
    assert main(["tag", *map(str, arguments), "--format", "json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    return record


def test_placeholders(song: Path, tmp_path: Path, capsys: Capture) -> None:
    words = tmp_path / "words.txt"
    words.write_text("unknown\n")
    for options, status in (
        ((), "would write"),
        (("--placeholders", ""), "left"),
        (("--placeholders", "other,none"), "left"),
        (("--placeholders", "Unknown"), "would write"),
        (("--placeholders", "+xyz"), "would write"),
        (("--placeholders", f"@{words}"), "would write"),
    ):
        assert tag(capsys, song, *options)["status"] == status, options
    assert main(["tag", str(song), "--placeholders", "@/nowhere/words"]) == 2
    assert "/nowhere/words cannot be read" in capsys.readouterr().err


def test_check_has_placeholders_too(song: Path, capsys: Capture) -> None:
    for options, reason in (((), "no tag"), (("--placeholders", ""), "unknown")):
        assert main(["library", "check", str(song), *options, "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["counts"][reason] == 1


def test_times_and_hard_links(song: Path, tmp_path: Path, capsys: Capture) -> None:
    os.utime(song, (1_000_000, 1_000_000))
    assert tag(capsys, song, "--write", "--keep-mtime")["status"] == "written"
    assert song.stat().st_mtime == 1_000_000
    (tmp_path / "other.link").hardlink_to(song)
    assert tag(capsys, song, "--undo", "--keep-mtime", "--skip-hard-links")["status"] == "left"
    assert tag(capsys, song, "--overwrite", "--genres", "2", "--min-confidence", "0")["note"].startswith(
        "1 other"
    )
    assert tag(capsys, song, "--overwrite", "--skip-hard-links")["status"] == "left"
    assert tag(capsys, song, "--undo", "--keep-mtime")["status"] == "undone"
    assert song.stat().st_mtime == 1_000_000 and tagged.genres(song) == ("Unknown",)
    assert tag(capsys, song)["before"] == ["Unknown"]  # still known


@pytest.mark.parametrize(
    ("option", "expected"),
    [(None, ["low/middle"]), ("/", ["low/middle"]), ("; ", ["low; middle"]), ("nul", ["low", "middle"])],
)
def test_the_separator(
    option: str | None, expected: list[str], tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    path = tagged.make(tmp_path, "mp3-23", frequency=200.0)
    assert main(["recognize", str(path), "--model", str(tiny_model), "--quiet"]) == 0
    capsys.readouterr()
    options = ("--id3v23-separator", option) if option else ()
    record = tag(capsys, path, "--write", "--genres", "2", "--min-confidence", "0", *options)
    assert record["after"] == expected and tagged.genres(path) == tuple(expected)


def test_damaged(song: Path, own_library: Path, capsys: Capture) -> None:
    from genrelab.library import Library
    from genrelab.library.store.file_snapshot import FileSnapshot
    from genrelab.recognize.recognition import Notice, RankedGenre, Recognition

    with Library(own_library) as library:
        said = Recognition(
            *(song, "m@1", 1.0, "low", 0.9),
            genres=(RankedGenre("low", 0.9),),
            notices=(Notice("cut off", "cut off: 1.0 s of 2.0 s"),),
        )
        library.tracks.store(FileSnapshot(song), said)
    record = tag(capsys, song, "--write")
    assert record["status"] == "left" and "cut off: 1.0 s of 2.0 s" in record["note"]
    assert tag(capsys, song, "--write", "--damaged")["status"] == "written"


def test_a_wrong_separator_is_wrong_use(song: Path, capsys: Capture) -> None:
    assert main(["tag", str(song), "--id3v23-separator", "|"]) == 2
    assert capsys.readouterr().out == ""


def test_a_genre_of_the_users_own(song: Path, capsys: Capture) -> None:
    shown = tag(capsys, song, "--as", "hip-hop", "--as", "Zydeco")
    assert (shown["status"], shown["after"]) == ("would write", ["Hip-Hop", "Zydeco"])
    assert tag(capsys, song, "--as", "jazz", "--write")["after"] == ["Jazz"]
    assert tagged.genres(song) == ("Jazz",)
    assert tag(capsys, song, "--as", "Rock")["status"] == "left"
    assert tag(capsys, song, "--as", "Rock", "--combine")["after"] == ["Jazz", "Rock"]
    assert tag(capsys, song, "--undo")["after"] == ["Unknown"]
    for options in (
        ["--as", ""],
        ["--as", "a\nb"],
        *(["--as", "x", each] for each in ("--undo", "--guess", "--no-genre")),
    ):
        assert main(["tag", str(song), *options]) == 2, options
