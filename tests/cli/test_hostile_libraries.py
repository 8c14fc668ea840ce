"""Libraries made by strangers: no command removes, changes or waits for a file because one says so."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tagged

from genrelab import drafts
from genrelab.cli.main import main
from genrelab.library import Library
from genrelab.library.explore.playlist import title_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="links, FIFOs, names of any bytes")

NAME = ".genrelab-0123456789abcdef.tmp"
Capture = pytest.CaptureFixture[str]


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    for number, kind in enumerate(("flac", "mp3-24", "ogg")):
        tagged.make(folder, kind, frequency=(200.0, 1000.0, 3000.0)[number])
    return folder


@pytest.fixture
def library(songs: Path, tiny_model: Path, tmp_path: Path, capsys: Capture) -> Path:
    """A library that knows the songs, and has written one genre."""
    path = tmp_path / "stranger" / "l.db"
    assert main(["recognize", str(songs), "--model", str(tiny_model), "--library", str(path)]) == 0
    for options in ([], ["--write"]):
        assert main(["tag", str(songs / "flac.flac"), *options, "--library", str(path)]) == 0
    capsys.readouterr()
    return path


@pytest.fixture
def victims(tmp_path: Path) -> Path:
    """A folder of files that are nobody's business."""
    folder = tmp_path / "home"
    (folder / "deep").mkdir(parents=True)
    for name in ("thesis.tex", "deep/key", f"deep/{NAME}", NAME + ".bak", "genrelab-0123456789abcdef.tmp"):
        (folder / name).write_text(f"{name}, dear to somebody")
    (folder / NAME).symlink_to("thesis.tex")
    os.mkfifo(folder / "pipe.mp3")
    return folder


def seen(folder: Path) -> dict[str, Any]:
    """What lies in a folder: contents, links, times."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else None
        found[str(path)] = (status.st_mode, status.st_size, status.st_mtime_ns, content)
    return found


def commands(library: Path, songs: Path, model: Path, out: Path, *, writing: bool) -> Iterator[list[str]]:
    at = ["--library", str(library)]
    yield ["library", "show", *at]
    yield ["library", "list", "--timeline", "--format", "json", *at]
    yield ["library", "check", *at]
    yield ["library", "map", "--out", str(out / "map.html"), *at]
    yield ["similar", str(songs / "ogg.ogg"), "--m3u", str(out / "like.m3u8"), *at]
    yield ["recognize", str(songs), "--model", str(model), *at]
    yield ["recognize", str(songs), "--model", str(model), "--cue", str(out), "--picture", str(out), *at]
    yield ["tag", str(songs), *at]
    if writing:
        yield ["tag", str(songs), "--write", "--overwrite", *at]
        yield ["tag", str(songs), "--undo", *at]
    yield ["library", "forget", "--missing", *at]
    yield ["library", "forget", "--all", *at]


def run_all(library: Path, songs: Path, model: Path, out: Path, capsys: Capture, *, writing: bool) -> None:
    out.mkdir(exist_ok=True)
    for command in commands(library, songs, model, out, writing=writing):
        assert main(command) in (0, 1, 2), command
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err


def add_change(library: Path, path: bytes | Path, draft: bytes | None, state: str, **values: Any) -> None:
    row = {
        "path": os.fsencode(path),
        "draft": draft,
        "state": state,
        "undoes": None,
        "sound": bytes(32),
        "tag_before": "{}",
        "tag_after": "{}",
        "file_before": bytes(32),
        "file_after": bytes(32),
        **values,
    }
    with sqlite3.connect(library) as connection:
        names = ", ".join(row)
        places = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO changes ({names}) VALUES ({places})", list(row.values()))
    connection.close()


@pytest.mark.parametrize("state", ["begun", pytest.param("ready", marks=pytest.mark.slow)])
def test_no_file_is_removed(
    state: str,
    library: Path,
    songs: Path,
    victims: Path,
    tiny_model: Path,
    tmp_path: Path,
    capsys: Capture,
) -> None:
    song = songs / "flac.flac"
    key = os.fsencode(victims / "deep" / "key")
    for draft in (
        *(b"../home/thesis.tex", b"../home/deep/key", key, b"flac.flac", b".", b"..", b"", b"mp3-24.mp3"),
        *(
            b"../home/" + NAME.encode(),
            b"../home/deep/" + NAME.encode(),
            NAME.encode() + b"\0",
            b"./" + NAME.encode(),
            b"\xff",
            None,
        ),
    ):
        add_change(library, song, draft, state)
    for path in (
        *(victims / "thesis.tex", victims / "deep", victims / "none", victims / "deep" / ".." / "pipe.mp3"),
        *(
            victims / "pipe.mp3",
            Path("/dev/zero"),
            Path("/"),
            Path("thesis.tex"),
            songs / ".." / "home" / "x",
        ),
    ):
        add_change(library, path, NAME.encode(), state)
        add_change(library, path, None, state)
    before, music = seen(victims), seen(songs)
    run_all(library, songs, tiny_model, tmp_path / "out", capsys, writing=False)
    assert seen(songs) == music
    run_all(library, songs, tiny_model, tmp_path / "out", capsys, writing=True)
    assert seen(victims) == before
    assert sorted(path.name for path in songs.iterdir()) == ["flac.flac", "mp3-24.mp3", "ogg.ogg"]


def test_opening_removes_no_draft_and_none_that_is_held(
    library: Path, songs: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    draft = songs / NAME
    draft.write_bytes(b"half")
    add_change(library, songs / "flac.flac", NAME.encode(), "begun")
    run_all(library, songs, tiny_model, tmp_path / "out", capsys, writing=False)
    assert draft.exists()
    drafts._swept.add(os.path.realpath(songs))
    with Library(library) as opened:
        assert len(opened.journal.unfinished()) == 1
    with draft.open("rb") as held:
        drafts._lock(held.fileno(), wait=True)
        assert main(["tag", str(songs), "--undo", "--library", str(library)]) == 0
        assert draft.exists()
    assert main(["tag", str(songs), "--undo", "--library", str(library)]) == 0
    assert not draft.exists()
    with Library(library) as opened:
        assert opened.journal.unfinished() == []


def sound_of(song: Path) -> bytes:
    from genrelab.library.store.audio_digest import sound_digest

    return sound_digest(song)


@pytest.mark.parametrize("kind", ["flac.flac", "mp3-24.mp3", "ogg.ogg"])
def test_undo_touches_what_is_named_alone_and_its_genre_alone(
    kind: str, library: Path, songs: Path, victims: Path, capsys: Capture
) -> None:
    """Changes that claim a file was elsewhere, and tags that were never a genre."""
    song, other = songs / kind, songs / "mp3-24.mp3"
    picture = (b"APIC" + bytes([0, 0, 0, 9, 0, 0]) + b"\0image/x\0").hex()
    comment = b"TITLE=stolen".hex()
    hostile = [
        {"id3v2": 4, "size": 10, "frames": [[0, picture]], "id3v1": None},
        {"id3v2": 4, "size": 10**12, "frames": [[0, b"TCON\0\0\0\3\0\0\3Ska".hex()]], "id3v1": 10**9},
        {"id3v2": 4, "size": "much", "frames": [], "id3v1": None},
        {"id3v2": 4, "size": 10, "frames": [["x", "zz"]], "id3v1": None},
        {"comments": [[0, comment]], "present": True, "size": 10},
        {"comments": [[0, b"GENRE=Ska".hex()]], "present": True, "size": 10**12},
        {"comments": 7, "present": True, "size": None},
        {"comments": [[]], "size": -1},
        {},
    ]
    tags = tagged.as_mutagen_sees(song)
    size = song.stat().st_size
    before = seen(victims)
    for value in hostile:
        digest = hashlib.sha256(song.read_bytes()).digest()
        for path in (song, victims / "gone.mp3"):
            shown = {"tag_before": json.dumps(value), "sound": sound_of(song), "file_after": digest}
            add_change(library, path, None, "done", **shown)
        untouched = other.read_bytes() if other != song else b""
        for options in ([], ["--force"]):
            assert main(["tag", str(song), "--undo", *options, "--library", str(library)]) in (0, 1)
            assert "Traceback" not in capsys.readouterr().err
        assert song.stat().st_size < size + 10_000
        assert tagged.as_mutagen_sees(song) == tags
        assert other == song or other.read_bytes() == untouched
        with sqlite3.connect(library) as connection:
            connection.execute("DELETE FROM changes")
        connection.close()
    assert seen(victims) == before


def _tracks(library: Path, statement: str, *values: Any) -> None:
    with sqlite3.connect(library) as connection:
        connection.execute(statement, values)
    connection.close()


def test_paths_of_tracks_are_never_waited_for_or_written(
    library: Path, songs: Path, victims: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    places = ["pipe.mp3", "thesis.tex", "deep", "none", NAME, "/dev/zero", "/dev/null", "/proc/kcore"]
    columns = "size, mtime_ns, model, settings, version, genre, confidence, genres, timeline, embedding"
    for number, place in enumerate(places):
        _tracks(
            library,
            f"INSERT INTO tracks (path, sound, {columns}) SELECT ?, ?, {columns} FROM tracks LIMIT 1",
            os.fsencode(os.path.join(victims, place)),
            bytes([number]) * 32,
        )
    before = seen(victims)
    command = ["similar", str(songs / "ogg.ogg"), "--count", "50", "--format", "json"]
    assert main([*command, "--library", str(library)]) == 0
    listed = {Path(record["path"]).name for record in json.loads(capsys.readouterr().out)}
    assert listed <= {"flac.flac", "mp3-24.mp3", "thesis.tex", NAME}  # the last is a link to it
    assert title_of(victims / "pipe.mp3") == "pipe"
    run_all(library, songs, tiny_model, tmp_path / "out", capsys, writing=True)
    assert seen(victims) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON tracks BEGIN DELETE FROM changes; END",
        "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT * FROM n",
        "DROP TABLE changes",
        "ALTER TABLE tracks DROP COLUMN genres",
        "ALTER TABLE tracks ADD COLUMN bomb TEXT GENERATED ALWAYS AS (hex(zeroblob(100000000)))",
        "ALTER TABLE tracks RENAME TO others",
    ],
)
def test_other_tables_are_refused(
    statement: str, library: Path, songs: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    _tracks(library, statement)
    for command in commands(library, songs, tiny_model, tmp_path, writing=True):
        assert main(command) == 1, command
        said = capsys.readouterr().err
        assert "l.db is damaged" in said, said


def test_views_in_place_of_tables(library: Path, capsys: Capture) -> None:
    endless = "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id FROM n"
    _tracks(library, "DROP TABLE tracks")
    _tracks(library, f"CREATE VIEW tracks AS {endless}")
    assert main(["library", "show", "--library", str(library)]) == 1
    assert "l.db is damaged (it has the view 'tracks'" in capsys.readouterr().err


@pytest.mark.parametrize("version", [0, -1, -(2**31)])
def test_layouts_that_never_were(version: int, library: Path, capsys: Capture) -> None:
    _tracks(library, f"PRAGMA user_version = {version}")
    assert main(["library", "show", "--library", str(library)]) == 1
    assert str(version) in capsys.readouterr().err


@pytest.fixture
def kinds(tmp_path: Path) -> Iterator[dict[str, Path]]:
    import socket

    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        yield {
            "a pipe": tmp_path / "pipe",
            "a socket": tmp_path / "socket",
            "a folder": tmp_path,
            "a device": Path("/dev/null"),
        }


@pytest.mark.slow
def test_a_library_that_is_not_a_file_is_an_error(
    kinds: dict[str, Path], songs: Path, tiny_model: Path, tmp_path: Path, capsys: Capture
) -> None:
    for kind, path in kinds.items():
        for command in commands(path, songs, tiny_model, tmp_path, writing=True):
            assert main(command) == 1, command
            said = capsys.readouterr().err
            assert f"{path} is {kind}" in said, said


def test_a_name_that_leaves_no_room(songs: Path, tiny_model: Path, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / ("n" * 250)
    command = ["recognize", str(songs), "--model", str(tiny_model), "--library", str(path)]
    assert main(command) == 1
    assert "is too long. Name another" in capsys.readouterr().err
