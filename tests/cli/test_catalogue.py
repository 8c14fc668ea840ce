"""`genrelab catalogue`: from a listing to Parquet files, and what it says about them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from genrelab.cli.main import main
from genrelab.recognize import scan

Captured = pytest.CaptureFixture[str]


@pytest.fixture
def folder(music: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(music, tmp_path / "music"))


@pytest.fixture
def catalogue(folder: Path, tiny_model: Path, tmp_path: Path) -> list[str]:
    """Arguments that bring a catalogue up to date."""
    arguments = ["catalogue", "run", str(folder), "--to", str(tmp_path / "out")]
    return [*arguments, "--model", str(tiny_model), "--workers", "1"]


def test_run_status_and_report(catalogue: list[str], folder: Path, tmp_path: Path, capsys: Captured) -> None:
    sounds = sum(isinstance(found, Path) for found in scan([folder]))
    (folder / "broken.mp3").write_bytes(b"no sound")
    assert main(catalogue) == 1
    out, err = capsys.readouterr()
    assert out == "" and "audio-not-recognized 1" in err and str(tmp_path / "out") in err
    assert main([*catalogue, "--quiet"]) == 0  # what failed is known
    assert capsys.readouterr() == ("", "")
    assert main(["catalogue", "report", str(tmp_path / "out"), "--format", "json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["files"], facts["failed"]) == (sounds + 1, 1)
    assert facts["errors"] == {"audio-not-recognized": 1}
    assert main(["catalogue", "report", str(tmp_path / "out")]) == 0
    assert "audio-not-recognized" in capsys.readouterr().out
    (folder / "new.mp3").write_bytes(b"no sound either")
    question = ["catalogue", "status", str(tmp_path / "out"), "--listing", str(folder), *catalogue[5:7]]
    assert main([*question, "--format", "json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["left"], facts["listed"], len(facts["runs"])) == (1, sounds + 2, 2)
    assert main(question) == 1
    assert "run 2: finished" in capsys.readouterr().out


def test_a_folder_that_cannot_be_listed_is_told(
    catalogue: list[str], tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "empty").mkdir()
    catalogue[2] = str(tmp_path / "empty")
    assert main(catalogue) == 1
    assert str(tmp_path / "empty") in capsys.readouterr().err


@pytest.mark.parametrize(
    "option", [["--shard-rows", "10"], ["--file-seconds", "0"], ["--to", "gs://x/y"], ["--workers", "0"]]
)
def test_wrong_use(option: list[str], catalogue: list[str], tmp_path: Path, capsys: Captured) -> None:
    assert main([*catalogue, *option]) == 2
    assert not (tmp_path / "out").exists()
