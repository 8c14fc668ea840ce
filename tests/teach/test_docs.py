"""The commands of docs/use/teach.md, run as a reader would."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from doc_commands import ROOT, Shown, shown
from teaching import run, write_song, write_table

PAGE = ROOT / "docs" / "use" / "teach.md"


@pytest.fixture
def desk(lesson: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    monkeypatch.chdir(tmp_path)
    shutil.copytree(lesson, home / "Music")
    shutil.copytree(lesson, home / "by-genre")
    write_song(home / "New" / "new.flac", 2950.0)
    write_song(home / "by-genre" / "Hum" / "wrong.flac", 3001.0, artist="Nobody")
    write_song(home / "Music" / "Hum" / "wrong.flac", 3001.0, artist="Nobody", genre="Hum")
    write_table(
        tmp_path / "examples.csv", [(path, path.parent.name) for path in sorted(lesson.rglob("*.flac"))]
    )
    return tmp_path


def words(command: Shown) -> list[str]:
    return [os.path.expanduser(word) for word in command.words[1:]]


def test_the_five_minute_way(
    desk: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = [each for each in shown(PAGE) if each.whole]
    assert [command.words[1] for command in commands] == ["teach", "recognize", "review", "teach"]
    for command in commands:
        if command.words[1] == "review":
            answers = desk / "answers"
            answers.write_text("y\n" * 50)
            monkeypatch.setattr("sys.stdin", answers.open())
        capsys.readouterr()
        assert run(*words(command)) == 0, (command, capsys.readouterr())


def test_every_source_of_examples(desk: Path) -> None:
    teaching = [each for each in shown(PAGE) if each.words[1:2] == ("teach",) and "--to" in each.words]
    assert len(teaching) >= 3
    for command in teaching:
        assert run(*words(command)) == 0, command
