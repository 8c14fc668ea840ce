"""Walking the frames of a file does not keep the file in memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from genrelab.audio.containers import window
from genrelab.audio.containers.mpeg import index_mpeg

_PEAK = """
import resource, sys
from pathlib import Path
from genrelab.audio.containers.mpeg import index_mpeg
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
scan = index_mpeg(Path(sys.argv[1]))
print(len(scan.offsets), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def _music(path: Path, times: int) -> Path:
    """Write an MP3 of frames that repeat, and nothing else."""
    sound = np.random.default_rng(0).uniform(-0.1, 0.1, (44_100 * 20, 2))
    sf.write(path.with_suffix(".once.mp3"), sound, 44_100)
    once = path.with_suffix(".once.mp3").read_bytes()
    with path.open("wb") as file:
        for _ in range(times):
            file.write(once)
    return path


@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted in KiB on Linux")
def test_a_file_is_not_kept_in_memory(tmp_path: Path) -> None:
    path = _music(tmp_path / "long.mp3", 400)
    assert path.stat().st_size > 60 * 2**20
    done = subprocess.run(
        [sys.executable, "-c", _PEAK, str(path)], check=True, capture_output=True, text=True
    )
    frames, kib = map(int, done.stdout.split())
    assert frames > 300_000
    assert kib < 40 * 1024


def test_the_size_of_the_window_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _music(tmp_path / "short.mp3", 2)
    expected = index_mpeg(path)
    monkeypatch.setattr(window, "WINDOW", 50)
    assert index_mpeg(path) == expected
