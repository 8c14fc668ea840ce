"""`recognize --tags` and `listen --tags`."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from genrelab.cli.main import main


def test_recognize_shows_tags(tagged_model: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["recognize", str(music), "--model", str(tagged_model), "--no-library"]
    assert main([*command, "--tags"]) == 1  # one file is no music
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == "  mood:calm 100 %, genre:folk 100 %"
    assert "c.mp3" in lines[3] and "unsure: no music" in lines[3]
    assert lines[-1] == "  style:punk 100 %"
    assert main(command) == 1
    plain = capsys.readouterr().out
    assert "mood" not in plain and "unsure: no music" in plain


def test_json_has_all_tags_without_the_option(
    tagged_model: Path, tiny_model: Path, music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["recognize", str(music / "a low.wav"), "--no-library", "--format", "jsonl"]
    assert main([*command, "--model", str(tagged_model)]) == 0
    tags = json.loads(capsys.readouterr().out)["tags"]
    assert [(tag["kind"], tag["name"], tag["present"]) for tag in tags] == [
        ("mood", "calm", True),
        ("genre", "folk", True),
        ("style", "punk", False),
    ]
    assert main([*command, "--model", str(tiny_model)]) == 0
    assert json.loads(capsys.readouterr().out)["tags"] == []


def test_csv_has_a_column_with_the_option(
    tagged_model: Path, music: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    command = ["recognize", str(music / "b.flac"), "--model", str(tagged_model), "--no-library"]
    assert main([*command, "--format", "csv", "--tags"]) == 0
    (row,) = csv.DictReader(io.StringIO(capsysbinary.readouterr().out.decode("utf-8")))
    name, probability = row["tags"].rsplit("=", 1)
    assert name == "style:punk" and float(probability) > 0.9


@pytest.mark.parametrize("command", ["recognize", "listen"])
@pytest.mark.parametrize("tags", [(), ({"kind": "content", "name": "no music"},)], ids=["none", "no music"])
def test_a_model_without_tags_is_wrong_use(
    command: str,
    tags: tuple[dict[str, str], ...],
    tiny: ModuleType,
    music: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = tiny.write_tiny(
        tmp_path / "m.onnx", tags=[{**tag, "measured": "labels", "threshold": 0.5} for tag in tags]
    )
    arguments = [str(music)] if command == "recognize" else []
    assert main([command, *arguments, "--model", str(model), "--tags"]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert str(model) in captured.err and "has no tags" in captured.err and "--tags" in captured.err


def test_listen_shows_tags(tagged_model: Path, tiny: ModuleType) -> None:
    sound = np.concatenate([tiny.tone(200.0, 3.0), tiny.tone(3000.0, 3.0)])
    raw = ["--raw", "f32le", "--rate", "8000", "--channels", "1"]
    command = [sys.executable, "-m", "genrelab", "listen", "--model", str(tagged_model), *raw, "--tags"]
    done = subprocess.run(command, input=sound.tobytes(), capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode("utf-8").splitlines()
    assert lines[0].endswith("  [mood:calm 100 %, genre:folk 100 %]")
    assert "unsure: no music" in lines[-1] and "[" not in lines[-1]
