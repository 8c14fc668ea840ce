"""The index of a corpus: what is missing, changed and added since it was made."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from raising import raises

from genrelab.cli.main import main
from genrelab.lab.corpora.checksums import compare_index, make_index, read_index, write_index
from genrelab.lab.corpora.registry import load_corpus
from genrelab.lab.corpora.types import Corpus
from genrelab.lab.findings.skipped import MOST_REASONS, skipped_alike
from genrelab.lab.findings.wording import skipped_lines


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    for genre in ("jazz", "rock"):
        (folder / genre).mkdir(parents=True)
        for number in range(3):
            (folder / genre / f"{number}.mp3").write_bytes(f"{genre}{number}".encode())
    return folder


def corpus(music: Path) -> Corpus:
    return load_corpus(f"folder:{music}")


def test_an_index_of_an_unchanged_corpus_fits_wherever_it_lies(music: Path, tmp_path: Path) -> None:
    write_index(tmp_path / "index.json", make_index(corpus(music)))
    moved = music.rename(tmp_path / "moved")
    found = compare_index(corpus(moved), read_index(tmp_path / "index.json"))
    assert found.unchanged and found.same == 6
    values = json.loads((tmp_path / "index.json").read_text())
    assert values["clips"]["jazz/0.mp3"] == {
        "file": "0.mp3", "digest": hashlib.sha256(b"jazz0").hexdigest(), "bytes": 5, "genre": "jazz",
    }  # fmt: skip
    assert "music" not in (tmp_path / "index.json").read_text().replace('"corpus": "music"', "")


def test_missing_changed_and_added_clips_are_told_apart(music: Path) -> None:
    index = make_index(corpus(music))
    (music / "jazz/0.mp3").unlink()
    (music / "jazz/1.mp3").write_bytes(b"JAZZ1")
    (music / "jazz/2.mp3").write_bytes(b"longer than before")
    (music / "rock/new.mp3").write_bytes(b"new")
    found = compare_index(corpus(music), index)
    assert (found.missing, found.added, found.same) == (("jazz/0.mp3",), ("rock/new.mp3",), 3)
    assert found.changed == {"jazz/1.mp3": "other content", "jazz/2.mp3": "18 bytes, not 5"}


def test_a_changed_genre_is_a_change(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"a")
    table = tmp_path / "clips.csv"
    table.write_text("path,genre,start,duration\na.mp3,jazz,0,1\na.mp3,,1,1\n")
    index = make_index(load_corpus(f"table:{table}"))
    assert compare_index(load_corpus(f"table:{table}"), index).unchanged
    table.write_text("path,genre,start,duration\na.mp3,jazz; rock,0,1\na.mp3,jazz,1,1\n")
    found = compare_index(load_corpus(f"table:{table}"), index)
    assert found.changed == {"a.mp3@0": "genre jazz; rock, not jazz", "a.mp3@1": "genre jazz, not none"}


def test_an_index_of_mirdata_is_read(music: Path, tmp_path: Path) -> None:
    tracks = {
        f"{genre}/{number}.mp3": {
            "audio": [f"any/{genre}/{number}.wav", hashlib.md5(f"{genre}{number}".encode()).hexdigest()],
            "tempo": [None, None],
        }
        for genre in ("jazz", "rock")
        for number in range(3)
    }
    tracks["jazz/1.mp3"]["audio"][1] = "0" * 32
    path = tmp_path / "gtzan_genre_index.json"
    path.write_text(json.dumps({"version": "1.0", "tracks": tracks}))
    found = compare_index(corpus(music), read_index(path))
    assert found.same == 5 and found.changed == {"jazz/1.mp3": "other content (1.mp3, not 1.wav)"}


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"format": 2, "corpus": "x", "clips": {}}', '{"tracks": {"a": 1}}', '{"tracks": {}}',
        '{"corpus": "x", "clips": {"a": {"file": "a", "digest": "x"}}}', "[" * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_index_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "index.json"
    path.write_text(text)
    with raises("index-unreadable", path):
        read_index(path)
    with raises("index-unreadable", tmp_path / "none"):
        read_index(tmp_path / "none")


def test_a_corpus_without_files_has_no_index() -> None:
    generated = load_corpus("synthetic:tracks=3,seconds=1,seed=0")
    with raises("index-without-files", generated.name):
        make_index(generated)


def test_the_command(music: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["corpora", "verify", f"folder:{music}"]
    index = str(tmp_path / "index.json")
    assert main([*command, "--write-index", index]) == 0
    assert main([*command, "--write-index", index]) == 1 and "--overwrite" in capsys.readouterr().err
    assert main([*command, "--write-index", index, "--overwrite"]) == 0
    assert main([*command, "--index", index, "--write-index", index]) == 2
    assert main([*command, "--index", index]) == 0
    (music / "rock/0.mp3").unlink()
    (music / "rock/9.mp3").write_bytes(b"9")
    capsys.readouterr()
    assert main([*command, "--index", index]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "missing  rock/0.mp3",
        "added    rock/9.mp3",
        "5 clips are as in the index, 1 missing, 0 changed, 1 added",
    ]
    assert main([*command, "--index", index, "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["missing"] == ["rock/0.mp3"]


def test_absent_clips_are_summed_up_in_a_line() -> None:
    absent = {f"blues.{number:05}": "not in this copy" for number in range(100)}
    lines = skipped_lines(skipped_alike(absent | {"jazz.00054": "damaged"}))
    assert lines == [
        "100 clips, not in this copy: blues.00000, blues.00001, blues.00002 and 97 more",
        "jazz.00054: damaged",
    ]
    assert skipped_lines(skipped_alike({})) == []


@pytest.mark.parametrize("more", [0, 1, 5])
def test_many_reasons_are_summed_up_too(more: int) -> None:
    skipped = {f"c{number:02}": f"reason {number}" for number in range(MOST_REASONS + more)}
    lines = skipped_lines(skipped_alike(skipped))
    assert len(lines) == MOST_REASONS and lines[0] == "c00: reason 0"
    assert sum(each.count for each in skipped_alike(skipped)) == len(skipped)
    if more:
        assert lines[-1].startswith(f"{more + 1} clips, each for another reason: c09, c10")


def test_show_sums_up_and_json_keeps_every_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for genre in ("blues", "jazz"):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / f"{genre}.00000.wav").write_bytes(b"x")
    assert main(["corpora", "show", f"gtzan:{tmp_path}"]) == 0
    out = capsys.readouterr().out
    assert "998 clips, not in this copy: blues.00001" in out and out.count("not in this copy") == 1
    assert main(["corpora", "show", f"gtzan:{tmp_path}", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["skipped"]) == 998
