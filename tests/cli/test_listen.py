from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from interrupts import heed

from genrelab.cli.main import main

linux = pytest.mark.skipif(sys.platform != "linux", reason="signals")
RAW = ["--raw", "s16le", "--rate", "44100", "--channels", "2"]


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENRELAB_MODEL", raising=False)


@pytest.fixture(scope="module")
def pcm(tiny: ModuleType) -> bytes:
    """4 s of a low tone, 3 s of a high one, 2.5 s of silence, and a byte too much."""
    tones = [tiny.tone(200.0, 4.0, rate=44100), tiny.tone(3000.0, 3.0, rate=44100), np.zeros(110250)]
    stereo = np.stack([np.concatenate(tones)] * 2, axis=1)
    return (stereo * 32767).astype("<i2").tobytes() + b"\x01"


def start(model: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "genrelab", "listen", "--model", str(model), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed,
    )


def test_a_pipe(tiny_model: Path, pcm: bytes) -> None:
    out, complaints = (process := start(tiny_model, *RAW, "--format", "jsonl", "--top", "2")).communicate(
        pcm, timeout=60
    )
    assert (process.returncode, complaints) == (0, b"")
    records = [json.loads(line) for line in out.splitlines()]
    assert list(records[0]) == [
        *("time", "start", "genre", "confidence", "reason", "genres", "tags", "behind", "model")
    ]
    assert [record["time"] for record in records] == [*map(float, range(1, 10)), 9.5]
    names = [record["genre"] for record in records]
    assert names[:4] == ["low"] * 4
    assert names[5:8] == ["high"] * 3
    assert (names[-1], records[-1]["reason"], records[-1]["genres"]) == ("unsure", "silent", [])
    assert all(len(record["genres"]) == 2 for record in records[:-1])


def test_lines_for_people(tiny_model: Path, pcm: bytes) -> None:
    process = start(tiny_model, *RAW, "--every", "4")
    lines = process.communicate(pcm, timeout=60)[0].decode().splitlines()
    assert [line.split()[:2] for line in lines] == [["0:04", "low"], ["0:08", "high"], ["0:09", "unsure:"]]
    assert re.fullmatch(r" +0:04  low     100 %  middle 0 %, high 0 %", lines[0])


def test_an_answer_comes_while_the_sound_goes_on(tiny_model: Path, pcm: bytes) -> None:
    process = start(tiny_model, *RAW, "--format", "jsonl")
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(pcm[: 2 * 44100 * 4])
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["time"] == 1.0
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.slow
@linux
def test_an_interrupt_while_nothing_comes(tiny_model: Path, pcm: bytes) -> None:
    process = start(tiny_model, *RAW)
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None
    process.stdin.write(pcm[: 2 * 44100 * 4])
    process.stdin.flush()
    process.stdout.readline()
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=20) == 130
    assert time.monotonic() - began < 5
    assert process.stderr.read() == b"genrelab: interrupted\n"
    for pipe in (process.stdin, process.stdout, process.stderr):
        pipe.close()


@linux
def test_a_reader_that_goes_away(tiny_model: Path, pcm: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.pcm").write_bytes(pcm[:-1] * 40)
    with (tmp_path / "x.pcm").open("rb") as sound:
        process = subprocess.Popen(
            [sys.executable, "-m", "genrelab", "listen", "--model", str(tiny_model), *RAW],
            stdin=sound,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=30) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_no_sound(tiny_model: Path) -> None:
    process = start(tiny_model, *RAW)
    out, complaints = process.communicate(b"\x00\x00\x00", timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert complaints.startswith(b"genrelab: ") and complaints.count(b"\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--raw", "s16le"], "--rate HZ and --channels N"),
        (["--raw", "s16le", "--rate", "8000"], "--rate HZ and --channels N"),
        (["--rate", "8000"], "--raw s16le"),
        ([*RAW, "--device", "1"], "one of them"),
        (["--raw", "u8"], ""),
        ([*RAW, "--top", "0"], ""),
    ],
)
def test_wrong_use(
    arguments: list[str], said: str, tiny_model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["listen", "--model", str(tiny_model), *arguments]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--list-devices"], ["--device", "1"]])
def test_a_microphone_needs_sounddevice(
    arguments: list[str],
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert main(["listen", "--model", str(tiny_model), *arguments]) == 1
    complaint = capsys.readouterr().err
    assert "genrelab[live]" in complaint and "--raw" in complaint and complaint.count("\n") == 1


def test_the_help_names_ffmpeg(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["listen", "--help"]) == 0
    assert "ffmpeg" in capsys.readouterr().out
