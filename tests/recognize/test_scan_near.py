"""A scan of some paths alone finds what a whole scan finds there."""

from __future__ import annotations

from pathlib import Path

import pytest

from genrelab.recognize.scan import Problem, scan, scan_near


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        *("a.mp3", "one/b.mp3", "one/deep/c.flac", "one/deep/d.txt", "two/e.mp3", "two/.hidden.mp3"),
        *("marked/x/f.mp3", "oneself/g.mp3", "@eaDir/h.mp3", "books/i.mp3"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "marked" / ".nomedia").touch()
    return tmp_path


@pytest.mark.parametrize(
    "near",
    [
        ["."],
        ["one"],
        ["one/deep"],
        ["one/deep/c.flac"],
        ["a.mp3", "two/e.mp3"],
        ["marked/x/f.mp3"],
        ["two/.hidden.mp3"],
        ["@eaDir/h.mp3"],
        ["books/i.mp3"],
        ["one/deep/d.txt"],
        ["missing/z.mp3"],
    ],
)
def test_the_rules_of_all_folders_above_hold(near: list[str], tree: Path) -> None:
    wanted = [tree / name for name in near]
    whole = [path for path in scan([tree], exclude=["books"]) if isinstance(path, Path)]
    expected = [path for path in whole if any(path == each or each in path.parents for each in wanted)]
    found = [each for each in scan_near([tree], wanted, exclude=["books"]) if not isinstance(each, Problem)]
    assert found == expected
    if near == ["."]:
        assert len(found) == 5


def test_other_folders_are_not_read(tree: Path) -> None:
    """A link that leads into itself is a problem only where it is looked for."""
    (tree / "two" / "loop").symlink_to(tree)
    problems = [each for each in scan_near([tree], [tree / "one"]) if isinstance(each, Problem)]
    assert problems == []
    assert any(isinstance(each, Problem) for each in scan_near([tree], [tree / "two"]))


def test_what_is_ignored_can_be_included(tree: Path) -> None:
    near = [tree / "marked" / "x" / "f.mp3"]
    assert [*scan_near([tree], near, ignore=False)] == near
