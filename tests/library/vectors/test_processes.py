"""Processes that build the matrix at once, are killed, or may not write."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from embedded import MODEL, add, best, clustered
from unprivileged import as_plain_user, open_folder

from genrelab.library import Library
from genrelab.library.vectors import open_vectors, opening, sketch

LENGTH = 256

SEARCH = """
import json, sys
import numpy as np
from genrelab.library import Library
from genrelab.library.vectors import open_vectors, opening, sketch
opening.STORED_FROM, sketch.SKETCHED_FROM = 1, 1000
path, model, numbers = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
with Library(path) as library:
    for _ in range(int(sys.argv[4])):
        vectors = open_vectors(library, model)
        found = vectors.search(np.array([numbers], np.float32), 10).rows[0].tolist()
        print(json.dumps([len(vectors), found]), flush=True)
"""


PAUSE = """
import time
from genrelab.library.vectors.files.folder import Folder
from genrelab.library.vectors.files.row_file import RowFile
kind = {"append": RowFile, "finish": RowFile}.get(sys.argv[5], Folder)
act, calls = getattr(kind, sys.argv[5]), []
def paused(self, *given):
    calls.append(given)
    if len(calls) == int(sys.argv[6]):
        if kind is RowFile:
            self.file.flush()
        print("paused", flush=True)
        time.sleep(100)
    return act(self, *given)
setattr(kind, sys.argv[5], paused)
"""


def kill_at(path: Path, query: np.ndarray, act: str, call: int) -> None:
    """Start a search, and kill it when it is about to act for the so manieth time."""
    arguments = [str(path), MODEL, json.dumps(query.tolist()), "1", act, str(call)]
    head, tail = SEARCH.split("with Library", 1)
    command = [sys.executable, "-c", f"{head}{PAUSE}with Library{tail}", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "paused\n"
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def start(path: Path, query: np.ndarray, times: int = 1) -> subprocess.Popen[str]:
    arguments = [str(path), MODEL, json.dumps(query.tolist()), str(times)]
    return subprocess.Popen([sys.executable, "-c", SEARCH, *arguments], stdout=subprocess.PIPE, text=True)


def ids(drawn: np.ndarray, query: np.ndarray) -> list[int]:
    return [1 + number for number in best(drawn, query)]


@pytest.fixture
def drawn() -> np.ndarray:
    return clustered(12_000, LENGTH)


@pytest.fixture
def path(tmp_path: Path, drawn: np.ndarray) -> Path:
    add(tmp_path / "l.db", drawn)
    return tmp_path / "l.db"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "STORED_FROM", 1)
    monkeypatch.setattr(sketch, "SKETCHED_FROM", 1000)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("act", "call"),
    [("create", 1), ("append", 3), ("finish", 1), ("append", 5), ("write_rows", 1), ("write", 1)],
)
def test_a_process_that_is_killed_leaves_nothing_wrong(
    path: Path, drawn: np.ndarray, act: str, call: int
) -> None:
    kill_at(path, drawn[5], act, call)
    folder = path.with_suffix(".vectors")
    assert not list(folder.glob("*.json")), "nothing is named before it is complete"
    assert act == "create" or list(folder.glob("*.f16"))
    with Library(path) as library:
        vectors = open_vectors(library, MODEL)
        assert vectors is not None
        assert vectors.search(drawn[5:6], 10).rows[0].tolist() == ids(drawn, drawn[5])
    left = sorted(each.suffix for each in folder.iterdir() if not each.name.startswith("."))
    assert left == [".axes", ".f16", ".json", ".lock", ".rows", ".sketch"]


@pytest.mark.slow
@pytest.mark.parametrize(("act", "call"), [("append", 4), ("finish", 2), ("write", 1)])
def test_a_process_that_is_killed_while_it_appends(
    path: Path, drawn: np.ndarray, act: str, call: int
) -> None:
    with Library(path) as library:
        assert open_vectors(library, MODEL) is not None
    (matrix,) = path.with_suffix(".vectors").glob("*.f16")
    size = matrix.stat().st_size
    more = clustered(9_000, LENGTH, 3)
    add(path, more, name="new")
    kill_at(path, more[5], act, call)
    assert matrix.stat().st_size > size
    both = np.concatenate([drawn, more])
    with Library(path) as library:
        vectors = open_vectors(library, MODEL)
        assert vectors is not None and len(vectors) == 21_000
        for query in (drawn[7], more[5], more[8_999]):
            assert vectors.search(query[None], 10).rows[0].tolist() == ids(both, query)
        np.testing.assert_allclose(np.linalg.norm(vectors.matrix.astype(np.float32), axis=1), 1.0, atol=1e-3)


@pytest.mark.slow
def test_processes_that_start_at_once_build_it_once(path: Path, drawn: np.ndarray) -> None:
    processes = [start(path, drawn[number]) for number in range(4)]
    for number, process in enumerate(processes):
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        assert json.loads(out) == [12_000, ids(drawn, drawn[number])]
    assert len(list(path.with_suffix(".vectors").glob("*.f16"))) == 1


@pytest.mark.slow
def test_processes_search_while_tracks_are_added_and_removed(path: Path, drawn: np.ndarray) -> None:
    processes = [start(path, drawn[number], times=40) for number in range(3)]
    with Library(path) as library:
        for number in range(12):
            add(path, clustered(50, LENGTH, 100 + number) - 40.0, name=f"far{number}")  # not near the queries
            library.tracks.forget([f"/music/far{number}{each:07}" for each in range(0, 50, 2)])
    for number, process in enumerate(processes):
        out, _ = process.communicate(timeout=120)
        assert process.returncode == 0
        answers = [json.loads(line) for line in out.splitlines()]
        assert len(answers) == 40
        assert all(found == ids(drawn, drawn[number]) for _, found in answers)
        assert all(12_000 <= count <= 12_300 + 25 for count, _ in answers)
    with Library(path) as library:
        vectors = open_vectors(library, MODEL)
        assert vectors is not None and len(vectors) == 12_300


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
@pytest.mark.parametrize("is_built", [True, False])
@pytest.mark.parametrize("is_newer", [True, False])
def test_a_library_that_cannot_be_written_is_searched(is_built: bool, is_newer: bool) -> None:
    drawn, more = clustered(1500, LENGTH), clustered(20, LENGTH, 4)
    with open_folder() as folder:
        path = folder / "l.db"
        add(path, drawn)
        if is_built:
            with Library(path) as library:
                assert open_vectors(library, MODEL) is not None
        if is_newer:
            add(path, more, name="new")
        Library(path).close()
        for each in (*folder.rglob("*"), folder):
            each.chmod(0o555 if each.is_dir() else 0o444)
        before = sorted(os.fspath(each) for each in folder.rglob("*"))

        def search() -> list[list[int]]:
            with Library(path, must_write=False) as library:
                assert not library.writable
                vectors = open_vectors(library, MODEL)
                assert vectors is not None
                found = vectors.search(np.concatenate([drawn[5:6], more[5:6]]), 10)
                return [[int(each) for each in row] for row in found.rows]

        found = as_plain_user(search)
        assert sorted(os.fspath(each) for each in folder.rglob("*")) == before
    everything = np.concatenate([drawn, more]) if is_newer else drawn
    assert found == [ids(everything, drawn[5]), ids(everything, more[5])]
