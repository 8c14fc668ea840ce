"""Conditions on folders: what SQLite makes of them, and how many there may be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

import pytest

from genrelab.library.store.track_filter import any_of, at_or_below, below

PATHS = (b"/m", b"/m/a", b"/m/a/b", b"/m/ab", b"/m/a b/c", b"/m0", b"/n/a")
Condition = Callable[[Iterable[bytes]], tuple[str, list[bytes]]]


@pytest.fixture
def database() -> sqlite3.Connection:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE tracks (path BLOB PRIMARY KEY)")
    database.executemany("INSERT INTO tracks VALUES (?)", [(path,) for path in PATHS])
    return database


def paths(database: sqlite3.Connection, condition: Condition, folders: Iterable[bytes]) -> set[bytes]:
    clause, values = condition(folders)
    return {path for (path,) in database.execute(f"SELECT path FROM tracks WHERE {clause}", values)}


@pytest.mark.parametrize("folder", PATHS)
def test_a_folder_contains_what_lies_below_it(database: sqlite3.Connection, folder: bytes) -> None:
    inside = {path for path in PATHS if path.startswith(folder + b"/")}
    for written in (folder, folder + b"/"):
        assert paths(database, below, [written]) == inside
    assert paths(database, at_or_below, [folder]) == {folder, *inside}
    assert paths(database, at_or_below, [folder, b"/n/a"]) == {folder, *inside, b"/n/a"}


def test_there_may_be_thousands_of_folders(database: sqlite3.Connection) -> None:
    many = [b"/x/%d" % number for number in range(5000)]
    for condition in (below, at_or_below):
        assert paths(database, condition, [*many, b"/m/a"]) == paths(database, condition, [b"/m/a"])
    database.execute(f"SELECT {any_of(['path = 1'] * 20_000)} FROM tracks")


def test_no_folder_contains_nothing(database: sqlite3.Connection) -> None:
    assert paths(database, below, []) == paths(database, at_or_below, []) == set()
