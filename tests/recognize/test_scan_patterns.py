"""Patterns of names: the same decisions as git's, in bounded time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from genrelab.recognize.inputs.patterns import Patterns

FILES = (
    *("a.wav", "b.mp3", "live/a.mp3", "live/keep/a.mp3", "x/live/b.wav", "x/y/live/c.mp3", "x/y/b.mp3"),
    *("live.mp3", "x/#1.mp3", "#1.mp3", "!b.mp3", "x/[a].mp3", "x/a.mp3", "x/y/z/a.mp3", "x/a*b.mp3"),
    *("x/aXb.mp3", "Live/a.mp3", "x/café.mp3", "x/ a.mp3", "x/a.mp3 ", "x/^.mp3", "x/\\.mp3", "y/x/b.mp3"),
)
LISTS = (
    *(["*.wav"], ["live"], ["live/"], ["/live"], ["/live/"], ["x/live"], ["x/*"], ["x/*/"], ["**/live"]),
    *(["x/**"], ["x/**/b.mp3"], ["**/y/**/a.mp3"], ["/**/a.mp3"], ["**"], ["*"], ["*", "!b.mp3"], ["a.*"]),
    *(["*.mp3", "!a.mp3"], ["live/", "!live/keep/a.mp3"], ["!a.mp3", "*.mp3"], ["#1.mp3"], ["\\#1.mp3"]),
    *(["\\!b.mp3"], ["!b.mp3"], ["\\[a\\].mp3"], ["[a].mp3"], ["[!a].mp3"], ["[^a].mp3"], ["[a-c].mp3"]),
    *(["a\\*b.mp3"], ["a*b.mp3"], ["a?b.mp3"], ["LIVE"], ["café.mp3"], ["a.mp3  "], ["a.mp3\\ "], [" a.mp3"]),
    *(
        ["", "  ", "# live"],
        ["y/b.mp3"],
        ["/y"],
        ["y"],
        ["x/y/"],
        ["**/"],
        ["x/**/z"],
        ["[[:x"],
        ["[z-a].mp3"],
    ),
    *(["/"], ["x/**", "!x/a.mp3"], ["\\^.mp3"], ["[\\^].mp3"]),
)


def _passed_over(lines: list[str]) -> set[str]:
    """Return the files that are passed over when folders are walked."""
    patterns = Patterns(lines)
    gone = set()
    for file in FILES:
        names = tuple(file.split("/"))
        ways = [(names[:depth], depth < len(names)) for depth in range(1, len(names) + 1)]
        if any(patterns.decide([way], is_folder=is_folder) for way, is_folder in ways):
            gone.add(file)
    return gone


@pytest.mark.skipif(shutil.which("git") is None, reason="git is the reference")
@pytest.mark.parametrize("lines", LISTS, ids=str)
def test_as_git_does(lines: list[str], tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for file in FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).touch()
    (tmp_path / ".gitignore").write_text("\n".join(lines), encoding="utf-8")
    command = ["git", "-C", str(tmp_path), "-c", "core.ignoreCase=false", "check-ignore", "--no-index"]
    done = subprocess.run(
        [*command, "--stdin", "-z"], input="\0".join(FILES).encode(), capture_output=True, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    assert _passed_over(lines) == set(done.stdout.decode().split("\0")) - {""}


def test_a_pattern_never_goes_back_over_a_star() -> None:
    name = "a" * 250 + ".mp3"
    for pattern in ("*a" * 60 + "b", "**/" * 60 + "*a" * 60 + "b", "[a]*" * 60 + "b"):
        deep = ("a",) * 500 + (name,)
        assert Patterns([pattern]).decide([(name,), deep], is_folder=False) is None
