"""Libraries with damaged values: every command answers, whatever a library holds.

Each database has a few values replaced by such as no genrelab writes, also of types that the tables forbid
(by way of a table that is not strict for a moment, as bytes that were changed on a disk would be).
"""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import tagged
from disks import quick_folder

from genrelab.cli.main import main
from genrelab.library import Library

Capture = pytest.CaptureFixture[str]

DEEP = "[" * 100_000
HUGE = "9" * 5000
TEXTS: list[Any] = [
    *("", "{}", "null", "[", "[[]]", "[1]", '[["jazz"]]', '[["jazz", "x"]]', '[["jazz", NaN]]', DEEP),
    *(
        '[["jazz", Infinity]]',
        '[["jazz", 1e999]]',
        f'[["jazz", {HUGE}]]',
        '[[["a"], 0.5]]',
        '[[{"a": 1}, 1]]',
    ),
    *('[["\\ud800", 0.5]]', "[[null, 0.5]]", '{"a": [1, 2]}', '[["jazz", 2.0]]', '[["jazz", true]]', "[]"),
    *(
        '[["output", "\\ud800"]]',
        '[["odd", "x"]]',
        '[["output", 7]]',
        f"[{'0,' * 600_000}0]",
        "\u202e\n\x1b[2J",
    ),
]


def packed(value: object) -> bytes:
    return zlib.compress((value if isinstance(value, str) else json.dumps(value)).encode())


BLOBS: list[Any] = [
    *(b"", b"\0", b"abc", b"\xff" * 8, bytes(4), bytes(2**20), np.full(4, np.nan, "<f4").tobytes()),
    *(np.full(4, np.inf, "<f4").tobytes(), np.full(2, 3e38, "<f4").tobytes(), packed("["), packed([1])),
    *(packed([[0, 1]]), packed([[0.0, 1.0, "jazz", math.inf]]), packed([[1.0, 0.0, "jazz", 0.5]])),
    *(
        packed([[0.0, 1.0, 7, 0.5]]),
        packed([[0.0, 1.0, "jazz", 0.5]] * 2),
        packed([[0.0, 1e300, None, None]]),
    ),
    *(packed([[0.0, 1.0, "\ud800", 0.5]]), packed([]), packed({}), packed(DEEP), zlib.compress(bytes(2**28))),
    *(packed("[" + "[]," * 2_000_000 + "[]]"), packed([[0.0, 1.0, "jazz", 0.5]])[:-3]),
]
TAGS: list[Any] = [
    *('[["mood", "calm", 0.5]]', '[["mood", "calm", 0.5, 1]]', '[["mood", "calm", NaN, true]]'),
    *('[["Mood", "calm", 0.5, true]]', '[["mood", null, 0.5, true]]', '[["mood", "calm", 7.0, true]]'),
    *('[["mood", "\\ud800", 0.5, true]]', '[["mood", ["calm"], 0.5, true]]', '["mood", "calm", 0.5, true]'),
]
NUMBERS: list[Any] = [math.inf, -math.inf, 1e308, -1.0, 5e-324, 0, 2**63 - 1, -(2**63), 7.5]
PATHS: list[Any] = [
    *(
        b"",
        b"/",
        b"relative.mp3",
        b"/a\0b",
        b"\xff\xfe",
        b"/dev/zero",
        b"/" + b"x" * 5000,
        b"/" + b"d/" * 3000,
    ),
    *("/text", b"/proc/self/mem", b"/etc/passwd"),
]
VALUES = [*TEXTS, *BLOBS, *NUMBERS, *PATHS, *[None] * 6]  # each kind is drawn now and then
FITTING: dict[str, list[Any]] = {
    "path": PATHS,
    "genres": TEXTS,
    "notices": TEXTS,
    "tags": [*TEXTS, *TAGS],
    "timeline": BLOBS,
    "embedding": BLOBS,
    "probabilities": BLOBS,
    "duration": NUMBERS,
    "confidence": NUMBERS,
    "tag_before": TEXTS,
    "tag_after": TEXTS,
}


EACH_KIND = 40
"""So many libraries have damage of each kind in each column."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, tagged_model: Path) -> Path:
    """A folder with songs and a library that knows them and has written genres and moods."""
    folder = tmp_path_factory.mktemp("scene")
    songs = folder / "songs"
    songs.mkdir()
    for number, kind in enumerate(("flac", "mp3-24", "ogg", "wav")):
        tagged.make(songs, kind, frequency=(200.0, 1000.0)[number % 2])
    at = ["--library", str(folder / "l.db")]
    assert main(["recognize", str(songs), "--model", str(tagged_model), "--full", *at]) == 0
    assert main(["tag", str(songs), "--write", "--moods", "--styles", *at]) == 0
    return folder


def copy(scene: Path, folder: Path) -> Path:
    """Copy the folder, and let the library know the songs in their new place."""
    shutil.copytree(scene, folder)
    with sqlite3.connect(folder / "l.db") as connection:
        for table in ("tracks", "changes"):
            for number, path in connection.execute(f"SELECT id, path FROM {table}").fetchall():
                moved = path.replace(os.fsencode(scene), os.fsencode(folder))
                connection.execute(f"UPDATE {table} SET path = ? WHERE id = ?", (moved, number))
    connection.close()
    return folder


class Damage(NamedTuple):
    """A value that was put into a column, into a table that is not strict for the moment if `loose`."""

    column: str
    value: Any
    loose: bool
    refused: str = ""

    def __str__(self) -> str:
        return f"{self.column}: {self.refused}" if self.refused else f"{self.column} = {self.value!r:.60}"


def damage(path: Path, rng: np.random.Generator, turn: int) -> list[Damage]:
    """Replace values of a library, the first in the column whose turn it is; return what was done."""
    connection = sqlite3.connect(path, isolation_level=None)
    tables = {}
    for table in ("tracks", "changes"):
        ((tables[table],),) = connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,))
    loose = bool(rng.integers(2))
    if loose:
        _rewrite_schema(connection, {name: _loosened(text) for name, text in tables.items()})
        connection = _again(connection, path)
    done = []
    columns = _columns(connection)
    for number in range(int(rng.integers(1, 4))):
        table = str(rng.choice(["tracks", "tracks", "tracks", "changes"]))
        column = str(rng.choice([column for of, column in columns if of == table]))
        if number == 0:
            table, column = columns[turn % len(columns)]
        pool = FITTING.get(column, VALUES) if rng.integers(3) else VALUES
        value = pool[int(rng.integers(len(pool)))]
        where = "" if rng.integers(3) == 0 else " WHERE id = (SELECT min(id) FROM tracks)"
        try:
            connection.execute(f"UPDATE {table} SET {column} = ?{where}", (value,))
            done.append(Damage(f"{table}.{column}", value, loose))
        except (sqlite3.Error, UnicodeError) as error:
            done.append(Damage(f"{table}.{column}", value, loose, str(error)))
    if loose:
        _rewrite_schema(connection, tables)
    connection.close()
    return done


def _columns(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    return [
        (table, row[1])
        for table in ("tracks", "changes")
        for row in connection.execute(f"PRAGMA table_info({table})")
        if row[1] != "id"
    ]


def _loosened(text: str) -> str:
    text = re.sub(r"\)\s*STRICT$", ")", text)
    return re.sub(r" NOT NULL| CHECK \(state IN \([^)]*\)\)", "", text)


def _rewrite_schema(connection: sqlite3.Connection, tables: dict[str, str]) -> None:
    connection.execute("PRAGMA writable_schema = ON")
    for name, text in tables.items():
        connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (text, name))


def _again(connection: sqlite3.Connection, path: Path) -> sqlite3.Connection:
    connection.close()
    return sqlite3.connect(path, isolation_level=None)


def commands(folder: Path, model: Path) -> list[list[str]]:
    at, songs = ["--library", str(folder / "l.db")], str(folder / "songs")
    return [
        ["library", "show", "--format", "json", *at],
        ["library", "show", *at],
        ["library", "list", "--timeline", "--format", "json", *at],
        ["library", "list", "--format", "csv", *at],
        ["library", "list", songs, *at],
        ["library", "list", "--where", "mood=calm, genre=folk>0.1", "--tags", "--format", "json", *at],
        ["library", "list", "--where", "mood!=calm and confidence>0.1 and genre=low|middle", *at],
        ["library", "tags", "--format", "json", *at],
        ["library", "playlist", str(folder / "y.m3u8"), "--where", "genre=low>0", *at],
        ["library", "check", "--format", "json", *at],
        ["library", "map", "--out", str(folder / "map.html"), *at],
        ["library", "map", "--out", str(folder / "map.html"), "--where", "mood=calm", *at],
        ["similar", f"{songs}/ogg.ogg", "--model", str(model), "--m3u", str(folder / "x.m3u8"), *at],
        ["tag", songs, *at],
        ["recognize", songs, "--model", str(model), "--parts", "--format", "json", "--jobs", "1", *at],
        ["tag", songs, "--undo", *at],
        ["tag", songs, "--write", "--overwrite", "--moods", "--styles", *at],
        ["library", "forget", "--missing", *at],
        ["library", "forget", "--all", *at],
    ]


@pytest.mark.parametrize(
    "count",
    [
        3,
        pytest.param(EACH_KIND, marks=pytest.mark.slow(seconds=25)),
        pytest.param(300, marks=pytest.mark.long(seconds=200)),
    ],
)
def test_every_command_answers(
    count: int, scene: Path, tagged_model: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for output in (sys.stdout, sys.stderr):  # as the command sets them
        output.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    with quick_folder() as quick:
        faults, everything = [], []
        for number in range(count):
            folder = copy(scene, quick / str(number))
            done = damage(folder / "l.db", np.random.default_rng([count, number]), number)
            what = "; ".join(map(str, done))
            faults += [f"{number} {what}: {fault}" for fault in _run(folder, tagged_model, capsysbinary)]
            everything += done
            shutil.rmtree(folder)
        assert not faults, "\n".join(faults)
    if count >= EACH_KIND:
        _check_that_each_kind_was_there(everything, scene / "l.db")


def _check_that_each_kind_was_there(done: list[Damage], database: Path) -> None:
    """Each column had its turn, values of all types were put in, and some that are made for a column."""
    with closing(sqlite3.connect(database)) as connection:
        columns = {".".join(column) for column in _columns(connection)}
    assert {each.column for each in done} == columns
    taken = [each for each in done if not each.refused]
    assert {type(each.value) for each in taken if each.loose} == {str, bytes, int, float, type(None)}
    assert {type(each.value) for each in taken if not each.loose} >= {str, bytes, int, float}
    for column, values in FITTING.items():
        there = {repr(each.value) for each in done if each.column.endswith(f".{column}")}
        assert there & set(map(repr, values)), column


def _run(folder: Path, model: Path, capsys: pytest.CaptureFixture[bytes]) -> list[str]:
    faults = []
    for command in commands(folder, model):
        try:
            code = main(command)
        except BaseException as error:
            faults.append(f"{command[:2]}: {error!r}")
            continue
        captured = capsys.readouterr()
        if code not in (0, 1, 2) or b"Traceback" in captured.err:
            faults.append(f"{command[:2]}: {code} {captured.err!r}")
        if code and not (captured.err + captured.out).strip():
            faults.append(f"{command[:2]}: {code} without a word")
        if "json" in command and code == 0 and not _is_json(captured.out):
            faults.append(f"{command[:2]}: {captured.out!r}")
    return faults


def _is_json(text: bytes) -> bool:
    """Whether a text is JSON as the standard has it: without NaN and infinity."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except ValueError:
        return False
    return True


def change(folder: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(folder / "l.db") as connection:
        connection.execute(statement, values)
    connection.close()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("genres", '[["jazz"]]'),
        ("genres", DEEP),
        ("notices", '[["odd", "x"]]'),
        *(("tags", value) for value in TAGS),
        ("timeline", packed([[0, 1]])),
        ("timeline", zlib.compress(bytes(2**28))),
        ("embedding", b"abc"),
        ("embedding", np.full(2, np.nan, "<f4").tobytes()),
        ("embedding", np.full(2, 3e38, "<f4").tobytes()),
        ("probabilities", b"abcd"),
        ("duration", math.inf),
        ("confidence", -5.0),
        ("sound", b"short"),
    ],
)
def test_a_damaged_row_is_unknown_and_recognized_again(
    column: str, value: Any, scene: Path, tagged_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = copy(scene, tmp_path / "copy")
    at, songs = ["--library", str(folder / "l.db")], folder / "songs"
    command = ["recognize", str(songs), "--model", str(tagged_model), "--format", "json", "--timeline", *at]
    assert main(command) == 0
    right = json.loads(capsys.readouterr().out)
    change(folder, f"UPDATE tracks SET {column} = ? WHERE CAST(path AS TEXT) LIKE '%mp3'", value)
    assert main(["library", "list", "--format", "json", *at]) == 0
    listed = {Path(record["path"]).name: record for record in json.loads(capsys.readouterr().out)}
    assert f"damaged ({column})" in listed["mp3-24.mp3"]["error"]
    assert [record["error"] for name, record in listed.items() if name != "mp3-24.mp3"] == [None] * 3
    assert main(["tag", str(songs / "mp3-24.mp3"), "--no-recognize", *at]) == 1
    assert "genrelab recognize" in capsys.readouterr().out
    for known in (3, 4):
        assert main(command) == 0
        captured = capsys.readouterr()
        assert json.loads(captured.out) == right
        assert f"{known} of 4 were known" in captured.err


def test_one_long_embedding_does_not_push_out_the_others(
    scene: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = copy(scene, tmp_path / "copy")
    change(folder, "UPDATE tracks SET embedding = ? WHERE CAST(path AS TEXT) LIKE '%flac'", bytes(range(64)))
    at = ["--library", str(folder / "l.db")]
    assert main(["similar", str(folder / "songs" / "ogg.ogg"), "--format", "json", *at]) == 0
    assert {Path(record["path"]).suffix for record in json.loads(capsys.readouterr().out)} == {".mp3", ".wav"}
    assert main(["library", "map", "--out", str(folder / "map.html"), *at]) == 0
    assert "3 tracks drawn" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform != "linux", reason="limits of processes")
def test_bombs_take_no_memory(scene: Path, tmp_path: Path) -> None:
    folder = copy(scene, tmp_path / "copy")
    bomb = zlib.compress(bytes(2**28))
    change(folder, "UPDATE tracks SET timeline = ?", bomb)
    code = (
        "import resource, sys; from genrelab.library import Library\n"
        "library = Library(sys.argv[1]); before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(all(said.error for said in library.tracks.all()))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)"
    )
    command = [sys.executable, "-c", code, str(folder / "l.db")]
    said, grown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert said == "True" and int(grown) < 120_000  # kilobytes


def test_an_invalid_path_is_not_read(scene: Path, tmp_path: Path, capsys: Capture) -> None:
    folder = copy(scene, tmp_path / "copy")
    change(folder, "UPDATE tracks SET path = ? WHERE id = (SELECT min(id) FROM tracks)", b"/a\0b\xff")
    assert main(["library", "check", "--format", "json", "--library", str(folder / "l.db")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["counts"]["changed"], report["problems"]) == (1, [])


def test_forgetting_works_on_damaged_rows(scene: Path, tmp_path: Path) -> None:
    folder = copy(scene, tmp_path / "copy")
    change(
        folder,
        "UPDATE tracks SET genres = '[', path = CAST(x'00' || path AS BLOB) "
        "WHERE CAST(path AS TEXT) LIKE '%mp3'",
    )
    at = ["--library", str(folder / "l.db")]
    assert main(["library", "forget", "--missing", *at]) == 0
    with Library(folder / "l.db") as library:
        assert len(list(library.tracks.all())) == 3
    assert main(["library", "forget", "--all", *at]) == 0
    with Library(folder / "l.db") as library:
        assert list(library.tracks.all()) == []
