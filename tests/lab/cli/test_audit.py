"""`genrelab corpora audit`, as a user types it, on real files."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from genrelab.cli.main import main

RATE = 16_000


@pytest.fixture(scope="module")
def music(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder a genre; a recording is in both, and one file holds text."""
    folder = tmp_path_factory.mktemp("music")
    rng = np.random.default_rng(0)
    for genre in ("jazz", "rock"):
        (folder / genre).mkdir()
        for number in range(4):
            steps = np.repeat(rng.uniform(300, 3000, (3, 60)), RATE // 10, axis=1)
            wave = np.sin(2 * np.pi * np.cumsum(steps, axis=1) / RATE).sum(axis=0)
            soundfile.write(folder / genre / f"{number}.flac", 0.2 * wave, RATE)
    wave, _ = soundfile.read(folder / "jazz" / "1.flac")
    soundfile.write(folder / "rock" / "again.mp3", 0.5 * wave[RATE:], RATE)
    shutil.copy(folder / "jazz" / "2.flac", folder / "jazz" / "twin.flac")
    (folder / "rock" / "text.wav").write_text("no music")
    return folder


def test_audit_writes_what_it_found(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "audit"
    assert main(["corpora", "audit", f"folder:{music}", f"--out={out}", "--split=random", "--jobs=2"]) == 0
    printed = capsys.readouterr().out
    assert "other cut  jazz/1.flac  rock/again.mp3" in printed and "2 repetitions among 11 clips" in printed
    assert "same file  jazz/2.flac  jazz/twin.flac" in printed and "unreadable  1 clips" in printed
    names = {"audit.html", "audit.json", "exclude.txt", "faults.csv", "pairs.csv"}
    assert {path.name for path in out.iterdir()} == names
    assert "jazz/1.flac" in (out / "audit.html").read_text()


def test_json_is_what_the_file_holds(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["corpora", "audit", f"folder:{music}", "--format=json"]) == 0
    record = json.loads(capsys.readouterr().out)
    folder = Path(record.pop("folder"))
    assert folder.parent == Path("audit")
    assert record == json.loads((folder / "audit.json").read_text())
    cut = next(pair for pair in record["pairs"] if pair["kind"] == "other cut")
    assert cut["offset"] == pytest.approx(1.0, abs=0.02) and cut["gain"] == pytest.approx(-6, abs=0.5)
    assert cut["labels_differ"] and not cut["crosses_parts"] and record["split"] is None


def test_a_split_without_what_was_found(
    music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpora", "audit", f"folder:{music}", f"--out={tmp_path}"]) == 0
    capsys.readouterr()
    show = ["corpora", "show", f"folder:{music}", "--split=random", "--format=json"]
    assert main([*show, f"--exclude={tmp_path / 'exclude.txt'}"]) == 0
    split = json.loads(capsys.readouterr().out)["split"]
    assert sum(split["clips"].values()) == 8 and "-without-3-" in split["name"]
    assert main([*show, f"--exclude={tmp_path / 'none.txt'}"]) == 1
    assert str(tmp_path / "none.txt") in capsys.readouterr().err


def test_wrong_use(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpora", "audit", f"folder:{music}", "--jobs=0"]) == 2
    assert main(["corpora", "audit", f"folder:{tmp_path / 'none'}"]) == 1
    assert main(["corpora", "audit", f"folder:{music}", "--split=sideways", f"--out={tmp_path}"]) == 1
    assert "sideways" in capsys.readouterr().err
