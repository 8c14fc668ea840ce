"""Windows, imitated: names, open files, locks, words of commands, code pages. It was not run there."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path, PureWindowsPath

import pytest
import tagged
import windows
from command_fixtures import own_library, tiny_model
from raising import raises

from genrelab import system
from genrelab.cli.main import main
from genrelab.drafts import Draft
from genrelab.files import only_one, replace_text
from genrelab.system import (
    common_folder,
    ending_signals,
    is_batch_file,
    join_words,
    kill_group,
    name_fault,
    portable_name,
    replace_open,
    split_words,
)
from genrelab.watch.calls.follow_up import Command

__all__ = ["own_library", "tiny_model"]
ROOT = Path(__file__).resolve().parents[1]
NAMES = [
    *("con", "CON", "nul.wav", "Aux.tar.gz", "com1", "COM9.m3u8", "lpt¹", "prn .txt", "conin$", "CONOUT$"),
    *("cone", "nullify.mp3", "com", "com10", "lpt", "a.con", "console", "音楽", "auxiliary.flac", "x"),
]


@pytest.fixture
def on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows.imitate(monkeypatch)


@pytest.mark.parametrize("name", NAMES)
def test_devices_are_those_that_python_knows(name: str) -> None:
    device = PureWindowsPath(name).is_reserved()
    assert (name_fault(name) is not None) is device
    assert (portable_name(name) != name) is device
    assert name_fault(portable_name(name)) is None


@pytest.mark.parametrize("name", ["a:b", "C:evil", "a?", "a*", "a|b", 'a"b', "a<b", "tab\t", "end.", "end "])
def test_names_that_windows_refuses(name: str) -> None:
    assert name_fault(name) is not None


def test_folders_on_several_drives_have_nothing_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    assert common_folder([b"/music/a", b"/music/b/c"]) == b"/music"
    import ntpath

    monkeypatch.setattr(system.os, "path", ntpath)
    assert common_folder([rb"C:\Music\a", rb"C:\Music\b"]) == rb"C:\Music"
    assert common_folder([rb"C:\Music", rb"D:\Music"]) == b""


def test_an_archive_cannot_name_a_drive_or_device(tmp_path: Path, on_windows: None) -> None:
    from zipfile import ZipFile

    from genrelab.lab.corpora.fetching.unpack import Limits, unpack

    for name in ("music/C:evil.wav", "music/nul.wav", "music/a.wav:stream", "music/end./x.wav"):
        archive = tmp_path / "music.zip"
        (tmp_path / "out").mkdir(exist_ok=True)
        with ZipFile(archive, "w") as made:
            made.writestr(name, b"x")
        with raises("archive-member-refused", archive):
            unpack(archive, tmp_path / "out", limits=Limits(1000, 10))
    assert list((tmp_path / "out").rglob("*.wav")) == []


class TestReplace:
    def test_it_waits_for_a_program_that_has_the_target_open(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real, refused = os.replace, iter([PermissionError(13, "in use"), PermissionError(13, "in use")])

        def busy(source: Path, target: Path) -> None:
            if error := next(refused, None):
                raise error
            real(source, target)

        monkeypatch.setattr(system.os, "replace", busy)
        (tmp_path / "a").write_text("new")
        with pytest.raises(PermissionError):  # elsewhere it is a matter of rights
            replace_open(tmp_path / "a", tmp_path / "b")
        windows.name_platform(monkeypatch)
        replace_open(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "b").read_text() == "new"

    def test_it_gives_up(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        windows.name_platform(monkeypatch)
        monkeypatch.setattr(system, "_REPLACE_SECONDS", 0.1)
        monkeypatch.setattr(system.os, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "x")))
        with pytest.raises(PermissionError):
            replace_open(tmp_path / "a", tmp_path / "b")

    def test_the_imitation_refuses_what_windows_refuses(self, tmp_path: Path, on_windows: None) -> None:
        path = tmp_path / "a"
        with path.open("w"), pytest.raises(PermissionError):
            os.replace(path, tmp_path / "b")
        with path.open("w"), pytest.raises(PermissionError):
            tmp_path.rename(tmp_path.with_name("other"))
        os.replace(path, tmp_path / "b")

    def test_files_are_written_whole_or_not_at_all(self, tmp_path: Path, on_windows: None) -> None:
        target = tmp_path / "list.m3u8"
        for text in ("one", "two"):
            replace_text(target, text)
            assert target.read_text() == text
        with pytest.raises(ZeroDivisionError), Draft(tmp_path) as draft:
            draft.file.write(b"half")
            _ = 1 / 0
        with pytest.raises(FileExistsError), Draft(tmp_path) as draft:
            draft.take_place(target, overwrite=False)
        with Draft(tmp_path) as draft:
            draft.file.write(b"new")
            draft.take_place(tmp_path / "other", overwrite=False)
        assert sorted(path.name for path in tmp_path.iterdir()) == ["list.m3u8", "other"]

    def test_a_lock_is_held_once(self, tmp_path: Path, on_windows: None) -> None:
        with only_one(tmp_path / "lock"), pytest.raises(BlockingIOError), only_one(tmp_path / "lock"):
            pass
        with only_one(tmp_path / "lock"):
            pass


class TestCommands:
    """Commands that write: their files are closed before they are replaced or removed."""

    @pytest.fixture
    def songs(self, tiny_model: Path, tmp_path: Path, on_windows: None) -> Path:
        folder = tmp_path / "songs"
        folder.mkdir()
        tagged.make(folder, "flac", frequency=200.0)
        tagged.make(folder, "mp3-24-genre", frequency=3000.0)
        assert main(["recognize", str(folder), "--model", str(tiny_model), "--quiet"]) == 0
        return folder

    def test_tags_are_written_and_taken_back(self, songs: Path, capsys: pytest.CaptureFixture[str]) -> None:
        before = [path.read_bytes() for path in sorted(songs.iterdir())]
        capsys.readouterr()
        assert main(["tag", str(songs), "--write", "--overwrite", "--format", "json"]) == 0
        assert {each["status"] for each in json.loads(capsys.readouterr().out)} == {"written"}
        assert [path.read_bytes() for path in sorted(songs.iterdir())] != before
        assert main(["tag", str(songs), "--undo", "--quiet"]) == 0
        assert {path.suffix for path in songs.iterdir()} == {".flac", ".mp3"}

    def test_neighbours_lists_and_maps(self, songs: Path, tmp_path: Path, tiny_model: Path) -> None:
        song, model = str(next(songs.glob("*.flac"))), ["--model", str(tiny_model)]
        assert main(["similar", song, *model, "--quiet"]) == 0
        tagged.make(songs, "ogg", frequency=900.0)
        assert main(["recognize", str(songs), *model, "--quiet"]) == 0
        assert main(["similar", song, *model, "--m3u", str(tmp_path / "like.m3u8")]) == 0  # the matrix grew
        for again in ([], ["--overwrite"]):
            assert main(["playlist", "--genre", "low", "--to", str(tmp_path / "low.m3u8"), *again]) == 0
        assert main(["library", "map", "--out", str(tmp_path / "map.html")]) == 0
        assert (tmp_path / "low.m3u8").stat().st_size and (tmp_path / "map.html").stat().st_size

    def test_the_watcher(self, songs: Path, tiny_model: Path) -> None:
        tagged.make(songs, "wav", frequency=200.0)
        words = ["--once", "--settle", "0", "--tag", "--write", "--model", str(tiny_model)]
        assert main(["watch", str(songs), *words]) == 0


class TestWords:
    def test_a_backslash_is_part_of_a_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        text = r'C:\Tools\notify.exe --title "New music" {path} "C:\My Lists\new.txt" it\'s'
        words = [r"C:\Tools\notify.exe", "--title", "New music", "{path}", r"C:\My Lists\new.txt", r"it\'s"]
        windows.name_platform(monkeypatch)
        assert split_words(text) == words
        assert split_words(join_words(words)) == words

    def test_elsewhere_they_are_those_of_a_shell(self) -> None:
        assert split_words(r"notify 'New music' a\ b") == ["notify", "New music", "a b"]
        assert join_words(["a", "b c"]) == "a 'b c'"

    def test_a_batch_file_gets_no_file_names(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its shell would run what stands after `&` in the name of a file."""
        for name in ("run.bat", "run.CMD"):
            program = tmp_path / name
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)
            Command(f"{program} {{path}}")
            assert not is_batch_file(str(program))
            windows.name_platform(monkeypatch)
            with raises("then-batch-file", name):
                Command(f"{program} {{path}}")
            Command(f"{program} done")
            monkeypatch.undo()


def test_a_program_is_killed_with_those_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []
    monkeypatch.setattr(system.subprocess, "run", lambda words, **_: calls.append(words))
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    windows.name_platform(monkeypatch)
    kill_group(process)
    assert process.wait(30) != 0
    assert calls == [["taskkill", "/T", "/F", "/PID", str(process.pid)]]


def test_ctrl_break_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ending_signals() == (signal.SIGINT, signal.SIGTERM)
    monkeypatch.setattr(signal, "SIGBREAK", 21, raising=False)
    assert ending_signals() == (signal.SIGINT, signal.SIGTERM, 21)


AS_PLATFORM = """
import sys
import pytest
sys.path.insert(0, {helpers!r})
import windows
from genrelab.cli.main import run
if sys.argv.pop(1) == "win32":
    windows.name_platform(pytest.MonkeyPatch())
run()
"""


def run_in_code_page(platform: str, *words: str | Path) -> subprocess.CompletedProcess[bytes]:
    """Run a command with the code page 1252, which has no Japanese and no blocks of a bar."""
    code = AS_PLATFORM.format(helpers=str(Path(windows.__file__).parent))
    done = subprocess.run(
        [sys.executable, "-c", code, platform, *words],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
    )
    assert done.returncode in (0, 1) and b"Traceback" not in done.stderr, done.stderr.decode()
    return done


@pytest.mark.parametrize("platform", ["win32", "linux"])
@pytest.mark.parametrize("output", ["table", "jsonl", "csv"])
def test_a_code_page_without_the_letters_of_a_name(output: str, platform: str, tmp_path: Path) -> None:
    folder = tmp_path / "音楽 ♫"
    folder.mkdir()
    shutil.copy(tagged.make(tmp_path, "flac", frequency=200.0), folder / "日本語.flac")
    done = run_in_code_page(platform, "recognize", folder, "--no-library", "--format", output)
    assert "日本語.flac" in done.stdout.decode("utf-8")


@pytest.mark.parametrize(("platform", "shown"), [("win32", "音楽".encode()), ("linux", rb"\u97f3\u697d")])
def test_messages_are_utf_8_on_windows(platform: str, shown: bytes, tmp_path: Path) -> None:
    model = tmp_path / "音楽.onnx"
    done = run_in_code_page(platform, "recognize", tmp_path, "--no-library", "--model", model)
    assert done.returncode == 1 and shown in done.stderr
