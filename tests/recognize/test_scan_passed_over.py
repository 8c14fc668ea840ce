"""Folders that other programs hide, folders of systems, and what the user excludes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from unprivileged import as_plain_user, open_folder

from genrelab.recognize import Problem, ScanLog, scan
from genrelab.recognize.inputs.passed_over import PassedOver
from genrelab.recognize.inputs.patterns import Patterns


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def _found(folder: Path, log: ScanLog | None = None, **options: object) -> list[str]:
    return [
        f"!{found.path.relative_to(folder)}"
        if isinstance(found, Problem)
        else str(Path(found).relative_to(folder))  # type: ignore[arg-type]
        for found in scan([folder], log=log, **options)  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("mark", [".nomedia", ".ndignore", ".plexignore"])
@pytest.mark.parametrize("content", ["", "\n# nothing\n"])
def test_a_mark_hides_its_folder(mark: str, content: str, tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.mp3", "a/below/2.mp3", "b/3.mp3")
    (tmp_path / "a" / mark).write_text(content)
    log = ScanLog()
    assert _found(tmp_path, log) == ["b/3.mp3"]
    assert log.passed_over == {PassedOver("folder", "mark", mark): 1}
    assert log.summary() == f"1 folder with {mark}"
    assert _found(tmp_path, ignore=False) == ["a/1.mp3", "a/below/2.mp3", "b/3.mp3"]


def test_nomedia_hides_whatever_is_in_it(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.mp3", "b/2.mp3")
    (tmp_path / "a" / ".nomedia").write_text("*.jpg")
    assert _found(tmp_path) == ["b/2.mp3"]


@pytest.mark.parametrize("mark", [".ndignore", ".plexignore"])
def test_patterns_in_a_mark_hold_below_its_folder(mark: str, tmp_path: Path) -> None:
    _touch(
        tmp_path, "a/1.mp3", "a/1.wav", "a/live/2.mp3", "a/x/live/3.mp3", "live/4.mp3", "a/x/5.wav", "6.wav"
    )
    (tmp_path / "a" / mark).write_bytes(b"\xef\xbb\xbf*.wav\r\n# mine\r\n/live\r\n")
    (tmp_path / "a" / "x" / mark).write_text("!5.wav")
    log = ScanLog()
    assert _found(tmp_path, log) == ["6.wav", "a/1.mp3", "a/x/5.wav", "a/x/live/3.mp3", "live/4.mp3"]
    by = [PassedOver("file", "pattern", mark), PassedOver("folder", "pattern", mark)]
    assert log.passed_over == dict.fromkeys(by, 1)


@pytest.mark.parametrize(
    "name", ["@eaDir", "#recycle", "#Snapshot", "@Recycle", "__MACOSX", "$RECYCLE.BIN", "lost+found"]
)
def test_folders_of_systems(name: str, tmp_path: Path) -> None:
    _touch(tmp_path, f"a/{name}/1.mp3", f"{name}.mp3", f"b{name}/2.mp3")
    log = ScanLog()
    assert sorted(_found(tmp_path, log)) == sorted([f"{name}.mp3", f"b{name}/2.mp3"])
    assert log.passed_over == {PassedOver("folder", "system folder", name): 1}
    assert log.summary().startswith("1 folder ") and name in log.summary()
    assert f"a/{name}/1.mp3" in _found(tmp_path, ignore=False)


@pytest.mark.parametrize(("hidden", "why"), [(".nomedia", "1 folder with .nomedia"), ("", "@eaDir")])
def test_a_named_hidden_folder_is_a_problem_with_the_reason(hidden: str, why: str, tmp_path: Path) -> None:
    folder = tmp_path / ("music" if hidden else "@eaDir")
    _touch(folder, "1.mp3", *([hidden] if hidden else []))
    (found,) = scan([folder])
    assert isinstance(found, Problem) and found.path == folder
    assert why in found.message and "--no-ignore" in found.message
    assert list(scan([folder], ignore=False)) == [folder / "1.mp3"]
    assert list(scan([folder / "1.mp3"])) == [folder / "1.mp3"]


def test_a_folder_with_only_skipped_entries_names_the_reasons(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.mp3", "a/.nomedia", "2.wav")
    (found,) = scan([tmp_path], exclude=["*.wav"])
    assert isinstance(found, Problem)
    assert "1 file by --exclude, 1 folder with .nomedia. --no-ignore" in found.message
    (found,) = scan([tmp_path], exclude=["?.*", "a"])
    assert isinstance(found, Problem) and "--no-ignore" not in found.message


def test_excluding_everything_is_a_problem(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.mp3", "2.wav")
    named = [tmp_path / "a", tmp_path / "2.wav"]
    (found,) = scan(named, exclude=["*"])
    assert isinstance(found, Problem) and found.path == tmp_path / "2.wav"
    assert "--exclude" in found.message
    assert list(scan(named, exclude=["a"])) == [tmp_path / "2.wav"]


def test_excluded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(
        tmp_path, "Music/Books/1.mp3", "Music/a/Books/2.mp3", "Music/a/3.wav", "Music/a/4.mp3", "Music/5.mp3"
    )
    monkeypatch.chdir(tmp_path)

    def found(*exclude: str) -> str:
        return " ".join(Path(str(path)).stem for path in scan(["Music"], exclude=exclude))

    assert found() == "5 1 3 4 2"
    assert found("Books") == "5 3 4"
    assert found("Books/") == "5 3 4"
    for one in ("/Books", "Music/Books", "Music/Books/", f"{tmp_path}/Music/Books", "Books/*"):
        assert found(one) == "5 3 4 2", one
    assert found("*.wav", "Books") == "5 4"
    assert found("*.WAV") == "5 1 3 4 2"
    assert found("*", "!Music/", "!5.mp3") == "5"
    assert found("*", "!*/", "!*.mp3") == "5 1 4 2"


def test_excluded_and_counted(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.mp3", "a/cover.jpg", "b.mp3", "c.mp3", "x.jpg")
    log = ScanLog()
    assert _found(tmp_path, log, exclude=["a", "b.*", "*.jpg"]) == ["c.mp3"]
    assert log.passed_over == {PassedOver("folder", "excluded"): 1, PassedOver("file", "excluded"): 1}
    assert not log.ignored


def test_what_is_named_is_excluded_too(tmp_path: Path) -> None:
    """As where the shell made names of a star."""
    _touch(tmp_path, "Books/1.mp3", "a/2.mp3", "3.wav", "4.mp3")
    log = ScanLog()
    named = sorted(tmp_path.iterdir())
    found = list(scan(named, exclude=["Books", "*.wav"], log=log))
    assert found == [tmp_path / "4.mp3", tmp_path / "a" / "2.mp3"]
    assert log.summary() == "1 file by --exclude, 1 folder by --exclude"


def test_a_user_can_include_what_a_mark_hides(tmp_path: Path) -> None:
    _touch(tmp_path, "1.wav", "2.wav")
    (tmp_path / ".ndignore").write_text("*.wav")
    assert _found(tmp_path, exclude=["!2.wav"]) == ["2.wav"]


@pytest.mark.parametrize("content", [b"a\0b", b"#" * (2**20 + 1)])
def test_an_invalid_mark_is_a_problem_and_hides_nothing(content: bytes, tmp_path: Path) -> None:
    _touch(tmp_path, "1.mp3")
    (tmp_path / ".ndignore").write_bytes(content)
    assert _found(tmp_path) == ["!.ndignore", "1.mp3"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs")
def test_a_mark_that_never_ends(tmp_path: Path) -> None:
    _touch(tmp_path, "1.mp3")
    os.mkfifo(tmp_path / ".plexignore")
    assert _found(tmp_path) == ["!.plexignore", "1.mp3"]


@pytest.mark.skipif(os.name == "nt", reason="permissions")
def test_a_mark_that_may_not_be_read() -> None:
    with open_folder() as folder:
        _touch(folder, "1.mp3", ".ndignore")
        (folder / ".ndignore").chmod(0)
        assert as_plain_user(lambda: _found(folder)) == ["!.ndignore", "1.mp3"]


def test_a_folder_hidden_at_one_place_is_found_at_another(tmp_path: Path) -> None:
    _touch(tmp_path, "elsewhere/1.mp3", "music/2.mp3")
    for name in ("a", "b"):
        (tmp_path / "music" / name).symlink_to(tmp_path / "elsewhere")
    assert _found(tmp_path / "music", exclude=["a"]) == ["2.mp3", "b/1.mp3"]


def test_no_patterns() -> None:
    assert not Patterns(["", "# x"]) and Patterns(["x"])
