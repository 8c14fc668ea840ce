"""The library's file: made, shared, and refused with a reason where it cannot be used."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from old_library import make_old
from raising import raises
from unprivileged import as_plain_user, open_folder

from genrelab.library import Library
from genrelab.library.store.database import Database, default_path
from genrelab.library.store.schema.formats import SCHEMA_VERSION
from genrelab.library.store.sqlite_file import identity


def layout(path: Path) -> tuple[int, list[tuple[str, str]]]:
    connection = sqlite3.connect(path)
    ((version,),) = connection.execute("PRAGMA user_version")
    columns = [(name, kind) for _, name, kind, *_ in connection.execute("PRAGMA table_info(tracks)")]
    connection.close()
    return version, columns


def test_an_old_library_is_brought_up_to_date(tmp_path: Path) -> None:
    make_old(tmp_path / "old.db")
    for _ in range(2):
        with Library(tmp_path / "old.db") as library:
            (said,) = library.tracks.all()
            assert (said.genre, said.full, said.probabilities) == ("jazz", True, None)
            assert library.tracks.embedding("/m/a.wav") == [1.0]
            library.journal.begin(b"/x", b"y", b"z" * 32, {}, {})
    Library(tmp_path / "new.db").close()
    assert layout(tmp_path / "old.db") == layout(tmp_path / "new.db")


def test_many_processes_upgrade_an_old_library(tmp_path: Path) -> None:
    make_old(tmp_path / "l.db")
    code = "import sys; from genrelab.library import Library; Library(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "l.db")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in running] == [b""] * 3
    assert layout(tmp_path / "l.db")[0] == SCHEMA_VERSION


def test_the_default_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENRELAB_LIBRARY", str(tmp_path / "a" / "b.db"))
    with Library() as library:
        assert library.path == tmp_path / "a" / "b.db"
    assert (tmp_path / "a" / "b.db").exists()
    monkeypatch.delenv("GENRELAB_LIBRARY")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert default_path().name == "library.db"
    if sys.platform == "linux":
        assert default_path() == tmp_path / "data" / "genrelab" / "library.db"


def test_nothing_is_left_beside_it(tmp_path: Path) -> None:
    Library(tmp_path / "l.db").close()
    assert os.listdir(tmp_path) == ["l.db"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names of any bytes")
@pytest.mark.parametrize("name", ["a?b#c%20.db", "caf\udce9.db", "two\nlines.db"])
def test_odd_names(tmp_path: Path, name: str) -> None:
    Library(tmp_path / name).close()
    assert os.listdir(tmp_path) == [name]


def test_no_database(tmp_path: Path) -> None:
    (tmp_path / "l.db").write_text("dear diary, " * 100)
    with raises("library-no-database", "l.db", "--library"):
        Library(tmp_path / "l.db")
    assert (tmp_path / "l.db").read_text().startswith("dear diary")


def test_another_programs_database(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "l.db")
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.close()
    before = (tmp_path / "l.db").read_bytes()
    with raises("library-foreign", "l.db"):
        Library(tmp_path / "l.db")
    assert (tmp_path / "l.db").read_bytes() == before


def test_a_newer_library(tmp_path: Path) -> None:
    Library(tmp_path / "l.db").close()
    connection = sqlite3.connect(tmp_path / "l.db")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with raises("library-newer", SCHEMA_VERSION + 1, "pip install --upgrade"):
        Library(tmp_path / "l.db")


def test_a_folder_and_a_place_that_cannot_be(tmp_path: Path) -> None:
    with raises("library-is-folder", tmp_path):
        Library(tmp_path)
    (tmp_path / "file").touch()
    with raises("library-place", "l.db"):
        Library(tmp_path / "file" / "l.db")


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_a_library_that_may_not_be_written_or_read() -> None:
    with open_folder() as folder:
        path = folder / "l.db"

        def refuse(code: str) -> None:
            with raises(code, path), Library(path) as library:
                library.journal.drop(1)

        Library(path).close()
        path.chmod(0o444)
        as_plain_user(lambda: refuse("library-read-only"))
        path.chmod(0)
        as_plain_user(lambda: refuse("library-unreadable"))
        for left in folder.iterdir():
            left.unlink()
        folder.chmod(0o555)
        as_plain_user(lambda: refuse("library-unreadable"))
        assert os.listdir(folder) == []


def test_a_damaged_library(tmp_path: Path) -> None:
    path = tmp_path / "l.db"
    with Library(path) as library:
        library.journal.begin(b"/x", b"y", b"z" * 32, {"text": "t" * 20_000}, {})
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with raises("library-damaged", path), Library(path) as library:
        library.journal.unfinished()
        library.tracks.counts()


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes")
def test_a_full_disk_is_an_error(tmp_path: Path) -> None:
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000));"
        "from genrelab.library import Library, LibraryError\n"
        "library, draft = Library(sys.argv[1]), b'.genrelab-0123456789abcdef.tmp'\n"
        "try:\n"
        "    for number in range(1000):\n"
        "        library.journal.begin(b'/x', draft, bytes(32), {'text': 't' * 1000}, {})\n"
        "except LibraryError as error:\n"
        "    print(number, error)\n"
    )
    command = [sys.executable, "-c", code, tmp_path / "l.db"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    number, _, message = done.stdout.partition(" ")
    assert "l.db" in message
    with Library(tmp_path / "l.db") as library:  # what was written before is there
        assert len(library.journal.unfinished()) == int(number) > 0


def test_many_processes_open_it(tmp_path: Path) -> None:
    code = "import sys; from genrelab.library import Library; Library(sys.argv[1]).close()"
    command = [sys.executable, "-c", code, str(tmp_path / "l.db")]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate(timeout=60)[1] for process in running] == [b""] * 4


def test_a_transaction_is_whole_or_nothing(tmp_path: Path) -> None:
    with Database(tmp_path / "l.db") as database:
        add = (
            "INSERT INTO changes (path, state, sound, tag_before, tag_after) VALUES (?, 'begun', x'', '', '')"
        )
        with pytest.raises(ZeroDivisionError), database.transaction():
            database.execute(add, (b"a",))
            with database.transaction():
                database.execute(add, (b"b",))
            raise ZeroDivisionError
        assert database.rows("SELECT * FROM changes") == []
        with database.transaction():
            database.execute(add, (b"c",))
        threads = [
            threading.Thread(target=lambda: [database.execute(add, (b"d",)) for _ in range(20)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert database.rows("SELECT count(*) FROM changes") == [(81,)]


def test_what_a_file_is_comes_from_one_statement() -> None:
    """With several, another process that creates the tables in between makes a new library look foreign."""
    with closing(sqlite3.connect(":memory:")) as connection:
        statements: list[str] = []
        connection.set_trace_callback(statements.append)
        assert identity(connection) == (0, 0, 0)
        assert (
            len([each for each in statements if not each.startswith("--")]) == 1
        )  # those are inside another
