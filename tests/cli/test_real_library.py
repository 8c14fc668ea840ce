"""`genrelab recognize` on real previews with damaged and odd neighbours."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.data


def damaged(folder: Path, real: Path) -> dict[str, str]:
    """Put files that are no music beside music; return name -> what its record must say."""
    whole = real.read_bytes()
    (folder / "cut.mp3").write_bytes(whole[: len(whole) // 2 + 100])
    (folder / "empty.mp3").write_bytes(b"")
    (folder / "text.mp3").write_text("these are words, not music\n" * 100)
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    soundfile.write(folder / "silent.flac", np.zeros((44100 * 3, 2)), 44100)
    return {
        "empty.mp3": "empty",
        "text.mp3": "text.mp3",
        "loop": "loop",
        "silent.flac": "silent",
    }


def test_one_record_a_file_and_never_a_traceback(data_dir: Path, tiny_model: Path, tmp_path: Path) -> None:
    previews = sorted((data_dir / "allmusic-previews").rglob("*.mp3"))[::20]
    previews += sorted((data_dir / "allmusic-previews").rglob("*.opus"))[:2]
    folder = tmp_path / "previews"
    folder.mkdir()
    for preview in previews:
        (folder / preview.name).symlink_to(preview)
    wrong = damaged(folder, previews[0])
    command = [sys.executable, "-m", "genrelab", "recognize", str(folder), "--format=json"]
    done = subprocess.run([*command, f"--model={tiny_model}"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    records = {Path(record["path"]).name: record for record in json.loads(done.stdout)}
    assert set(records) == {preview.name for preview in previews} | set(wrong) | {"cut.mp3"}
    for preview in previews:
        record = records[preview.name]
        assert record["error"] is None and record["genre"] in {"low", "middle", "high"}
        samples, rate = soundfile.read(preview)
        assert record["duration"] == pytest.approx(len(samples) / rate, abs=0.02)
    cut = records["cut.mp3"]
    assert cut["error"] is None and cut["genre"] and "cut off" in cut["warning"]
    assert cut["duration"] == pytest.approx(records[previews[0].name]["duration"] / 2, abs=0.1)
    for name, words in wrong.items():
        record = records[name]
        if name == "silent.flac":
            assert record["genre"] == "unsure" and record["reason"] == words
        else:
            assert record["genre"] is None and words in record["error"]
