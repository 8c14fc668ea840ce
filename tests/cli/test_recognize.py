from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import soundfile
from disks import fill, limited, small_disk
from interrupts import heed

import genrelab.recognize.segment_sampling
from genrelab.bundle import find
from genrelab.cli.main import main
from genrelab.cli.recognize import _Progress
from genrelab.recognize import Recognition

linux = pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes, signals")


@pytest.fixture(autouse=True)
def no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GENRELAB_MODEL", raising=False)


def _process(*arguments: str | bytes | Path, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "genrelab", *arguments]
    return subprocess.run(command, capture_output=True, timeout=60, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_json_is_all_there_is_on_standard_output(
    tiny_model: Path, music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recognize", str(music), "--model", str(tiny_model), "--format", "json"]) == 0
    captured = capsys.readouterr()
    assert [record["genre"] for record in json.loads(captured.out)] == ["low", "high", "low", "middle"]
    assert captured.err == ""


def test_options(tiny_model: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--format", "jsonl", "--top", "1", "--timeline", "--jobs", "3"]
    assert main(["recognize", "--model", str(tiny_model), *options, str(music / "album" / "c.mp3")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert [genre["genre"] for genre in record["genres"]] == ["high"]
    assert [segment["genre"] for segment in record["timeline"]] == ["high"] * 3


def test_the_table_is_for_people(tiny_model: Path, music: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recognize", "--model", str(tiny_model), str(music)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert "c.mp3" in lines[2] and "high" in lines[2]


def test_the_variable_names_a_model(
    tiny_model: Path, music: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    assert main(["recognize", str(music / "a low.wav"), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["model"].startswith("tiny@")


def test_a_missing_model_is_an_error_with_a_remedy(
    music: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(find, "PACKAGED_MODEL", tmp_path / "taken-out.onnx")
    assert main(["recognize", str(music)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "--model" in captured.err and "genrelab demo" in captured.err
    assert captured.err.count("\n") == 1


def test_a_broken_model_is_one_line(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.onnx").write_text("no model")
    assert main(["recognize", str(music), "--model", str(tmp_path / "m.onnx")]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "m.onnx" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["x", "--format", "yaml"],
        ["x", "--top", "0"],
        ["x", "--jobs", "0"],
        ["x", "--model", "m", "--format", "csv", "--timeline"],
        ["x", "--surprise"],
    ],
)
def test_wrong_use(arguments: list[str]) -> None:
    assert main(["recognize", *arguments]) == 2


def test_one_bad_file_is_reported_and_the_rest_is_done(
    tiny_model: Path, music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.mp3").write_text("no music")
    paths = [str(tmp_path / "letter.mp3"), str(tmp_path / "none"), str(music / "b.flac")]
    assert main(["recognize", *paths, "--model", str(tiny_model), "--format", "json"]) == 1
    captured = capsys.readouterr()
    records = json.loads(captured.out)
    assert [record["path"] for record in records] == paths
    assert [record["genre"] for record in records] == [None, None, "middle"]
    assert all(Path(record["path"]).name in record["error"] for record in records[:2])
    assert "2 of 3" in captured.err
    assert main(["recognize", *paths, "--model", str(tiny_model), "--format", "json", "--quiet"]) == 1
    assert capsys.readouterr().err == ""


def test_unsure_ends_with_one(
    tiny: ModuleType, tiny_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "s.wav", 0 * tiny.tone(200.0), 8000)
    assert main(["recognize", str(tmp_path), "--model", str(tiny_model)]) == 1
    assert "unsure" in capsys.readouterr().out


@pytest.mark.parametrize("format", ["table", "json", "jsonl", "csv", "parquet"])
def test_out(
    format: str, tiny_model: Path, music: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    arguments = ["recognize", str(music), "--model", str(tiny_model), "--format", format]
    assert main(arguments) == 0
    printed = capsysbinary.readouterr().out
    assert main([*arguments, "--out", str(tmp_path / "x")]) == 0
    assert capsysbinary.readouterr().out == b""
    assert (tmp_path / "x").read_bytes() == printed
    assert os.listdir(tmp_path) == ["x"]


def test_out_never_replaces_the_music(
    tiny_model: Path, music: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song = music / "a low.wav"
    before = song.read_bytes()
    assert main(["recognize", str(music), "--model", str(tiny_model), "--out", str(song)]) == 2
    assert song.read_bytes() == before
    model = tiny_model.read_bytes()
    assert main(["recognize", str(music), "--model", str(tiny_model), "--out", str(tiny_model)]) == 2
    assert tiny_model.read_bytes() == model


def test_a_name_with_a_dash(
    tiny_model: Path,
    music: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "-x.wav").write_bytes((music / "a low.wav").read_bytes())
    monkeypatch.chdir(tmp_path)
    assert main(["recognize", "--model", str(tiny_model), "--format", "json", "--", "-x.wav"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["path"] == "-x.wav"


@linux
@pytest.mark.parametrize("format", ["table", "json", "csv"])
def test_a_name_that_is_not_text(format: str, tiny_model: Path, music: Path, tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9 \xf0\x9f\x8e\xb5.wav"
    with open(name, "wb") as file:
        file.write((music / "a low.wav").read_bytes())
    done = _process("recognize", "--model", tiny_model, "--format", format, name)
    assert (done.returncode, done.stderr) == (0, b"")
    if format == "json":
        assert os.fsencode(json.loads(done.stdout)[0]["path"]) == name
    elif format == "csv":
        assert name in done.stdout
    else:
        assert "/caf\\udce9 🎵.wav" in done.stdout.decode("utf-8")


@linux
def test_a_reader_that_goes_away_is_no_failure_to_speak_of(tiny_model: Path, music: Path) -> None:
    files = [str(music / "a low.wav")] * 300
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "genrelab",
            "recognize",
            "--format",
            "jsonl",
            "--model",
            str(tiny_model),
            *files,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    assert json.loads(process.stdout.readline())["genre"] == "low"
    process.stdout.close()
    complaints = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=30) == 1
    assert complaints == b""


@linux
@pytest.mark.parametrize("format", ["table", "jsonl"])
def test_a_full_disk_is_one_line(format: str, tiny_model: Path, music: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "genrelab", "recognize", "--format", format, "--model", tiny_model, music],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == b"genrelab: [Errno 28] No space left on device\n"


@pytest.mark.slow
@linux
def test_outputs_on_a_full_disk_are_as_they_were(tiny_model: Path, music: Path, tmp_path: Path) -> None:
    command = ["recognize", music / "album" / "c.mp3", "--model", tiny_model, "--no-library"]
    for folder in ("pictures", "sheets"):
        (tmp_path / folder).mkdir()
    outputs = {
        "--out": tmp_path / "x.parquet",
        "--picture": tmp_path / "pictures" / "c.mp3.svg",
        "--cue": tmp_path / "sheets" / "c.mp3.cue",
    }
    for option, path in outputs.items():
        path.write_text("old")
        given = path if option == "--out" else path.parent
        done = limited(100, *command, "--format", "parquet" if option == "--out" else "json", option, given)
        assert done.returncode == 1
        if option == "--out":
            assert done.stderr == b"genrelab: [Errno 27] File too large\n"
        else:
            (record,) = json.loads(done.stdout)
            assert record["genre"] == "high" and "not written: File too large" in record["warning"]
        assert path.read_text() == "old" and len(os.listdir(path.parent)) == (3 if option == "--out" else 1)


@pytest.mark.slow
@linux
def test_a_library_on_a_full_disk_keeps_what_it_has(
    tiny: ModuleType, tiny_model: Path, tmp_path: Path
) -> None:
    songs = [tmp_path / f"{number}.wav" for number in range(40)]
    for number, song in enumerate(songs):
        soundfile.write(song, tiny.tone(200.0, 5.0 + number / 10), 8000)
    with small_disk(tmp_path, kib=8192) as disk:
        library = disk / "l.db"
        options = ["--library", library, "--jobs", "1", "--format", "jsonl"]
        command = ["recognize", "--model", tiny_model, *options]
        assert _process(*command, *songs[:5]).returncode == 0
        filler = fill(disk)
        done = _process(*command, *songs)
        assert done.returncode == 1
        assert done.stderr.count(b"\n") == 1 and b"Traceback" not in done.stderr
        assert re.search(rb"genrelab: the library .*l\.db .*disk", done.stderr), done.stderr
        filler.unlink()
        done = _process(*command, *songs)
        assert done.returncode == 0
        known = re.search(rb"note: (\d+) of 40 were known", done.stderr)
        assert known is not None and int(known[1]) >= 5


@linux
def test_pictures_and_sheets_of_names_that_are_not_text(
    tiny_model: Path, music: Path, tmp_path: Path
) -> None:
    name = b"two\nlines caf\xe9.mp3"
    song, out = os.fsencode(tmp_path) + b"/" + name, tmp_path / "out"
    with open(song, "wb") as file:
        file.write((music / "album" / "c.mp3").read_bytes())
    done = _process("recognize", song, "--model", tiny_model, "--picture", out, "--cue", out, "--quiet")
    assert (done.returncode, done.stderr) == (0, b"")
    assert sorted(os.listdir(os.fsencode(out))) == [name + b".cue", name + b".svg"]
    sheet = (out / os.fsdecode(name + b".cue")).read_bytes()
    assert rb'FILE "../two\nlines caf\udce9.mp3" MP3' in sheet.splitlines()
    picture = (out / os.fsdecode(name + b".svg")).read_text(encoding="utf-8")
    assert r"two\nlines caf\udce9.mp3: genre over time" in picture


@linux
def test_an_interrupt_ends_soon_and_leaves_nothing(
    tiny: ModuleType, tiny_model: Path, tmp_path: Path
) -> None:
    with soundfile.SoundFile(tmp_path / "long.flac", "w", 8000, 1) as file:
        for _ in range(30):
            file.write(tiny.tone(200.0, 60.0))
    out = tmp_path / "out"
    out.mkdir()
    arguments = ["--model", str(tiny_model), "--format", "jsonl", "--out", str(out / "x.jsonl")]
    arguments.append("--no-library")  # which would hear the file once
    process = subprocess.Popen(
        [sys.executable, "-m", "genrelab", "recognize", *arguments, *[str(tmp_path / "long.flac")] * 500],
        stderr=subprocess.PIPE,
        preexec_fn=heed,
    )
    deadline = time.monotonic() + 20
    while not os.listdir(out) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 130
    assert complaints == b"genrelab: interrupted\n"
    assert os.listdir(out) == []


@pytest.fixture
def long_song(tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is long where 3 s are heard first."""
    monkeypatch.setattr(genrelab.recognize.segment_sampling, "FIRST_SECONDS", 3.0)
    soundfile.write(tmp_path / "long.flac", tiny.tone(1000.0, 30.0), 8000)
    return tmp_path / "long.flac"


@pytest.mark.parametrize(
    "options", [["--full"], ["--timeline"], ["--parts"], ["--picture", "{}"], ["--cue", "{}"]]
)
def test_full_and_what_implies_it(
    options: list[str],
    tiny_model: Path,
    long_song: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*more: str) -> dict[str, object]:
        command = ["recognize", str(long_song), "--model", str(tiny_model), "--format", "json", *more]
        assert main(command) == 0
        (record,) = json.loads(capsys.readouterr().out)
        return dict(record)

    assert run()["full"] is False
    more = [option.format(tmp_path / "out") for option in options]
    assert run(*more)["full"] is True
    assert run("--no-library", *more)["full"] is True
    assert run()["full"] is True  # now the library knows better
    assert run("--again")["full"] is False


def test_parts_of_a_known_file_need_no_new_recognition(
    tiny_model: Path, long_song: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["recognize", str(long_song), "--model", str(tiny_model), "--format", "json"]
    assert main([*command, "--full"]) == 0
    assert "were known" not in capsys.readouterr().err
    assert main([*command, "--parts"]) == 0
    captured = capsys.readouterr()
    assert "1 of 1 were known" in captured.err
    assert [part["genre"] for part in json.loads(captured.out)[0]["parts"]] == ["middle"]


def test_the_rate_that_is_shown() -> None:
    shown: list[tuple[str, int, int, str]] = []

    def report(what: str, done: int, total: int, /, detail: str = "") -> None:
        shown.append((what, done, total, detail))

    def records() -> Iterator[Recognition]:
        for number in range(3):
            time.sleep(0.01)
            yield Recognition(Path(str(number)), "m", duration=240.0 if number else None, genre="rock")

    progress = _Progress(3)
    assert len(list(progress.follow(records(), report))) == 3
    assert [row[:3] for row in shown] == [("recognizing", number, 3) for number in (1, 2, 3)]
    rates = [re.fullmatch(r"([\d.]+) files/s, (\d+)x real time", row[3]) for row in shown]
    files, sound = zip(*((float(match[1]), float(match[2])) for match in rates if match), strict=True)
    assert sound[0] == 0 < files[0]
    assert sound[2] / files[2] == pytest.approx(160.0, rel=0.1)  # two of three files last four minutes
