"""`genrelab watch` as a process: signals, kills, tags, output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import mutagen.flac
import pytest
import soundfile
from interrupts import heed

from genrelab.cli.main import main
from genrelab.library import Library

posix = pytest.mark.skipif(os.name != "posix", reason="signals")
Start = Callable[..., "Process"]


class Process:
    """A running `genrelab watch --format jsonl`."""

    def __init__(self, model: Path, library: Path, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "genrelab", "watch", f"--model={model}", f"--library={library}"]
        self._process = subprocess.Popen(
            [*command, "--settle=0.3", "--format=jsonl", *map(os.fsdecode, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=heed,
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), True)
        self.events: list[dict[str, Any]] = []

    def wait(self, kind: str, path: Path | None = None) -> dict[str, Any]:
        """Read events up to one of a kind."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.events.append(json.loads(line))
            if self.events[-1]["event"] == kind and (path is None or self.events[-1]["path"] == str(path)):
                return self.events[-1]
        raise AssertionError((self.events, self.errors()))

    def errors(self) -> bytes:
        assert self._process.stderr is not None
        return self._process.stderr.read()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, read the rest, and return the exit code."""
        assert self._process.stdout is not None and self._process.stderr is not None
        self._process.send_signal(number)
        self.events += [json.loads(line) for line in self._process.stdout]
        code = self._process.wait(60)
        self.complaints = self._process.stderr.read()
        self._process.stdout.close()
        self._process.stderr.close()
        return code

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


@pytest.fixture
def start(tiny_model: Path, own_library: Path) -> Iterator[Start]:
    running: list[Process] = []

    def begin(*arguments: str | Path) -> Process:
        running.append(Process(tiny_model, own_library, *arguments))
        return running[-1]

    yield begin
    for process in running:
        process.kill()


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "music").mkdir()
    return tmp_path / "music"


@pytest.fixture
def song(tiny: ModuleType) -> Callable[..., Path]:
    def write(path: Path, genre: str = "low", seconds: float = 2.0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tiny.tone(tiny.TONES[genre], seconds), tiny.RATE)
        return path

    return write


def genre_of(path: Path) -> list[str]:
    return mutagen.flac.FLAC(path).get("genre", [])


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_end_it_cleanly(number: int, code: int, start: Start, box: Path, song: Any) -> None:
    path = song(box / "a.flac")
    process = start(box, "--tag", "--write")
    event = process.wait("recognized", path)
    assert (event["genre"], event["tags"]["status"], event["tags"]["after"]) == ("low", "written", ["low"])
    assert process.end(number) == code
    assert [each["event"] for each in process.events] == ["watching", "recognized", "stopped"]
    assert process.complaints == (b"genrelab: interrupted\n" if code else b"")


@posix
@pytest.mark.slow
def test_killed_again_and_again_nothing_is_lost_or_done_twice(start: Start, box: Path, song: Any) -> None:
    songs = [song(box / f"{number}.flac", "low", 2.0 + number / 8) for number in range(24)]
    written: list[str] = []
    for turn in range(6):
        process = start(box, "--tag", "--write", "--jobs=1")
        process.wait("watching")
        if turn < 5:
            time.sleep(0.6 + turn / 10)
            process.kill()
            written += [each["path"] for each in process.events if each["event"] == "recognized"]
        elif not all(genre_of(path) for path in songs):
            process.wait("recognized")
            while not all(genre_of(path) for path in songs):
                process.wait("recognized")
    assert process.end() == 0
    assert [genre_of(path) for path in songs] == [["low"]] * 24
    assert sorted(path.name for path in box.iterdir()) == sorted(path.name for path in songs)


@posix
@pytest.mark.slow
def test_tags_are_written_once(start: Start, box: Path, own_library: Path, song: Any) -> None:
    process = start(box, "--tag", "--write", "--combine")
    process.wait("watching")
    for genre in ("low", "high"):
        process.wait("recognized", song(box / f"{genre}.flac", genre))
    time.sleep(2.5)
    assert process.end() == 0
    assert [each["event"] for each in process.events].count("recognized") == 2
    with Library(own_library) as library:
        assert library.journal.count() == 2


def test_once_for_people(
    tiny_model: Path, box: Path, song: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = song(box / "a.flac")
    mine = tmp_path / "map.yaml"
    mine.write_text("names: {low: Deep}\n")
    arguments = ["watch", str(box), f"--model={tiny_model}", "--settle=0", "--once"]
    assert main([*arguments, "--tag", f"--map={mine}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["watching", "recognized", "stopped"]
    assert lines[1].endswith(f"low 100 %  {path}  [would write Deep]")
    assert genre_of(path) == []
    (box / "broken.flac").write_bytes(b"fLaC")
    assert main([*arguments, "--quiet"]) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.split()[1] == "failed" and str(box / "broken.flac") in line


def test_settings_of_tag_in_the_config_file_hold(
    tiny_model: Path, box: Path, song: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song(box / "a.flac")
    (tmp_path / "map.yaml").write_text("names: {low: Deep}\n")
    config = tmp_path / "genrelab.toml"
    config.write_text(f'map = "map.yaml"\nmodel = "{tiny_model}"\nsettle = 0\nexclude = ["b.flac"]\n')
    song(box / "b.flac", "high")
    assert main(["--config", str(config), "watch", str(box), "--once", "--tag", "--quiet"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith("[would write Deep]")


def test_an_album_gets_one_genre(tiny_model: Path, box: Path, song: Any) -> None:
    songs = [song(box / "album" / f"{number}.flac", "low", 2.0 + number) for number in range(4)]
    songs.append(song(box / "album" / "5.flac", "high"))
    once = ["watch", str(box), f"--model={tiny_model}", "--settle=0", "--once", "--tag", "--write"]
    assert main([*once, "--by=folder"]) == 0
    assert [genre_of(path) for path in songs] == [["low"]] * 5


def test_what_follows(tiny_model: Path, box: Path, song: Any, tmp_path: Path) -> None:
    path, out = song(box / "it's $(x).flac", "high"), tmp_path / "out"
    script = "'import sys; open(sys.argv[1], \"a\").write(str(sys.argv[2:]))'"
    write = f"{sys.executable} -c {script} {out} {{genre}} {{path}}"
    once = ["watch", str(box), f"--model={tiny_model}", "--settle=0", "--once"]
    assert main([*once, f"--then={write}"]) == 0
    assert out.read_text() == str(["high", str(path)])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--write"], "Add --tag"),
        (["--overwrite"], "Add --tag"),
        (["--tag", "--overwrite", "--combine"], "exclude each other"),
        (["--tag", "--no-genre"], "nothing to write"),
        (["--tag", "--skip-outliers"], "--by"),
        (["--poll=0"], ""),
        (["--settle=-1"], ""),
        (["--then=no-such-program"], "no-such-program"),
        (["--then-url=ftp://x/"], "--then-url"),
        (["--then-header=X: y"], "--then-url"),
        (["--then-url=http://localhost/", "--then-header=@/no/file"], "/no/file"),
        (["--then-url=http://localhost/", "--then-header=secret"], "'Name: value'"),
        (["--undo"], ""),
    ],
)
def test_wrong_use(
    arguments: list[str], said: str, tiny_model: Path, box: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["watch", str(box), f"--model={tiny_model}", *arguments]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint and "secret" not in complaint


def test_folders_that_are_not_there(tiny_model: Path, box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(box / "missing"), f"--model={tiny_model}"]) == 2
    assert str(box / "missing") in capsys.readouterr().err


@posix
def test_a_second_watcher_is_refused(start: Start, box: Path, tiny_model: Path, own_library: Path) -> None:
    start(box).wait("watching")
    done = subprocess.run(
        [sys.executable, "-m", "genrelab", "watch", box, f"--model={tiny_model}", f"--library={own_library}"],
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 1 and b"another process watches these folders" in done.stderr


@posix
def test_a_reader_that_goes_away(tiny_model: Path, box: Path, song: Any, own_library: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "genrelab", "watch", box, f"--model={tiny_model}", "--settle=0.2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    song(box / "a.flac")
    assert process.wait(timeout=60) == 1
    assert process.stderr.read() == b""
    process.stderr.close()


def test_every_option_of_tag_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    import typer.main

    from genrelab.cli.main import app

    program: Any = typer.main.get_command(app)
    of_tag = {each.name for each in program.commands["tag"].params}
    of_watch = {each.name for each in program.commands["watch"].params}
    assert of_tag - of_watch == {"paths", "dry_run", "undo", "no_recognize", "force"}
