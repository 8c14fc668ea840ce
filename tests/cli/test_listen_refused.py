"""`genrelab listen` with impossible sound, and every command whose output goes nowhere."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

COMMAND = [sys.executable, "-m", "genrelab"]


def hear(model: Path, sound: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [*COMMAND, "listen", f"--model={model}", *arguments]
    return subprocess.run(command, input=sound, capture_output=True, timeout=120)


@pytest.mark.parametrize("rate", ["0", "-1", "1", "1000000000", "9" * 30])
def test_impossible_rates(rate: str, tiny_model: Path) -> None:
    done = hear(tiny_model, bytes(8000), "--raw=s16le", f"--rate={rate}", "--channels=1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"100" in done.stderr and b"6,144,000" in done.stderr


@pytest.mark.parametrize(("rate", "channels"), [("1e9", "1"), ("x", "1"), ("8000", "65"), ("8000", "0")])
def test_impossible_numbers(rate: str, channels: str, tiny_model: Path) -> None:
    done = hear(tiny_model, bytes(8000), "--raw=s16le", f"--rate={rate}", f"--channels={channels}")
    assert (done.returncode, done.stdout) == (2, b"") and b"Invalid value for '--" in done.stderr


@pytest.mark.parametrize(("value", "quoted"), [(3e38, b"3.0e+38"), (np.nan, b"NaN")])
def test_impossible_samples(value: float, quoted: bytes, tiny_model: Path) -> None:
    sound = np.full(80_000, value, "<f4").tobytes()
    done = hear(tiny_model, sound, "--raw=f32le", "--rate=44100", "--channels=2")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"genrelab: ") and quoted in done.stderr and b"f32le" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_the_most_channels_at_the_highest_rate(tiny_model: Path) -> None:
    done = hear(tiny_model, bytes(4_000_000), "--raw=f32le", "--rate=6144000", "--channels=64")
    assert done.returncode == 0 and b"unsure: silent" in done.stdout and done.stderr == b""


@pytest.mark.skipif(sys.platform == "win32", reason="a POSIX shell")
@pytest.mark.parametrize("reader", ["| head -n 1", "| true", ">&-", "> /dev/full"])
@pytest.mark.parametrize(
    "command", ["listen --raw=s16le --rate=8000 --channels=1", "recognize x.wav", "library show"]
)
def test_output_without_a_reader(
    command: str, reader: str, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "> /dev/full" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    subprocess.run(
        [*COMMAND, "recognize", "x.wav"], cwd=tmp_path, capture_output=True, timeout=60
    )  # makes a library
    script = f"{sys.executable} -m genrelab {command} {reader}"
    sound = "yes 'some sound' | head -c 400000 | " if command.startswith("listen") else ""
    done = subprocess.run(["bash", "-c", sound + script], cwd=tmp_path, capture_output=True, timeout=120)
    assert b"Traceback" not in done.stderr
    assert done.stderr.count(b"genrelab: ") <= 1
    if reader.startswith(">"):
        assert done.returncode == 1 and b"genrelab: [Errno" in done.stderr
