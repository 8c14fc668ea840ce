"""`make recognize`: how FILE reaches the command. The program is a stand-in that prints its arguments."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
pytestmark = pytest.mark.needs("make")


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder with the Makefile, a virtual environment that seems complete, and files of many names."""
    (tmp_path / "Makefile").write_bytes((ROOT / "Makefile").read_bytes())
    (tmp_path / "pyproject.toml").touch()
    program = tmp_path / ".venv" / "bin" / "genrelab"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:])\n")
    program.chmod(0o755)
    for stand_in in (program.parent / "python", program.parents[1] / ".recognizer"):
        stand_in.touch()
    for name in ("a b.mp3", "one.mp3", "two.mp3", 'it\'s "x" $HOME `id`; $(id).mp3'):
        (tmp_path / name).touch()
    return tmp_path


def make(room: Path, *arguments: str) -> str:
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(room)}
    run = subprocess.run(["make", *arguments], cwd=room, capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ("one.mp3", ["one.mp3"]),
        ("a b.mp3", ["a b.mp3"]),
        ('it\'s "x" $HOME `id`; $(id).mp3', ['it\'s "x" $HOME `id`; $(id).mp3']),
        ("one.mp3 two.mp3", ["one.mp3", "two.mp3"]),
        ("'a b.mp3' one.mp3", ["a b.mp3", "one.mp3"]),
        ("*e.mp3", ["one.mp3"]),
        ("missing.mp3; $(id)", ["missing.mp3;", "$(id)"]),
        ("-x", ["-x"]),
        (".", ["."]),
        ("dont' stop.mp3", ["dont' stop.mp3"]),
    ],
)
def test_files_arrive_as_they_are_named(room: Path, given: str, paths: list[str]) -> None:
    assert make(room, "recognize", f"FILE={given}") == f"{['recognize', '--', *paths]}\n"


def test_the_home_folder(room: Path) -> None:
    assert make(room, "recognize", "FILE=~/one.mp3") == f"{['recognize', '--', str(room / 'one.mp3')]}\n"
    assert make(room, "recognize", "FILE=~") == f"{['recognize', '--', str(room)]}\n"


@pytest.mark.parametrize(("given", "status"), [("one.mp3", 1), ("'a b.mp3' one.mp3", 1), ("one.mp3", 2)])
def test_an_unsure_answer_is_no_failure(room: Path, given: str, status: int) -> None:
    program = room / ".venv" / "bin" / "genrelab"
    program.write_text(f"#!{sys.executable}\nimport sys\nsys.exit({status})\n")
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(room)}
    run = subprocess.run(
        ["make", "recognize", f"FILE={given}"], cwd=room, capture_output=True, text=True, env=environment
    )
    assert (run.returncode == 0) is (status == 1)


def test_without_a_file_a_piece_is_composed(room: Path) -> None:
    composed, recognized, *_ = make(room, "recognize").splitlines()
    assert composed == "['demo', '--compose', 'demo/piece.mp3']"
    assert recognized.startswith("['recognize',") and recognized.endswith("'demo/piece.mp3']")


def test_make_alone_prints_every_target_for_users(room: Path) -> None:
    printed = make(room)
    assert all(f"make {target}" in printed for target in ("recognize", "demo", "test", "lint"))
