"""Foreign and damaged files: examples beside a model, rows of a library, a base that changes."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raising import raises
from teaching import run, write_song, write_table

from genrelab.bundle.bundle import Bundle, embedding_key
from genrelab.library import Library
from genrelab.teach.sources.examples_file import examples_file, read_examples

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def taught(lesson: Path, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A taught model with its examples, in a folder of its own."""
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    target = tmp_path / "mine.onnx"
    assert run("teach", "--folders", lesson, "--to", target, "--quiet", "--no-page") == 0
    return target


def change(path: Path, **values: Any) -> None:
    """Rewrite the texts of a file of examples."""
    with np.load(path, allow_pickle=False) as arrays:
        about, vectors = json.loads(arrays["about"].tobytes()), arrays["vectors"]
    vectors = values.pop("vectors", vectors)
    text = json.dumps({**about, **values}).encode()
    np.savez(path, about=np.frombuffer(text, np.uint8), vectors=vectors)


def test_compressed_and_encrypted_examples_are_refused(taught: Path) -> None:
    path = examples_file(taught)
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    whole = path.read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
    with raises("teach-examples-damaged", path):
        read_examples(path)
    locked = bytearray(whole)
    for sign, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = -1
        while (place := locked.find(sign, place + 1)) >= 0:
            locked[place + flags] |= 1
    path.write_bytes(bytes(locked))
    with raises("teach-examples-damaged", path):
        read_examples(path)


@pytest.mark.parametrize(
    "genre", ["unsure", "", "  ", "a\x1b[2J", "x" * 1000]
)  # fmt: skip
def test_examples_with_genres_that_no_model_holds_are_refused(taught: Path, genre: str) -> None:
    path = examples_file(taught)
    genres = [[genre], *map(list, read_examples(path).examples.genres[1:])]
    change(path, genres=genres)
    with raises("teach-examples-damaged", path):
        read_examples(path)


def test_numbers_beyond_all_bounds_are_refused(taught: Path) -> None:
    path = examples_file(taught)
    change(path, doubts=[[float("inf"), "Hum", 0.5, 0.5]])
    with raises("teach-examples-damaged", path):
        read_examples(path)


def test_examples_of_another_size_are_refused(taught: Path, capsys: Capture) -> None:
    stored = read_examples(examples_file(taught))
    change(examples_file(taught), vectors=np.zeros((len(stored.examples), 7), np.float32))
    assert run("review", taught, "--format", "json") == 2
    assert "another model" in capsys.readouterr().err


def test_an_update_without_usable_files_keeps_the_examples(
    taught: Path, tmp_path: Path, capsys: Capture
) -> None:
    before = read_examples(examples_file(taught)).examples
    broken = tmp_path / "broken.flac"
    broken.write_bytes(b"fLaC" + bytes(50))
    table = write_table(tmp_path / "more.csv", [(broken, "Hum")])
    assert run("teach", "--update", taught, "--csv", table, "--no-page") == 1
    assert str(broken) in capsys.readouterr().err
    after = read_examples(examples_file(taught)).examples
    assert after.paths == before.paths and np.array_equal(after.vectors, before.vectors)


def test_rows_of_a_model_with_a_false_base_are_not_learned(
    lesson: Path, tiny_model: Path, own_library: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GENRELAB_MODEL", str(tiny_model))
    assert run("recognize", lesson, "--quiet") in (0, 1)
    key = embedding_key(Bundle.load(tiny_model).identity)
    with Library(own_library) as library:
        library.database.execute(
            "UPDATE tracks SET embedding = ?, model = ? WHERE instr(path, 'Hum') > 0",
            (np.ones(5, "<f4").tobytes(), f"false@000000000000~{key}"),
        )
    target = tmp_path / "mine.onnx"
    assert run("teach", "--folders", lesson, "--to", target, "--quiet", "--no-page") == 0
    vectors = read_examples(examples_file(target)).examples.vectors
    assert vectors.shape == (24, Bundle.load(tiny_model).measure_embedding()) != (24, 5)


def test_a_base_that_changes_is_refused_and_nothing_is_written(
    taught: Path, lesson: Path, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from genrelab.teach import workflow

    base = Path(shutil.copy(taught, tmp_path / "base.onnx"))
    shutil.copy(examples_file(taught), examples_file(base))
    whole, stored = taught.read_bytes(), examples_file(taught).read_bytes()
    collect = workflow.collect

    def change_the_base(*arguments: Any, **named: Any) -> Any:
        base.write_bytes(base.read_bytes() + b"\0")
        return collect(*arguments, **named)

    monkeypatch.setattr(workflow, "collect", change_the_base)
    table = write_table(tmp_path / "more.csv", [(write_song(tmp_path / "new.flac", 2950.0), "Whistle")])
    assert run("teach", "--update", base, "--csv", table, "--to", taught, "--no-page") == 1
    assert str(base) in capsys.readouterr().err
    assert taught.read_bytes() == whole and examples_file(taught).read_bytes() == stored
