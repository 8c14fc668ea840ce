"""Pictures and CUE sheets that cannot be written, and names that are too long: the run goes on."""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import soundfile
from disks import fill, small_disk

from genrelab.cli.main import main
from genrelab.recognize.writers.side_files import PartsWriter, side_name

Capture = pytest.CaptureFixture[str]


def make_mix(tiny: ModuleType, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        soundfile.write(
            file, np.concatenate([tiny.tone(200.0, 6.0), tiny.tone(3000.0, 6.0)]), 8000, format="WAV"
        )
    return path


def recognize(tiny_model: Path, *arguments: str | Path) -> int:
    options = ["--model", str(tiny_model), "--format", "json", "--jobs", "1"]
    return main(["recognize", *map(str, arguments), *options])


def test_the_longest_names(tiny: ModuleType, tiny_model: Path, tmp_path: Path, capsys: Capture) -> None:
    music, out = tmp_path / "music", tmp_path / "out"
    names = ["é" * 125 + "a.wav", "é" * 125 + "b.wav", "n" * 251 + ".wav", "short.wav"]
    assert [len(os.fsencode(name)) for name in names] == [255, 255, 255, 9]
    for name in names:
        make_mix(tiny, music / name)
    for _ in range(2):  # the same names the second time
        assert recognize(tiny_model, music, "--picture", out, "--cue", out) == 0
        assert [record["warning"] for record in json.loads(capsys.readouterr().out)] == [None] * 4
        written = sorted(os.listdir(out))
        assert len(written) == 8 and {"short.wav.svg", "short.wav.cue"} < set(written)
        for name in written:
            assert len(os.fsencode(name)) <= 255
            assert os.fsencode(name).decode("utf-8") == name  # no character is cut in two
            if not name.startswith("short"):
                assert re.fullmatch(r"(é+|n+)~[0-9a-f]{8}\.(svg|cue)", name)
                assert len(os.fsencode(name)) >= 254
    sheets = [name for name in written if name.endswith(".cue")]
    named = {(out / sheet).read_text().splitlines()[1].split('"')[1] for sheet in sheets}
    assert {(out / path).resolve() for path in named} == {music / name for name in names}


def test_names_of_side_files() -> None:
    assert side_name("a.mp3", ".svg", longest=255) == "a.mp3.svg"
    assert side_name("x" * 28, ".svg", longest=32) == "x" * 28 + ".svg"
    assert re.fullmatch(r"x{19}~[0-9a-f]{8}\.svg", side_name("x" * 29, ".svg", longest=32))
    cut = {side_name("\u20ac" * 60 + end, ".svg", longest=143) for end in ("a", "b", "\udce9")}
    assert len(cut) == 3
    for name in cut:
        assert len(name.encode("utf-8")) in (141, 142, 143)


def test_no_side_file_of_a_run_replaces_another(tmp_path: Path) -> None:
    writer = PartsWriter(1.0, record_parts=True, pictures=None, cues=None)
    paths = [Path("1/a.mp3"), Path("2/a.mp3"), Path("1/a.mp3-2"), Path("3/a.mp3")]
    names = [writer._name(path) for path in paths]
    assert names == ["a.mp3", "a.mp3-2", "a.mp3-2-2", "a.mp3-3"]


def test_one_that_cannot_be_written_is_a_warning(
    tiny: ModuleType, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    for name in ("a.wav", "b.wav"):
        make_mix(tiny, tmp_path / "music" / name)
    out = tmp_path / "out"
    (out / "a.wav.svg").mkdir(parents=True)
    assert recognize(tiny_model, tmp_path / "music", "--picture", out, "--cue", out, "--parts") == 1
    captured = capsys.readouterr()
    first, second = json.loads(captured.out)
    assert "a.wav.svg" in first["warning"]
    assert first["genre"] and first["parts"] and first["error"] is None
    assert second["warning"] is None
    assert sorted(os.listdir(out)) == ["a.wav.cue", "a.wav.svg", "b.wav.cue", "b.wav.svg"]
    assert "1 of 2" in captured.err


@pytest.mark.skipif(sys.platform == "win32", reason="disks that are mounted")
def test_a_full_disk_is_a_warning(
    tiny: ModuleType, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    for name in ("a.wav", "b.wav"):
        make_mix(tiny, tmp_path / "music" / name)
    with small_disk(tmp_path) as disk:
        filler = fill(disk)
        assert recognize(tiny_model, tmp_path / "music", "--picture", disk) == 1
        warnings = [record["warning"] for record in json.loads(capsys.readouterr().out)]
        for warning in warnings:
            assert os.strerror(errno.ENOSPC) in warning
        assert os.listdir(disk) == ["filler"]
        filler.unlink()
        assert recognize(tiny_model, tmp_path / "music", "--picture", disk) == 0  # warnings are not kept
        assert sorted(os.listdir(disk)) == ["a.wav.svg", "b.wav.svg"]
