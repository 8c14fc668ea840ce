"""The config file: what it changes, what precedes it, and what is wrong with it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import platformdirs
import pytest
import soundfile
from doc_commands import read_by_the_program
from tiny_onnx import RATE, tone, write_tiny

from genrelab.cli.main import main
from genrelab.cli.settings.config_file import CONFIG_VARIABLE, FILE_NAME, MOST_BYTES
from genrelab.cli.settings.keys import KEYS
from genrelab.vocabulary.own.file import file_in_use

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model, music and a folder `conf`; nothing is set in the environment."""
    for variable in ("GENRELAB_MODEL", "GENRELAB_LIBRARY", "GENRELAB_VOCABULARY", CONFIG_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(platformdirs, "user_config_path", lambda *_, **__: tmp_path / "user")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda *_, **__: tmp_path / "data")
    write_tiny(tmp_path / "mine.onnx")
    write_tiny(tmp_path / "other.onnx", genres=("deep", "medium", "shrill"))
    (tmp_path / "conf").mkdir()
    (tmp_path / "songs").mkdir()
    for name, frequency in (("a", 200.0), ("b", 1000.0)):
        soundfile.write(tmp_path / "songs" / f"{name}.flac", tone(frequency), RATE)
    return tmp_path


def write(home: Path, text: str, *, name: str = "conf/mine.toml") -> Path:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def records(capsys: Capture, *words: str | Path, code: int = 0) -> list[dict[str, Any]]:
    assert main([*map(str, words), "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def test_values_and_relative_paths(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(home, 'model = "../mine.onnx"\nlibrary = "my.db"\nexclude = ["b.*"]\ntop = 1\njobs = 1\n')
    monkeypatch.chdir("/")
    found = records(capsys, "--config", config, "recognize", home / "songs")
    assert [(record["genre"], len(record["genres"])) for record in found] == [("low", 1)]
    assert (home / "conf" / "my.db").exists() and not (home / "data").exists()
    found = records(capsys, "--config", config, "tag", home / "songs")
    assert [record["after"] for record in found] == [["low"]]
    assert records(capsys, "--config", config, "model", "info")["model"].startswith("tiny@")  # type: ignore[call-overload]


def test_precedence(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(home, 'model = "../other.onnx"\ntop = 1\nexclude = ["b.*"]\n')
    command = ("--config", config, "recognize", home / "songs", "--no-library")
    assert records(capsys, *command)[0]["genre"] == "deep"
    monkeypatch.setenv("GENRELAB_MODEL", str(home / "mine.onnx"))
    assert records(capsys, *command)[0]["genre"] == "low"
    (record,) = records(capsys, *command, "--model", home / "other.onnx", "--top", "2")
    assert (record["genre"], len(record["genres"])) == ("deep", 2)
    assert len(records(capsys, *command, "--exclude", "a.*")) == 1
    assert len(records(capsys, "--no-config", *command[2:])[0]["genres"]) == 3


def test_where_the_file_is(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def top() -> int:
        return len(records(capsys, "recognize", home / "songs" / "a.flac", "--no-library")[0]["genres"])

    monkeypatch.setenv("GENRELAB_MODEL", str(home / "mine.onnx"))
    assert top() == 3
    assert main(["config", "path"]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"{home / 'user' / FILE_NAME}\n" and "does not exist" in captured.err
    write(home, "top = 1", name=f"user/{FILE_NAME}")
    assert top() == 1
    monkeypatch.setenv(CONFIG_VARIABLE, str(write(home, "top = 2")))
    assert top() == 2
    assert main(["--no-config", "config", "path"]) == 1


def test_it_applies_to_both_steps_of_recognize_with_tag(home: Path, capsys: Capture) -> None:
    write(home, "names: {low: Bass}\n", name="conf/names.yaml")
    config = write(home, 'model = "../mine.onnx"\nlibrary = "my.db"\nmap = "names.yaml"\ngenres = 2\n')
    found = records(capsys, "--config", config, "recognize", home / "songs" / "a.flac", "--tag")
    assert found[0]["after"] == ["Bass"]
    config.write_text(config.read_text() + "min_confidence = 0\n")
    found = records(capsys, "--config", config, "recognize", home / "songs" / "a.flac", "--tag")
    assert found[0]["after"] == ["Bass", "middle"]


def test_a_library_of_the_file_does_not_contradict_no_library(home: Path, capsys: Capture) -> None:
    config = write(home, 'model = "../mine.onnx"\nlibrary = "my.db"\n')
    assert len(records(capsys, "--config", config, "recognize", home / "songs", "--no-library")) == 2
    assert not (home / "conf" / "my.db").exists()


def test_options_of_the_file_need_no_use(home: Path, capsys: Capture) -> None:
    config = write(home, 'model = "../mine.onnx"\nlibrary = "my.db"\nmost = 2\nitunes_grouping = true\n')
    assert len(records(capsys, "--config", config, "tag", home / "songs")) == 2
    assert len(records(capsys, "--config", config, "tag", home / "songs", "--write")) == 2
    assert len(records(capsys, "--config", config, "tag", home / "songs", "--undo")) == 2


def test_placeholders_in_a_file(home: Path, capsys: Capture) -> None:
    write(home, "xyz\n", name="conf/words.txt")
    config = write(home, 'model = "../mine.onnx"\nlibrary = "my.db"\nplaceholders = "@words.txt"\n')
    assert len(records(capsys, "--config", config, "tag", home / "songs")) == 2
    (home / "conf" / "words.txt").unlink()
    assert main(["--config", str(config), "tag", str(home / "songs")]) == 2
    assert str(home / "conf" / "words.txt") in capsys.readouterr().err


def test_show(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    config = write(home, 'model = "~/mine.onnx"\nlibrary = "my.db"\nkeep_mtime = true\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GENRELAB_LIBRARY", "elsewhere.db")
    shown: Any = records(capsys, "--config", config, "config", "show")
    rows = {row["key"]: row for row in shown["settings"]}
    assert (shown["config"], shown["exists"]) == (str(config), True)
    assert (rows["model"]["value"], rows["model"]["source"]) == (str(home / "mine.onnx"), "config")
    assert rows["model"]["origin"] == str(config)
    assert (rows["library"]["value"], rows["library"]["source"]) == ("elsewhere.db", "environment")
    assert "GENRELAB_LIBRARY" in rows["library"]["origin"]
    assert (rows["keep_mtime"]["value"], rows["top"]["value"], rows["top"]["source"]) == (True, 3, "default")
    assert "library check" in rows["library"]["commands"] and rows["genres"]["commands"] == ["tag"]
    assert main(["--config", str(config), "config", "show"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert lines[0].split() == ["key", "value", "from"] and len(lines) == len(rows) + 1
    assert captured.err == ""
    (home / "mine.onnx").unlink()
    assert main(["--config", str(config), "config", "show"]) == 0
    assert str(home / "mine.onnx") in capsys.readouterr().err
    shown = records(capsys, "--no-config", "config", "show")
    assert shown["config"] is None
    assert {row["source"] for row in shown["settings"]} == {"default", "environment"}


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("write = true", ["'write'", "command line"]),
        ("overwrite = true", ["'overwrite'", "command line"]),
        ("guess = true", ["'guess'", "command line"]),
        ('modle = "x"', ["'modle'", "model"]),
        ("min-confidence = 0.5", ["'min-confidence'", "min_confidence"]),
        ("nothing = 1", ["'nothing'", "exclude"]),
        ("[tag]\ngenres = 2", ["[tag]"]),
        ('jobs = "3"', ["'jobs'", "whole number"]),
        ("jobs = true", ["'jobs'", "whole number"]),
        ("jobs = 0", ["'jobs'", "1"]),
        ("full = 1", ["'full'", "true or false"]),
        ("min_confidence = 2", ["'min_confidence'", "1"]),
        ('exclude = "x"', ["'exclude'", "list"]),
        ("exclude = [1]", ["'exclude'", "list"]),
        ('id3v23_separator = "|"', ["'id3v23_separator'", "|"]),
        ('model = ""', ["'model'"]),
        ('model = "a\\u0000b"', ["'model'"]),
        ("model", ["TOML"]),
        ("top = " + "9" * 5000, ["TOML"]),
        ("exclude = " + "[" * 30000, ["TOML"]),
        ('"\\u001b[31m" = 1', ["\\x1b[31m"]),
    ],
)
def test_errors_name_file_and_key(home: Path, text: str, quoted: list[str], capsys: Capture) -> None:
    config = write(home, text)
    for command in (["recognize", str(home / "songs")], ["config", "show"]):
        assert main(["--config", str(config), *command]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert str(config) in line and all(each in line for each in quoted), line
        assert "\x1b" not in line and "Value error" not in line
    assert not (home / "data").exists()
    assert main(["--no-config", "config", "show"]) == 0


def test_files_that_cannot_be_read(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["config", "show"]
    assert main(["--config", str(home / "none"), *command]) == 2
    assert "--config" in capsys.readouterr().err
    monkeypatch.setenv(CONFIG_VARIABLE, str(home / "none"))
    assert main(command) == 2
    assert CONFIG_VARIABLE in capsys.readouterr().err
    assert main(["--config", str(home), *command]) == 2
    large = write(home, "# " + "x" * MOST_BYTES)
    assert main(["--config", str(large), *command]) == 2
    assert "64 KiB" in capsys.readouterr().err
    large.write_bytes("top = 1".encode("utf-16"))
    assert main(["--config", str(large), *command]) == 2
    assert "UTF-8" in capsys.readouterr().err
    large.write_bytes(b"\xef\xbb\xbftop = 1\r\n")
    assert main(["--config", str(large), *command]) == 0
    assert main(["--config", str(large), "--no-config", *command]) == 2


def test_a_faulty_file_hinders_neither_help_nor_what_ignores_it(home: Path, capsys: Capture) -> None:
    write(home, "nonsense", name=f"user/{FILE_NAME}")
    for command in (
        ["recognize", "--help"],
        ["--help"],
        ["config", "path"],
        ["recipes", "--help"],
        ["--version"],
    ):
        assert main(command) == 0
    assert main(["library", "show"]) == 2
    assert "--no-config" in capsys.readouterr().err


def test_the_option_stands_before_the_command(home: Path, capsys: Capture) -> None:
    assert main(["recognize", str(home / "songs"), "--config", "x"]) == 2
    assert "before the command" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_no_key_writes_or_reads_what_only_the_command_line_names() -> None:
    never = {
        "write",
        "undo",
        "overwrite",
        "combine",
        "force",
        "guess",
        "tag",
        "paths",
        "out",
        "moods",
        "styles",
    }
    assert not never & {key.name for key in KEYS}
    assert len({key.name for key in KEYS}) == len(KEYS)


def test_every_key_is_described() -> None:
    page = Path(__file__).parents[2] / "docs" / "use" / "config.md"
    described = {line.split("`")[1] for line in page.read_text().splitlines() if line.startswith("| `")}
    assert {key.name for key in KEYS} == described


def test_the_words_of_the_options_exist() -> None:
    read_by_the_program(("genrelab", "--config", "x.toml", "config", "show", "--format", "json"))
    assert os.path.isabs(platformdirs.user_config_path("genrelab"))


def test_a_vocabulary(home: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "low: {display: Grave}\n", name="conf/names.yaml")
    config = write(home, 'model = "../mine.onnx"\nvocabulary = "names.yaml"\n')
    for words in (["tag"], ["recognize", "--tag"]):
        found = records(capsys, "--config", config, *words, home / "songs" / "a.flac")
        assert [record["after"] for record in found] == [["Grave"]]
    assert file_in_use() is None
    other = write(home, "low: {display: Deep}\n", name="other.yaml")
    for words in (["tag"], ["recognize", "--tag"]):
        found = records(capsys, "--config", config, *words, home / "songs" / "a.flac", "--vocabulary", other)
        assert [record["after"] for record in found] == [["Deep"]]
    monkeypatch.setenv("GENRELAB_VOCABULARY", str(other))
    found = records(capsys, "--config", config, "tag", home / "songs" / "a.flac")
    assert [record["after"] for record in found] == [["Deep"]]


def test_a_missing_vocabulary_stops_only_what_uses_it(home: Path, capsys: Capture) -> None:
    config = write(home, 'model = "../mine.onnx"\nvocabulary = "gone.yaml"\n')
    assert main(["--config", str(config), "recognize", str(home / "songs"), "--quiet"]) == 0
    assert main(["--config", str(config), "config", "show"]) == 0
    assert "gone.yaml" in capsys.readouterr().err
    assert main(["--config", str(config), "tag", str(home / "songs")]) == 2
    assert "gone.yaml" in capsys.readouterr().err
