"""Libraries on disks and in folders that can only be read: what is in them can be used."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from disks import small_disk
from old_library import make_old
from raising import raises
from tiny_onnx import RATE, tone
from unprivileged import as_plain_user, open_folder

from genrelab.cli.main import main
from genrelab.library import Library

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="disks that are mounted, permissions of POSIX"
)

Capture = pytest.CaptureFixture[str]


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk with three songs and a library of two of them."""
    import soundfile

    with small_disk(tmp_path, kib=4096) as disk:
        for name, frequency in (("a", 200.0), ("b", 250.0), ("new", 3000.0)):
            soundfile.write(disk / f"{name}.wav", tone(frequency), RATE)
        yield disk


@pytest.fixture
def known(disk: Path, tiny_model: Path, capsys: Capture) -> Path:
    library = disk / "l.db"
    recognize(tiny_model, library, disk / "a.wav", disk / "b.wav")
    capsys.readouterr()
    return library


def recognize(model: Path, library: Path, *paths: Path) -> int:
    at = ["--model", str(model), "--library", str(library), "--format", "json"]
    return main(["recognize", *map(str, paths), *at])


def test_reading_commands_work_and_writing_ones_fail(
    disk: Path, known: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    at = ["--library", str(known)]
    page, like = tmp_path / "map.html", tmp_path / "like.m3u8"
    with read_only(disk):
        assert main(["library", "show", "--format", "json", *at]) == 0
        assert json.loads(capsys.readouterr().out)["tracks"] == 2
        assert main(["library", "list", "--format", "json", *at]) == 0
        assert [record["genre"] for record in json.loads(capsys.readouterr().out)] == ["low", "low"]
        assert main(["library", "check", *at]) == 0
        assert "2 without a genre tag" in capsys.readouterr().err
        assert main(["library", "map", "--out", str(page), *at]) == 0
        assert main(["similar", str(disk / "a.wav"), "--m3u", str(like), *at]) == 0
        assert main(["similar", str(disk / "new.wav"), "--model", str(tiny_model), *at]) == 0
        assert main(["tag", str(disk / "a.wav"), *at]) == 0
        capsys.readouterr()
        assert recognize(tiny_model, known, disk) == 0
        captured = capsys.readouterr()
        assert [record["genre"] for record in json.loads(captured.out)] == ["low", "low", "high"]
        assert [record["warning"] for record in json.loads(captured.out)] == [None] * 3
        assert str(known) in captured.err
        assert "2 of 3 were known" in captured.err
        for command in (
            ["tag", str(disk), "--write"],
            ["tag", str(disk), "--undo"],
            ["library", "forget", "--all"],
        ):
            assert main([*command, *at]) == 1
            assert str(known) in capsys.readouterr().err
    assert page.exists() and like.exists()
    assert sorted(os.listdir(disk)) == ["a.wav", "b.wav", "l.db", "new.wav"]


def test_an_older_layout(disk: Path, capsys: Capture) -> None:
    make_old(disk / "old.db")
    whole = (disk / "old.db").read_bytes()
    with read_only(disk):
        assert main(["library", "list", "--library", str(disk / "old.db"), "--format", "json"]) == 0
        assert [record["path"] for record in json.loads(capsys.readouterr().out)] == ["/m/a.wav"]
    assert (disk / "old.db").read_bytes() == whole


def test_what_a_killed_process_had_not_brought_into_the_file(
    disk: Path, known: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Its answers are in the log beside the library: they are read, or it is said where they are."""
    code = (
        "import os, sys; from genrelab.cli.main import main; import genrelab.library.store.database as d;"
        "d.Database.close = lambda self: os._exit(9); main(sys.argv[1:])"
    )
    command = ["recognize", str(disk / "new.wav"), "--model", str(tiny_model), "--library", str(known)]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, check=False)
    assert done.returncode == 9 and (disk / "l.db-wal").stat().st_size > 0
    show = ["library", "show", "--library", str(known), "--format", "json"]
    with read_only(disk):
        assert main(show) == 0
        assert json.loads(capsys.readouterr().out)["tracks"] == 3
    (disk / "l.db-shm").unlink()
    with read_only(disk):
        assert main(show) == 1
        assert "l.db-wal" in capsys.readouterr().err
    assert main(show) == 0
    assert json.loads(capsys.readouterr().out)["tracks"] == 3


def test_without_permission_to_write() -> None:
    with open_folder() as folder:
        path = folder / "l.db"
        Library(path).close()
        path.chmod(0o444)
        folder.chmod(0o555)

        def read() -> tuple[bool, int]:
            with Library(path, must_write=False) as library:
                return library.writable, library.journal.count()

        def refuse() -> None:
            with raises("library-read-only", path):
                Library(path)

        assert as_plain_user(read) == [False, 0]
        as_plain_user(refuse)
        assert os.listdir(folder) == ["l.db"]


def test_a_result_that_is_not_stored_is_a_warning(
    disk: Path, known: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    """Another process holds the library while one of three files is done."""
    from genrelab.library import CachedRecognizer
    from genrelab.recognize import Recognizer

    recognizer = Recognizer.load(tiny_model, threads=1)
    with Library(known) as library:
        cached = CachedRecognizer(recognizer, library, again=True)
        library.database._connection.execute("PRAGMA busy_timeout = 1")
        for path, held in ((disk / "a.wav", False), (disk / "b.wav", True), (disk / "new.wav", False)):
            other = sqlite3.connect(known, isolation_level=None)
            if held:
                other.execute("BEGIN IMMEDIATE")
            said = cached(path)
            other.close()
            assert said.genre in ("low", "high") and said.error is None
            assert bool(said.notices) == held
            if held:
                assert said.notices[0].kind == "output" and str(known) in said.notices[0].text
        assert len(list(library.tracks.all())) == 3
