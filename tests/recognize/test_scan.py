from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from unprivileged import as_plain_user, open_folder

from genrelab.recognize import Problem, scan

linux = pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes, long paths")
needs_links = pytest.mark.skipif(sys.platform == "win32", reason="links need rights on Windows")


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def _names(folder: Path) -> list[str]:
    return [
        f"{'!' if isinstance(found, Problem) else ''}"
        f"{(found.path if isinstance(found, Problem) else found).relative_to(folder)}"
        for found in scan([folder])
    ]


def test_folders_in_the_order_of_names(tmp_path: Path) -> None:
    _touch(
        tmp_path, "b.mp3", "a/2.flac", "a/1.WAV", "a/notes.txt", "c.ogg", ".x.mp3", ".git/y.mp3", "._b.mp3"
    )
    assert _names(tmp_path) == ["a/1.WAV", "a/2.flac", "b.mp3", "c.ogg"]


def test_a_named_file_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    _touch(tmp_path, ".hidden", "letter.txt", "a[1]*.mp3")
    paths = [tmp_path / name for name in (".hidden", "letter.txt", "a[1]*.mp3")]
    assert list(scan(paths)) == paths


@pytest.mark.parametrize("name", ["missing.mp3", "*.mp3", "http://example.org/a.mp3", "", "a\0b"])
def test_no_path_is_a_pattern_or_an_address(tmp_path: Path, name: str) -> None:
    _touch(tmp_path, "a.mp3")
    (found,) = scan([f"{tmp_path}/x/{name}"])
    assert isinstance(found, Problem)
    assert name.split("//")[-1].replace("\0", "") in found.message.replace("\0", "")


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (found,) = scan([tmp_path])
    assert isinstance(found, Problem)
    assert found.path == tmp_path
    assert str(found.path) in found.message


def test_one_problem_does_not_stop_the_rest(tmp_path: Path) -> None:
    _touch(tmp_path, "a.mp3")
    found = list(scan([tmp_path / "none", tmp_path]))
    assert isinstance(found[0], Problem)
    assert found[1:] == [tmp_path / "a.mp3"]


@needs_links
def test_a_loop_is_one_problem(tmp_path: Path) -> None:
    _touch(tmp_path, "a/1.mp3", "b/2.mp3")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    (tmp_path / "self").symlink_to(tmp_path / "self")
    assert _names(tmp_path) == ["a/1.mp3", "!a/up", "b/2.mp3", "!self"]
    messages = {p.path.name: p.message for p in scan([tmp_path]) if isinstance(p, Problem)}
    assert all(str(tmp_path) in message for message in messages.values())
    assert set(messages) == {"up", "self"}


@needs_links
def test_a_folder_that_links_reach_twice_is_walked_once(tmp_path: Path) -> None:
    _touch(tmp_path, "music/z/1.mp3", "elsewhere/2.mp3")
    (tmp_path / "music" / "a").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "music" / "b").symlink_to(tmp_path / "elsewhere")
    assert _names(tmp_path / "music") == ["a/2.mp3", "z/1.mp3"]


@needs_links
def test_an_unreadable_folder() -> None:
    with open_folder() as folder:
        _touch(folder, "a/1.mp3", "b/2.mp3")
        (folder / "a").chmod(0)
        assert as_plain_user(lambda: _names(folder)) == ["!a", "b/2.mp3"]
        (problem,) = as_plain_user(lambda: [found.message for found in scan([folder / "a"])])
        assert problem == f"{folder / 'a'} cannot be read: Permission denied."


@linux
def test_folders_nested_deeper_than_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 1200
    monkeypatch.chdir(tmp_path)
    for _ in range(depth):
        os.mkdir("d")
        os.chdir("d")
    Path("x.mp3").touch()
    try:
        assert _names(tmp_path) == ["d/" * depth + "x.mp3"]
    finally:  # pytest's own way of removing folders is recursive
        os.remove("x.mp3")
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")


@linux
def test_names_that_are_not_text(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.mp3"
    Path(os.fsdecode(name)).touch()
    (found,) = scan([tmp_path])
    assert os.fsencode(found) == name


@needs_links
def test_folders_that_are_not_inside_are_problems_and_not_walked(tmp_path: Path) -> None:
    _touch(tmp_path, "in/a.mp3", "in/deep/b.mp3", "out/c.mp3")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "out")
    (tmp_path / "in" / "near").symlink_to(tmp_path / "in" / "deep")
    root = tmp_path / "in"
    found = list(scan([root], inside=lambda path: path.resolve().is_relative_to(root)))
    assert [each for each in found if isinstance(each, Path)] == [root / "a.mp3", root / "deep" / "b.mp3"]
    problems = [each for each in found if isinstance(each, Problem)]
    assert [problem.path for problem in problems] == [root / "link"]
    assert str(root / "link") in problems[0].message
    assert root / "link" / "c.mp3" in list(scan([root]))
